"""A module for PythonHandlerModule without any function of a phase."""
