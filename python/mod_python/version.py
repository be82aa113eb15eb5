"""The version of the package; the module refuses a package of another one.

As in mod_python 3, it also tells of what there is: `HTTPD` (the path of httpd's program), `HTTPD_VERSION`,
`APR_VERSION`, `LIBEXECDIR` (the folder of httpd's modules), `SYSCONFDIR` (that of its configuration) and `PYTHON_BIN`
(the path of Python's program). These are looked up when they are first asked for.
"""

version = "4.0.0-dev"

TYPE_CHECKING = False  # as typing's, whose import takes long
if TYPE_CHECKING:
    HTTPD: str
    HTTPD_VERSION: str
    APR_VERSION: str
    LIBEXECDIR: str
    SYSCONFDIR: str
    PYTHON_BIN: str


def __getattr__(name: str) -> str:
    if name.startswith("_"):
        raise AttributeError(f"module 'mod_python.version' has no attribute {name!r}")
    from mod_python import _build_facts  # which asks httpd

    return _build_facts.value(name)
