"""What ``mod_python.util`` and ``req.form`` consist of."""
