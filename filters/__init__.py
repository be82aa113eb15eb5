"""Filters that are ready to use: PythonOutputFilter mod_python.filters.NAME ...

Each is one module, short enough to be read, copied and changed. Its docstring says what it does,
which lines of configuration it needs, and what its limits are.
"""
