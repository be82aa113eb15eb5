"""Filters that are ready to use: PythonOutputFilter mod_python.filters.NAME ...

Each is one module, short enough to be read, copied and changed. What it does, the lines of
configuration it needs and what it cannot do stand in its first lines.
"""
