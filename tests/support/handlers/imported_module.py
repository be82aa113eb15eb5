"""Imported by apache_functions."""
