"""Protocols that are ready to use: PythonConnectionHandler mod_python.protocols.NAME

Each implements its specification as an async connection handler: few threads serve many
connections, over TLS if the virtual host has it. The docstring of each module says what it
does, which lines of configuration it needs, and what its limits are.
"""
