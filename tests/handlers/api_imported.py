"""Imported by api_functions."""
