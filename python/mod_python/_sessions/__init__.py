"""What ``mod_python.Session`` consists of."""
