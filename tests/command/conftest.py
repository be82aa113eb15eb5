"""The fixture of the tests of the command."""

from command_place import place

__all__ = ["place"]
