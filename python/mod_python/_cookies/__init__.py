"""What ``mod_python.Cookie`` consists of."""
