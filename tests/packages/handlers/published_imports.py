"""A page for mod_python.publisher that imports what is mod_python's own, as old pages do."""

from mod_python import Cookie, apache
from mod_python.apache import *  # noqa: F403
from mod_python.psp import parse as parse
from mod_python.util import FieldStorage
from mod_python.util import redirect as redirect

cookie = Cookie.Cookie("name", "secret")
headers = apache.make_table()
method = cookie.parse


class _Own(FieldStorage):
    def __init__(self) -> None: ...

    def mine(self) -> str:
        return "mine"


own = _Own()


def index() -> str:
    return "the page"
