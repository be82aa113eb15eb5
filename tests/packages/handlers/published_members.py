"""A module whose rules hold for all that is in it."""

# ruff: noqa: F841 - a rule is a variable

from mod_python import apache

__auth__ = {"alice": "wonderland"}
__access__ = ["alice"]
__auth_realm__ = "members"


def index(req: apache.Request) -> str:
    return f"hello {req.user}"


def nobody(req: apache.Request) -> str:
    __access__ = 0
    return "secret"
