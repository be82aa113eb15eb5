"""The parts of ``mod_python.publisher``."""
