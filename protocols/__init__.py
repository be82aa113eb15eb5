"""Protocols that are ready to use: PythonConnectionHandler mod_python.protocols.NAME

Each speaks what its specification says, to any number of connections on a few threads,
and over TLS where the virtual host has it. What it does, the lines of configuration it
needs and what it cannot do stand in its first lines.
"""
