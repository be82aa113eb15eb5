"""Nothing: the name of a module in which mod_python 3 had what Python 2.2 lacked.

It is here for programs that import it.
"""
