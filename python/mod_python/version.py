"""The version of the package; the module refuses a package of another one."""

version = "4.0.0-dev"
