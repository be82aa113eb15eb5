"""What httpd's module gives to Python in each interpreter; `mod_python.apache` shows the public part of it.

Docstrings are in the module itself: `help(apache.Request)` in a handler.
tests/test_stubs.py compares this file with the module.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Literal, overload

from typing_extensions import Buffer

OK: int
DECLINED: int
DONE: int
SUSPENDED: int

HTTP_CONTINUE: int
HTTP_SWITCHING_PROTOCOLS: int
HTTP_PROCESSING: int
HTTP_EARLY_HINTS: int
HTTP_OK: int
HTTP_CREATED: int
HTTP_ACCEPTED: int
HTTP_NON_AUTHORITATIVE: int
HTTP_NO_CONTENT: int
HTTP_RESET_CONTENT: int
HTTP_PARTIAL_CONTENT: int
HTTP_MULTI_STATUS: int
HTTP_ALREADY_REPORTED: int
HTTP_IM_USED: int
HTTP_MULTIPLE_CHOICES: int
HTTP_MOVED_PERMANENTLY: int
HTTP_MOVED_TEMPORARILY: int
HTTP_SEE_OTHER: int
HTTP_NOT_MODIFIED: int
HTTP_USE_PROXY: int
HTTP_TEMPORARY_REDIRECT: int
HTTP_PERMANENT_REDIRECT: int
HTTP_BAD_REQUEST: int
HTTP_UNAUTHORIZED: int
HTTP_PAYMENT_REQUIRED: int
HTTP_FORBIDDEN: int
HTTP_NOT_FOUND: int
HTTP_METHOD_NOT_ALLOWED: int
HTTP_NOT_ACCEPTABLE: int
HTTP_PROXY_AUTHENTICATION_REQUIRED: int
HTTP_REQUEST_TIME_OUT: int
HTTP_CONFLICT: int
HTTP_GONE: int
HTTP_LENGTH_REQUIRED: int
HTTP_PRECONDITION_FAILED: int
HTTP_REQUEST_ENTITY_TOO_LARGE: int
HTTP_REQUEST_URI_TOO_LARGE: int
HTTP_UNSUPPORTED_MEDIA_TYPE: int
HTTP_RANGE_NOT_SATISFIABLE: int
HTTP_EXPECTATION_FAILED: int
HTTP_IM_A_TEAPOT: int
HTTP_MISDIRECTED_REQUEST: int
HTTP_UNPROCESSABLE_ENTITY: int
HTTP_LOCKED: int
HTTP_FAILED_DEPENDENCY: int
HTTP_TOO_EARLY: int
HTTP_UPGRADE_REQUIRED: int
HTTP_PRECONDITION_REQUIRED: int
HTTP_TOO_MANY_REQUESTS: int
HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE: int
HTTP_UNAVAILABLE_FOR_LEGAL_REASONS: int
HTTP_INTERNAL_SERVER_ERROR: int
HTTP_NOT_IMPLEMENTED: int
HTTP_BAD_GATEWAY: int
HTTP_SERVICE_UNAVAILABLE: int
HTTP_GATEWAY_TIME_OUT: int
HTTP_VERSION_NOT_SUPPORTED: int
HTTP_VARIANT_ALSO_VARIES: int
HTTP_INSUFFICIENT_STORAGE: int
HTTP_LOOP_DETECTED: int
HTTP_NOT_EXTENDED: int
HTTP_NETWORK_AUTHENTICATION_REQUIRED: int

APLOG_EMERG: int
APLOG_ALERT: int
APLOG_CRIT: int
APLOG_ERR: int
APLOG_WARNING: int
APLOG_NOTICE: int
APLOG_INFO: int
APLOG_DEBUG: int
APLOG_TRACE1: int
APLOG_TRACE2: int
APLOG_TRACE3: int
APLOG_TRACE4: int
APLOG_TRACE5: int
APLOG_TRACE6: int
APLOG_TRACE7: int
APLOG_TRACE8: int

M_GET: int
M_PUT: int
M_POST: int
M_DELETE: int
M_CONNECT: int
M_OPTIONS: int
M_TRACE: int
M_PATCH: int
M_PROPFIND: int
M_PROPPATCH: int
M_MKCOL: int
M_COPY: int
M_MOVE: int
M_LOCK: int
M_UNLOCK: int
M_VERSION_CONTROL: int
M_CHECKOUT: int
M_UNCHECKOUT: int
M_CHECKIN: int
M_UPDATE: int
M_LABEL: int
M_REPORT: int
M_MKWORKSPACE: int
M_MKACTIVITY: int
M_BASELINE_CONTROL: int
M_MERGE: int
M_INVALID: int

AP_CONN_UNKNOWN: int
AP_CONN_CLOSE: int
AP_CONN_KEEPALIVE: int

APR_NOFILE: int
APR_REG: int
APR_DIR: int
APR_CHR: int
APR_BLK: int
APR_PIPE: int
APR_LNK: int
APR_SOCK: int
APR_UNKFILE: int

APR_FINFO_LINK: int
APR_FINFO_MTIME: int
APR_FINFO_CTIME: int
APR_FINFO_ATIME: int
APR_FINFO_SIZE: int
APR_FINFO_CSIZE: int
APR_FINFO_DEV: int
APR_FINFO_INODE: int
APR_FINFO_NLINK: int
APR_FINFO_TYPE: int
APR_FINFO_USER: int
APR_FINFO_GROUP: int
APR_FINFO_UPROT: int
APR_FINFO_GPROT: int
APR_FINFO_WPROT: int
APR_FINFO_ICASE: int
APR_FINFO_NAME: int
APR_FINFO_MIN: int
APR_FINFO_IDENT: int
APR_FINFO_OWNER: int
APR_FINFO_PROT: int
APR_FINFO_NORM: int
APR_FINFO_DIRENT: int

PROXYREQ_NONE: int
PROXYREQ_PROXY: int
PROXYREQ_REVERSE: int
PROXYREQ_RESPONSE: int

REMOTE_HOST: int
REMOTE_NAME: int
REMOTE_NOLOOKUP: int
REMOTE_DOUBLE_REV: int

REQUEST_NO_BODY: int
REQUEST_CHUNKED_ERROR: int
REQUEST_CHUNKED_DECHUNK: int

AP_REQ_ACCEPT_PATH_INFO: int
AP_REQ_REJECT_PATH_INFO: int
AP_REQ_DEFAULT_PATH_INFO: int

AP_MPMQ_NOT_SUPPORTED: int
AP_MPMQ_STATIC: int
AP_MPMQ_DYNAMIC: int
AP_MPMQ_MAX_DAEMON_USED: int
AP_MPMQ_IS_THREADED: int
AP_MPMQ_IS_FORKED: int
AP_MPMQ_HARD_LIMIT_DAEMONS: int
AP_MPMQ_HARD_LIMIT_THREADS: int
AP_MPMQ_MAX_THREADS: int
AP_MPMQ_MIN_SPARE_DAEMONS: int
AP_MPMQ_MIN_SPARE_THREADS: int
AP_MPMQ_MAX_SPARE_DAEMONS: int
AP_MPMQ_MAX_SPARE_THREADS: int
AP_MPMQ_MAX_REQUESTS_DAEMON: int
AP_MPMQ_MAX_DAEMONS: int
AP_MPMQ_MPM_STATE: int
AP_MPMQ_IS_ASYNC: int
AP_MPMQ_GENERATION: int
AP_MPMQ_HAS_SERF: int

CGI_MAGIC_TYPE: str
INCLUDES_MAGIC_TYPE: str
INCLUDES_MAGIC_TYPE3: str
DIR_MAGIC_TYPE: str

MODULE_MAGIC_NUMBER_MAJOR: int
MODULE_MAGIC_NUMBER_MINOR: int

# Yielded by an async generator: send what there is.
FLUSH: Flush

class Flush: ...

interpreter: str
main_server: Server

_version: str

def log_error(message: str | None, level: int | None = None, server: Server | None = None) -> None: ...
def FileBucket(  # noqa: N802 - it makes a Bucket
    path: str | bytes | PathLike[str], offset: int | None = None, length: int | None = None
) -> Bucket: ...
def server_root() -> str: ...
def mpm_query(code: int) -> int: ...
def exists_config_define(name: str) -> bool: ...

# Of each directive (name, arguments), of each section also a list of what stands in it.
def config_tree() -> list[Any]: ...
def find_path_info(path: str, path_info: str) -> int: ...
def _print(is_error: bool, text: str) -> None: ...
def _takes(level: int) -> bool: ...
def _log(level: int, text: str, path: str, line: int) -> None: ...

class SERVER_RETURN(Exception): ...  # noqa: N801, N818 - mod_python's name for it
class BodyTooLarge(Exception): ...  # noqa: N818 - as SERVER_RETURN, it says what to answer
class FilterLimit(Exception): ...  # noqa: N818

class Request:
    @property
    def connection(self) -> Connection: ...
    @property
    def server(self) -> Server: ...
    @property
    def headers_in(self) -> table: ...
    @property
    def headers_out(self) -> table: ...
    @property
    def err_headers_out(self) -> table: ...
    @property
    def subprocess_env(self) -> table: ...
    @property
    def notes(self) -> table: ...
    @property
    def the_request(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def proto_num(self) -> int: ...
    @property
    def hostname(self) -> str | None: ...
    @property
    def request_time(self) -> float: ...
    @property
    def method(self) -> str: ...
    @property
    def method_number(self) -> int: ...
    @property
    def header_only(self) -> int: ...
    @property
    def unparsed_uri(self) -> str: ...
    @property
    def finfo(self) -> FileInfo: ...
    @property
    def useragent_ip(self) -> str: ...
    @property
    def range(self) -> str | None: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def prev(self) -> Request | None: ...
    @property
    def next(self) -> Request | None: ...
    @property
    def main(self) -> Request | None: ...
    @property
    def phase(self) -> str | None: ...
    @property
    def hlist(self) -> HandlerList | Any: ...
    @property
    def extension(self) -> str | None: ...
    @property
    def interpreter(self) -> str: ...
    @property
    def content_languages(self) -> tuple[str, ...]: ...
    @content_languages.setter
    def content_languages(self, languages: Iterable[str | bytes]) -> None: ...

    status: int
    status_line: str | None
    uri: str
    # None until httpd has looked for the file; that is before most handlers run.
    filename: str | Any
    canonical_filename: str | Any
    path_info: str | None
    args: str | None
    user: str | None
    ap_auth_type: str | None
    handler: str | None
    content_type: str | None
    content_encoding: str | None

    def write(self, data: str | Buffer, flush: int = True) -> None: ...
    def flush(self) -> None: ...
    def read(self, len: int | None = None) -> bytes: ...
    def readline(self, len: int | None = None) -> bytes: ...
    def readlines(self, sizehint: int | None = None) -> list[bytes]: ...
    def discard_request_body(self) -> int: ...
    def log_error(self, message: str | None, level: int | None = None) -> None: ...
    def get_options(self) -> dict[str, str]: ...
    def get_config(self) -> dict[str, str]: ...
    def add_handler(self, htype: str, handler: str | Callable[[Request], int], dir: str | None = None) -> None: ...
    def register_cleanup(self, function: Callable[[Any], object], data: Any = None) -> None: ...
    def set_content_length(self, len: int) -> None: ...
    def meets_conditions(self) -> int: ...
    def document_root(self) -> str: ...
    def send_http_header(self) -> None: ...

    # Attributes of the user's own, for as long as the request lasts.
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class Connection:
    @property
    def base_server(self) -> Server: ...
    @property
    def hlist(self) -> HandlerList | None: ...
    @property
    def client_addr(self) -> tuple[str, int]: ...
    @property
    def local_addr(self) -> tuple[str, int]: ...
    @property
    def remote_addr(self) -> tuple[str, int]: ...
    @property
    def client_ip(self) -> str: ...
    @property
    def remote_ip(self) -> str: ...
    @property
    def local_ip(self) -> str: ...
    @property
    def remote_host(self) -> str | None: ...
    @property
    def local_host(self) -> str | None: ...
    @property
    def remote_logname(self) -> str | None: ...
    @property
    def aborted(self) -> int: ...
    @property
    def keepalives(self) -> int: ...
    @property
    def id(self) -> int: ...
    @property
    def notes(self) -> table: ...

    keepalive: int

    def read(self, length: int = 0) -> bytes: ...
    def readline(self, length: int | None = None) -> bytes: ...
    def write(self, data: str | Buffer) -> None: ...
    def log_error(self, message: str | None, level: int | None = None) -> None: ...

class Server:
    @property
    def server_hostname(self) -> str | None: ...
    @property
    def server_admin(self) -> str | None: ...
    @property
    def port(self) -> int: ...
    @property
    def is_virtual(self) -> int: ...
    @property
    def timeout(self) -> float: ...
    @property
    def next(self) -> Server | None: ...
    def log_error(self, message: str | None, level: int | None = None) -> None: ...
    def get_options(self) -> dict[str, str]: ...
    def get_config(self) -> dict[str, str]: ...
    def register_cleanup(self, req: Request | None, function: Callable[[Any], object], data: Any = None) -> None: ...

    # Attributes of the user's own, for as long as the object lasts.
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class Filter:
    @property
    def req(self) -> Request: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def name(self) -> str: ...
    @property
    def handler(self) -> str: ...
    @property
    def is_input(self) -> int: ...
    @property
    def closed(self) -> int: ...
    @property
    def mode(self) -> Literal["bytes", "line", "peek"] | None: ...
    @property
    def block(self) -> bool | None: ...
    @property
    def readbytes(self) -> int | None: ...
    # In a plain function `bytes | None`, in an async generator `Awaitable[bytes]`.
    def read(self, n: int | None = None) -> Any: ...
    def readline(self, n: int | None = None) -> bytes | None: ...
    def buckets(self) -> AsyncIterator[Bucket]: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def lines(self, limit: int | None = None) -> AsyncIterator[bytes]: ...
    def peek(self, n: int) -> Awaitable[bytes]: ...
    def body(self, limit: int | None = None) -> Awaitable[bytes]: ...
    def replace(
        self, pairs: Mapping[str, str] | Mapping[bytes, bytes], count: int | None = None, ignore_case: bool = False
    ) -> AsyncIterator[bytes]: ...
    def write(self, data: str | Buffer) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...
    def pass_on(self) -> None: ...
    def disable(self) -> None: ...

    # Attributes of the user's own, for as long as the body lasts.
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...

class HandlerList:
    # Past the end of the list all of them are None.
    @property
    def handler(self) -> str | None: ...
    @property
    def silent(self) -> int | None: ...
    @property
    def is_location(self) -> int | None: ...
    @property
    def directory(self) -> str | None: ...
    def next(self) -> None: ...

class Bucket:
    @property
    def type(self) -> str: ...
    @property
    def length(self) -> int | None: ...
    @property
    def is_metadata(self) -> bool: ...
    @property
    def path(self) -> str | None: ...
    @property
    def offset(self) -> int | None: ...
    def read(self) -> bytes: ...
    def split(self, n: int) -> Bucket | None: ...

class FileInfo:
    @property
    def fname(self) -> str | None: ...
    @property
    def filetype(self) -> int: ...
    @property
    def size(self) -> int | None: ...
    @property
    def mtime(self) -> int | None: ...

class table:  # noqa: N801 - mod_python's name for it
    @overload
    def get(self, key: str | bytes) -> str | None: ...
    @overload
    def get(self, key: str | bytes, default: str) -> str: ...
    @overload
    def get(self, key: str | bytes, default: None = None) -> str | None: ...
    def get_all(self, key: str | bytes) -> list[str]: ...
    def add(self, key: str | bytes, value: str | bytes) -> None: ...
    def keys(self) -> list[str]: ...
    def values(self) -> list[str]: ...
    def items(self) -> list[tuple[str, str]]: ...
    def clear(self) -> None: ...
    def update(self, other: Mapping[str, str] | Iterable[tuple[str, str]]) -> None: ...
    def setdefault(self, key: str | bytes, default: str | bytes = "") -> str: ...
    @overload
    def pop(self, key: str | bytes) -> str: ...
    @overload
    def pop(self, key: str | bytes, default: str | None) -> str | None: ...
    def has_key(self, key: str | bytes) -> bool: ...
    def copy(self) -> dict[str, str]: ...
    def __len__(self) -> int: ...
    # A list where a key has several values.
    def __getitem__(self, key: str | bytes) -> str | Any: ...
    def __setitem__(self, key: str | bytes, value: str | bytes) -> None: ...
    def __delitem__(self, key: str | bytes) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
