"""What httpd's module gives to Python in each interpreter; `mod_python.apache` shows the public part of it.

The docstrings are those that the module itself has at run time: `help(apache.Request)` in a handler shows them.
tests/packages/test_stubs.py compares this file with the module, docstrings included.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, AnyStr, Literal

from typing_extensions import Buffer, CapsuleType, TypeVar

_T = TypeVar("_T")
# What is awaited: not quite a coroutine, but type checkers report a coroutine that nobody awaits.
_Awaited = Coroutine[Any, Any, _T]

# What table.get returns where there is no such key.
_Default = TypeVar("_Default", bound=str | None, default=None)

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

class Flush:
    """Yielded by a filter: send what there is."""

interpreter: str
main_server: Server

_version: str

def log_error(message: str | None, level: int | None = None, server: Server | None = None) -> None:
    """Writes an entry to the error log of what this thread works on, or of the server given."""

def FileBucket(  # noqa: N802 - it makes a Bucket
    path: str | bytes | PathLike[str], offset: int | None = None, length: int | None = None
) -> Bucket:
    """A part of a file, for a streaming filter to yield: length bytes from offset, or all the rest of it. It is sent
    without being read.
    """

def register_cleanup(function: Callable[[Any], object], data: Any = None) -> None:
    """Has function(data) called when this child ends; the last one first. Raises ValueError for what cannot be
    called.
    """

def server_root() -> str:
    """ServerRoot."""

def stat(fname: str | bytes, wanted: int) -> FileInfo:
    """What is known of a file: finfo, as of req.finfo. wanted: a mask of apache.APR_FINFO_*, of which not all need be
    known. A file that is not there has the filetype apache.APR_NOFILE. Raises OSError when the file system refuses
    to tell.
    """

def mpm_query(code: int) -> int:
    """What the MPM answers to one of apache.AP_MPMQ_*; 0 for what it does not know."""

def exists_config_define(name: str) -> bool:
    """Whether httpd was started with -D name, or the configuration has Define name."""

# Of each directive (name, arguments), of each section also a list of what stands in it.
def config_tree() -> list[Any]:
    """The configuration as a list: of each line (name, arguments), of each section also a list."""

def find_path_info(path: str, path_info: str) -> int:
    """How many bytes of path are left when path_info is taken off its end."""

def parse_qs(
    qs: AnyStr, keep_blank_values: bool | None = None, strict_parsing: bool | None = None
) -> dict[AnyStr, list[AnyStr]]:
    """The values of each name in a query: a dict of lists. ";" separates, as "&" does."""

def parse_qsl(
    qs: AnyStr, keep_blank_values: bool | None = None, strict_parsing: bool | None = None
) -> list[tuple[AnyStr, AnyStr]]:
    """The names and values in a query, in their order: a list of tuples."""

def _global_lock(server: Server, key: str | bytes | int | None, index: int | None = None) -> None:
    """Waits for a lock that all children share: number index, or the one of the key (str, bytes or int). Raises
    ValueError if this request, connection or thread has it already.
    """

def _global_trylock(server: Server, key: str | bytes | int | None, index: int | None = None) -> bool:
    """Takes such a lock if it is free, and says whether it was."""

def _global_unlock(server: Server, key: str | bytes | int | None, index: int | None = None) -> None:
    """Gives such a lock back; another thread of the same child may. Raises ValueError if it is not held."""

def _pending() -> Any:
    """A value that another thread will give: await it, and call its set() there."""

def _print(is_error: bool, text: str) -> None:
    """Takes printed text: complete lines go to the error log."""

def _takes(level: int) -> bool:
    """Whether an entry of a level, one of APLOG_*, would be logged now."""

def _log(level: int, text: str, path: str, line: int) -> None:
    """Writes one entry, with the place in Python code that it comes from."""

class SERVER_RETURN(Exception):  # noqa: N801, N818 - mod_python's name for it
    """Ends a handler with a result: SERVER_RETURN(result[, status])."""

class BodyTooLarge(Exception):  # noqa: N818 - as SERVER_RETURN, it says what to answer
    """A body is larger than the limit that its reader gave."""

class FilterLimit(Exception):  # noqa: N818
    """A filter asks for more than it is allowed to hold: the original body, or the end of one that read() has cut."""

class FilterTimeout(BaseException):
    """A step of a filter has taken longer than its time= allows."""

class ShuttingDown(Exception):  # noqa: N818
    """The server stops or restarts, and the time for what was begun is over."""

class Request:
    """A request (request_rec)."""

    @property
    def connection(self) -> Connection:
        """The connection it came on."""
    @property
    def server(self) -> Server:
        """The virtual host it is for; also when the request is over."""
    @property
    def headers_in(self) -> table:
        """The headers of the request."""
    @property
    def headers_out(self) -> table:
        """The headers of the response."""
    @property
    def err_headers_out(self) -> table:
        """Headers of the response that stay on errors."""
    @property
    def subprocess_env(self) -> table:
        """The environment of CGI and SSI."""
    @property
    def trailers_in(self) -> table:
        """The trailers of the request: what came behind a body in chunks, once that is read."""
    @property
    def trailers_out(self) -> table:
        """The trailers of the response; HTTP/2 sends them."""
    @property
    def notes(self) -> table:
        """Notes from module to module."""
    @property
    def the_request(self) -> str:
        """The request line."""
    @property
    def protocol(self) -> str:
        """HTTP/1.1"""
    @property
    def proto_num(self) -> int:
        """The protocol as a number: 1001 for HTTP/1.1."""
    @property
    def hostname(self) -> str | None:
        """The host of the request without its port, or None."""
    @property
    def request_time(self) -> float:
        """When it arrived, in seconds since 1970 (float)."""
    @property
    def method(self) -> str:
        """GET, POST ..."""
    @property
    def method_number(self) -> int:
        """One of apache.M_*."""
    @property
    def header_only(self) -> int:
        """1 for HEAD."""
    @property
    def unparsed_uri(self) -> str:
        """The request target as it came."""
    @property
    def mtime(self) -> float:
        """When what it answers with changed last, in seconds since 1970 (float); 0.0 for unknown."""
    @property
    def allowed(self) -> int:
        """The allowed methods of those that have numbers: a mask of 1 << apache.M_*."""
    @property
    def allowed_methods(self) -> tuple[str, ...]:
        """The allowed methods of those that have no number: a tuple of str."""
    @property
    def allowed_xmethods(self) -> tuple[str, ...]:
        """Extension methods as older modules of httpd name them: a tuple of str."""
    # Scheme, hostinfo, user, password, hostname, port, path, query, fragment.
    @property
    def parsed_uri(
        self,
    ) -> tuple[
        str | None, str | None, str | None, str | None, str | None, int | None, str | None, str | None, str | None
    ]:
        """The request target in its parts, in the order of apache.URI_*: str, int for the port, None."""
    @property
    def vlist_validator(self) -> str | None:
        """What mod_negotiation adds to the ETag, or None."""
    @property
    def useragent_ip(self) -> str:
        """The client's address, or what mod_remoteip found."""
    @property
    def useragent_addr(self) -> tuple[str, int]:
        """The same with its port: (str, int)."""
    @property
    def range(self) -> str | None:
        """The Range header, if the response is one."""
    @property
    def bytes_sent(self) -> int:
        """Bytes of body sent."""
    @property
    def sent_bodyct(self) -> int:
        """Bytes of body that passed all filters."""
    @property
    def _bytes_queued(self) -> int:
        """Bytes of body that were written, sent or not."""
    @property
    def clength(self) -> int:
        """The length that set_content_length gave."""
    @property
    def eos_sent(self) -> int:
        """1 once the end of the response was sent."""
    @property
    def read_body(self) -> int:
        """How the body is to be read: one of apache.REQUEST_*."""
    @property
    def read_chunked(self) -> int:
        """1 for a body in chunks, once a module of C has asked."""
    @property
    def expecting_100(self) -> int:
        """1 while the client waits for "100 Continue" with its body."""
    @property
    def remaining(self) -> int:
        """Bytes of the body to come, by its Content-Length; 0 at its end, and before it is read."""
    @property
    def read_length(self) -> int:
        """Bytes of the body that were read."""
    @property
    def _content_type_set(self) -> int:
        """1 once Python code has set content_type."""
    @property
    def _request_rec(self) -> CapsuleType:
        """The request_rec, for extensions in C (PyCapsule). It is gone with the request."""
    @property
    def prev(self) -> Request | None:
        """The request that was redirected to this one, or None."""
    @property
    def next(self) -> Request | None:
        """The request that this one was redirected to, or None."""
    @property
    def main(self) -> Request | None:
        """The request that this one is a subrequest of, or None."""
    @property
    def phase(self) -> str | None:
        """The directive of the running phase, or None."""
    @property
    def hlist(self) -> HandlerList | Any:
        """The handlers of the running phase, at the one that runs; None outside of handlers."""
    @property
    def extension(self) -> str | None:
        """The extension that chose the list of handlers (| .ext), or None."""
    @property
    def interpreter(self) -> str:
        """The name of the interpreter."""
    @property
    def content_languages(self) -> tuple[str, ...]:
        """The languages of the response: a tuple of str."""
    @content_languages.setter
    def content_languages(self, languages: Iterable[str | bytes]) -> None: ...

    assbackwards: int
    """1 for a response without a head, as in HTTP/0.9."""
    proxyreq: int
    """Whether and how it is proxied: one of apache.PROXYREQ_*."""
    status: int
    """The status of the response: an int from 200 to 999. One that httpd does not know has the status line
    "499 Status 499" until status_line gives it another."""
    status_line: str | None
    """The status line of the response; sets status, too. None: httpd's own."""
    chunked: int
    """1 for a response in chunks."""
    no_cache: int
    """1 for a response that must not be stored."""
    no_local_copy: int
    """1 for no answer 304, whatever the client has."""
    uri: str
    """The path, unescaped."""
    # None until httpd has looked for the file; that is before most handlers run.
    filename: str | Any
    """The file it was mapped to, or None."""
    finfo: FileInfo
    """The file: kind, size, times ... Another one, as of apache.stat, can be put in its place."""
    used_path_info: int
    """What becomes of a path that goes on behind the file: one of apache.AP_REQ_*."""
    canonical_filename: str | Any
    """The file with links resolved."""
    path_info: str | None
    """What follows the file in the path."""
    args: str | None
    """The query string as it came, or None."""
    user: str | None
    """The authenticated user, or None."""
    ap_auth_type: str | None
    """How the user was authenticated, or None."""
    handler: str | None
    """The name of the content handler."""
    content_type: str | None
    """The media type of the response. httpd chooses no handler by it."""
    content_encoding: str | None
    """The coding of the response (gzip ...), or None."""

    def write(self, data: str | Buffer, flush: int = True) -> None:
        """Writes str (as UTF-8), bytes or a buffer to the response. Sent at once unless flush is 0. Raises OSError when
        the client is gone.
        """
    def flush(self) -> None:
        """Sends what was written and what filters hold. Raises OSError when the client is gone."""
    def read(self, len: int | None = None) -> bytes:
        """At most len bytes of the request's body, or all of it; b'' at its end. Waits for them. Raises OSError
        (TimeoutError when the client is slow), SERVER_RETURN(413) past its limit.
        """
    def readline(self, len: int | None = None) -> bytes:
        """One line of the body with its end, or at most len bytes of it; b'' at the end."""
    def readlines(self, sizehint: int | None = None) -> list[bytes]:
        """The lines of the body, up to about sizehint bytes."""
    def discard_request_body(self) -> int:
        """Reads the rest of the body and drops it; gives OK or an HTTP status."""
    def _settle_length(self) -> None:
        """Reads a body whose length an input filter may change, so that the headers say its length. Raises
        SERVER_RETURN when that fails.
        """
    def log_error(self, message: str | None, level: int | None = None) -> None:
        """Writes a line to the error log; level is one of apache.APLOG_*."""
    def get_options(self) -> table:
        """The options (PythonOption) that hold here: a table of its own, whose changes change nothing else."""
    def get_config(self) -> table:
        """The directives that hold here, by name: a table of its own."""
    def add_output_filter(self, name: str) -> None:
        """Puts an output filter into the chain: one registered for this request, or one of httpd's. Raises ValueError
        when there is none of this name.
        """
    def add_input_filter(self, name: str) -> None:
        """Puts an input filter into the chain, as add_output_filter does."""
    def register_output_filter(
        self, name: str, handler: str | Callable[[Filter], object], dir: str | None = None
    ) -> None:
        """Registers an output filter for this request: a function, or module::function (looked for in dir, too, where
        no PythonPath is set). add_output_filter(name) puts it to work.
        """
    def register_input_filter(
        self, name: str, handler: str | Callable[[Filter], object], dir: str | None = None
    ) -> None:
        """Registers an input filter for this request, as register_output_filter does."""
    def sendfile(
        self, path: str | bytes | PathLike[str] | PathLike[bytes], offset: int | None = None, len: int | None = None
    ) -> int:
        """Sends a part of a file: from offset (in bytes, 0 if left out), at most len bytes (all if left out or
        negative). Gives how many bytes that are. Raises OSError.
        """
    def internal_redirect(self, new_uri: str | bytes) -> None:
        """Hands the request over to another path of this server, all phases of which run; the request is answered then:
        what is written is lost, and no further handler is called. Return apache.OK. Raises RuntimeError outside of
        the request's handlers, and in log handlers.
        """
    def add_handler(self, htype: str, handler: str | Callable[[Request], int], dir: str | None = None) -> None:
        """Adds a handler to the running phase or one to come: a function, or 'module::function', which is looked for in
        dir, or beside the handler that runs.
        """
    def register_cleanup(self, callable: Callable[[Any], object], data: object = None) -> None:
        """Calls callable(data) when the request ends; those registered last come first."""
    def construct_url(self, uri: str | bytes) -> str:
        """The absolute URL of a path of this server (UseCanonicalName)."""
    def is_https(self) -> int:
        """1 when the connection is encrypted."""
    def ssl_var_lookup(self, name: str) -> str | None:
        """A variable of mod_ssl, as SSL_PROTOCOL; None when there is none of that name, or no TLS."""
    # With str_is_ip not None a tuple[str, int].
    def get_remote_host(self, type: int | None = None, str_is_ip: object = None) -> Any:
        """The name of the client's host, or its address; type is one of apache.REMOTE_* (REMOTE_NAME if left out). With
        str_is_ip not None: (str, int), where 1 says that it is an address.
        """
    def auth_name(self) -> str | None:
        """AuthName, or None."""
    def auth_type(self) -> str | None:
        """AuthType, or None."""
    def get_basic_auth_pw(self) -> str | None:
        """The password of Basic credentials, or None; sets user. AuthType must be Basic."""
    def allow_methods(self, methods: Iterable[str | bytes], reset: bool | int = False) -> None:
        """Allows methods, a sequence of str: for OPTIONS and 405. With reset true no other ones."""
    def add_common_vars(self) -> None:
        """Adds to subprocess_env what tells of the server, the client and the headers."""
    def add_cgi_vars(self) -> None:
        """Adds to subprocess_env what CGI knows of the request, and the common variables."""
    def get_addhandler_exts(self) -> str:
        """The extensions, with their dots and blanks between, that AddHandler gives to Python."""
    def build_wsgi_env(self) -> dict[str, Any] | None:
        """The environ of a WSGI application (PEP 3333), as a dict; None when the request is not below its
        mod_python.wsgi.base_uri. Sets path_info. ValueError when that option ends in a slash.
        """
    def wsgi_start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: tuple[Any, Any, Any] | None = None
    ) -> Callable[[bytes], object]:
        """WSGI's start_response: sets status and headers, and gives write."""
    def set_etag(self) -> None:
        """Sets the ETag of the response from the file (FileETag)."""
    def set_last_modified(self) -> None:
        """Sets Last-Modified of the response from mtime."""
    def update_mtime(self, seconds: float) -> None:
        """Raises mtime to so many seconds since 1970, if that is later. Fractions are dropped."""
    def set_content_length(self, len: int) -> None:
        """Sets the Content-Length of the response."""
    def meets_conditions(self) -> int:
        """OK, or the status that answers If-None-Match and its kin."""
    def document_root(self) -> str:
        """The DocumentRoot that applies."""
    def send_http_header(self) -> None:
        """Does nothing: httpd sends headers when the first byte of the body goes."""

class _Connection:
    """What a connection has in handlers of each kind."""

    @property
    def base_server(self) -> Server:
        """The virtual host of its address; also when the connection is over."""
    @property
    def hlist(self) -> HandlerList | None:
        """The handlers of the connection, in a connection handler; else None."""
    @property
    def client_addr(self) -> tuple[str, int]:
        """The peer's address: (ip, port)."""
    @property
    def local_addr(self) -> tuple[str, int]:
        """Our address: (ip, port)."""
    @property
    def remote_addr(self) -> tuple[str, int]:
        """As client_addr."""
    @property
    def client_ip(self) -> str:
        """The peer's address."""
    @property
    def useragent_addr(self) -> tuple[str | None, int]:
        """The peer's address as mod_remoteip has it from a PROXY header, else as client_addr."""
    @property
    def useragent_ip(self) -> str | None:
        """The peer's address as mod_remoteip has it from a PROXY header, else as client_ip."""
    @property
    def remote_ip(self) -> str:
        """As client_ip."""
    @property
    def local_ip(self) -> str:
        """Our address."""
    @property
    def remote_host(self) -> str | None:
        """The peer's host name, if it was looked up."""
    @property
    def local_host(self) -> str | None:
        """Our host name, if it was looked up."""
    @property
    def remote_logname(self) -> str | None:
        """What the peer's identd said."""
    @property
    def aborted(self) -> int:
        """1 when the peer is known to be gone."""
    @property
    def keepalives(self) -> int:
        """How many requests it carried after its first."""
    @property
    def double_reverse(self) -> int:
        """Whether its host name leads back to its address: 1, -1 if not, 0 if nobody asked."""
    @property
    def id(self) -> int:
        """httpd's number for it, unique among those open."""
    @property
    def notes(self) -> table:
        """Notes from module to module."""
    @property
    def _conn_rec(self) -> CapsuleType:
        """The conn_rec, for extensions in C (PyCapsule). It is gone with the connection."""
    @property
    def closing(self) -> bool:
        """Whether the server is about to stop: finish what is begun, and return."""
    @property
    def protocol(self) -> str:
        """What it speaks: 'http/1.1', or what was agreed upon in TLS or by Upgrade."""

    keepalive: int
    """One of apache.AP_CONN_UNKNOWN, AP_CONN_CLOSE, AP_CONN_KEEPALIVE."""
    timeout: float
    """How many seconds one wait of an async def handler takes at most: TimeoutError then."""

    def log_error(self, message: str | None, level: int | None = None) -> None:
        """Writes an entry to the error log; level is one of apache.APLOG_*."""
    def is_https(self) -> int:
        """1 when its bytes are encrypted (TLS)."""
    def ssl_var_lookup(self, name: str) -> str | None:
        """A variable of mod_ssl (SSL_PROTOCOL, SSL_CLIENT_S_DN …); None without TLS."""

class Connection(_Connection):
    """A connection (conn_rec)."""

    def read(self, length: int = 0) -> bytes:
        """Up to length bytes as soon as some are there; without length, what comes next; with -1, all until the peer
        closes. b'' at the end; a plain handler gets it once, then OSError. TimeoutError, ConnectionError.
        """
    def readline(self, length: int | None = None) -> bytes:
        """One line with its end, or at most length bytes of it; b'' at the end of input, as read. In an async def
        handler a longer line raises asyncio.LimitOverrunError.
        """
    def write(self, data: str | Buffer) -> None:
        """Sends str (as UTF-8), bytes or a buffer. Raises ConnectionError when the peer is gone. In an async def
        handler what it returns is awaited: it waits while the peer is slow.
        """
    def authorize(self, uri: str, user: str | bytes | None = None, password: str | bytes | None = None) -> str | None:
        """Asks httpd whether a GET of uri with these credentials (Basic; none without a user) would be let in: the
        user's name, '' where httpd asks for none, None when it refuses. In an async def handler it is awaited.
        RuntimeError when httpd cannot tell; its log says why.
        """

class AsyncConnection(_Connection):
    """A connection, for type checkers, as an async def handler has it. At run time it is apache.Connection."""

    def read(self, length: int = 0) -> _Awaited[bytes]:
        """Up to length bytes as soon as some are there; without length, what comes next; with -1, all until the peer
        closes. b'' at the end; a plain handler gets it once, then OSError. TimeoutError, ConnectionError.
        """
    def readline(self, length: int | None = None) -> _Awaited[bytes]:
        """One line with its end, or at most length bytes of it; b'' at the end of input, as read. In an async def
        handler a longer line raises asyncio.LimitOverrunError.
        """
    # It may stay without await: what it returns waits only for a slow peer.
    def write(self, data: str | Buffer) -> Awaitable[None]:
        """Sends str (as UTF-8), bytes or a buffer. Raises ConnectionError when the peer is gone. In an async def
        handler what it returns is awaited: it waits while the peer is slow.
        """
    def readexactly(self, length: int) -> _Awaited[bytes]:
        """Exactly length bytes; asyncio.IncompleteReadError when the input ends before."""
    def readuntil(self, separator: str | bytes = b"\n", limit: int = 65536) -> _Awaited[bytes]:
        """What comes up to and with separator, at most limit bytes (65536), as asyncio has it."""
    def peek(self, length: int | None = None) -> _Awaited[bytes]:
        """The next length bytes, fewer only at the end of input; without length, what has come, at least one byte, b''
        at the end of input. They stay unread.
        """
    def peek_until(self, separator: str | bytes = b"\n", limit: int = 65536) -> _Awaited[bytes]:
        """What comes up to and with separator, which stays unread; at the end of input without separator what there
        is. Raises asyncio.LimitOverrunError when limit bytes (65536) have no separator.
        """
    def sleep(self, seconds: float) -> _Awaited[None]:
        """Waits so many seconds; what was written goes out. At most the virtual host's Timeout."""
    def close(self) -> _Awaited[None]:
        """Ends our side once all is sent that was written."""
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def authorize(
        self, uri: str, user: str | bytes | None = None, password: str | bytes | None = None
    ) -> _Awaited[str | None]:
        """Asks httpd whether a GET of uri with these credentials (Basic; none without a user) would be let in: the
        user's name, '' where httpd asks for none, None when it refuses. In an async def handler it is awaited.
        RuntimeError when httpd cannot tell; its log says why.
        """

class Server:
    """A virtual host or the main server (server_rec)."""

    @property
    def server_hostname(self) -> str | None:
        """The host name of ServerName."""
    @property
    def server_admin(self) -> str | None:
        """ServerAdmin."""
    @property
    def port(self) -> int:
        """The port of ServerName, or 0."""
    @property
    def is_virtual(self) -> int:
        """1 for a virtual host."""
    @property
    def timeout(self) -> float:
        """Timeout, in seconds (float)."""
    @property
    def next(self) -> Server | None:
        """The next server in httpd's list, or None."""
    @property
    def defn_name(self) -> str | None:
        """The file in which it is configured; None for the main server."""
    @property
    def defn_line_number(self) -> int:
        """The line in which it is configured; 0 for the main server."""
    @property
    def error_fname(self) -> str | None:
        """ErrorLog, or None."""
    @property
    def loglevel(self) -> int:
        """LogLevel: one of apache.APLOG_*."""
    @property
    def keep_alive_timeout(self) -> float:
        """KeepAliveTimeout, in seconds (float)."""
    @property
    def keep_alive_max(self) -> int:
        """MaxKeepAliveRequests."""
    @property
    def keep_alive(self) -> int:
        """1 for KeepAlive On."""
    @property
    def path(self) -> str | None:
        """ServerPath, or None."""
    @property
    def pathlen(self) -> int:
        """The length of ServerPath in bytes."""
    @property
    def names(self) -> tuple[str, ...]:
        """The names of ServerAlias without wildcards: a tuple of str."""
    @property
    def wild_names(self) -> tuple[str, ...]:
        """The names of ServerAlias with wildcards: a tuple of str."""
    @property
    def limit_req_line(self) -> int:
        """LimitRequestLine."""
    @property
    def limit_req_fieldsize(self) -> int:
        """LimitRequestFieldSize."""
    @property
    def limit_req_fields(self) -> int:
        """LimitRequestFields."""
    @property
    def my_generation(self) -> int:
        """How often httpd was restarted gracefully before this child started."""
    @property
    def restart_time(self) -> float:
        """When httpd was started or restarted, in seconds since 1970 (float)."""
    @property
    def _server_rec(self) -> CapsuleType:
        """The server_rec, for extensions in C (PyCapsule)."""
    def register_cleanup(self, request: Request, callable: Callable[[Any], object], data: object = None) -> None:
        """Calls callable(data) when this child of httpd exits; request is not used."""
    def log_error(self, message: str | None, level: int | None = None) -> None:
        """Writes an entry to the server's error log; level is one of apache.APLOG_*."""
    def get_options(self) -> table:
        """The options (PythonOption) that hold outside of all sections: a table of its own."""
    def get_config(self) -> table:
        """The directives that hold outside of all sections, by name: a table of its own."""

class _Filter:
    """What a filter has in functions of each kind."""

    # None on a connection.
    @property
    def req(self) -> Request | Any:
        """The request."""
    @property
    def connection(self) -> Connection:
        """The connection."""
    @property
    def name(self) -> str:
        """The name it was registered with."""
    @property
    def handler(self) -> str:
        """What was configured: module::function."""
    @property
    def dir(self) -> str | None:
        """The directory of the section that declares it, or None."""
    @property
    def is_input(self) -> int:
        """1 for an input filter."""
    @property
    def closed(self) -> int:
        """1 after close()."""
    @property
    def mode(self) -> Literal["bytes", "line", "peek"] | None:
        """How the caller of an input filter reads: 'bytes', 'line' or 'peek'. None for output."""
    @property
    def block(self) -> bool | None:
        """Whether the caller of an input filter waits. None for output."""
    @property
    def readbytes(self) -> int | None:
        """How many bytes the caller of an input filter asks for. None for output and for lines."""

class Filter(_Filter):
    """A filter in the chain of one request. Attributes set on it live as long as it does."""

    def read(self, n: int | None = None) -> bytes | None:
        """All of the body that is at hand in this call, up to the next FLUSH: at most n bytes, and at most what joined=
        allows (1 MiB). b'' when there is nothing more for now: return, and the filter is called again. None at the
        end, once.
        """
    def readline(self, n: int | None = None) -> bytes | None:
        """The next line with its end, at most n bytes of it and at most what joined= allows (1 MiB); else as read."""
    def write(self, data: str | Buffer) -> None:
        """Writes str (as UTF-8), bytes or a buffer. Raises OSError when the client is gone."""
    def flush(self) -> None:
        """Sends what was written, and what later filters hold."""
    def close(self) -> None:
        """Ends the stream here; what is left of it is dropped. Raises apache.FilterLimit if read() left data behind
        only because of the bound of joined=.
        """
    def pass_on(self) -> None:
        """Hands what is left of this call on as it is."""
    def disable(self) -> None:
        """Steps out: what is left, and all that follows, goes on as it is."""

class AsyncFilter(_Filter):
    """A filter, for type checkers, as an async generator has it. At run time it is apache.Filter."""

    def read(self, n: int | None = None) -> _Awaited[bytes]:
        """All of the body that is at hand in this call, up to the next FLUSH: at most n bytes, and at most what joined=
        allows (1 MiB). b'' when there is nothing more for now: return, and the filter is called again. None at the
        end, once.
        """
    def buckets(self) -> AsyncIterator[Bucket]:
        """An async iterator over the buckets of the body, metadata among them."""
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def lines(self, limit: int | None = None) -> AsyncIterator[bytes]:
        """An async iterator over lines with their ends, of at most limit bytes (64 KiB)."""
    def peek(self, n: int) -> _Awaited[bytes]:
        """Awaits up to n bytes that stay unread; fewer only at the end of the body."""
    def body(self, limit: int | None = None) -> _Awaited[bytes]:
        """Awaits the whole body. Raises apache.BodyTooLarge when it is larger than limit bytes."""
    def replace(
        self, pairs: Mapping[str, str] | Mapping[bytes, bytes], count: int | None = None, ignore_case: bool = False
    ) -> AsyncIterator[bytes]:
        """An async iterator over the body with each key of a dict replaced by its value, wherever the body is cut.
        count: so many at most. ignore_case: for ASCII letters.
        """
    def pass_on(self) -> None:
        """Hands what is left of this call on as it is."""

class HandlerList:
    """The handlers of the running phase, at the one that runs. Past the end all is None."""

    # Past the end of the list all of them are None.
    @property
    def handler(self) -> str | None:
        """The handler as it was configured: module or module::function."""
    @property
    def silent(self) -> int | None:
        """1 if a missing function is passed over (PythonHandlerModule)."""
    @property
    def is_location(self) -> int | None:
        """1 if it stands in a Location."""
    @property
    def directory(self) -> str | None:
        """The directory of its section with a slash at the end, or the path of its location, or None."""
    def next(self) -> None:
        """Goes on to the next handler."""

class Bucket:
    """A piece of a body as httpd has it. Yielded by a filter, it goes on as it is."""

    @property
    def type(self) -> str:
        """'HEAP', 'FILE', 'MMAP', 'PIPE', 'TRANSIENT', 'PYTHON' ...; 'FLUSH', 'EOS', 'ERROR' ... for metadata."""
    @property
    def length(self) -> int | None:
        """Its bytes, as a number; None where only read() can tell."""
    @property
    def is_metadata(self) -> bool:
        """Whether it is no data, but says something about it. It goes on by itself, in its place."""
    @property
    def path(self) -> str | None:
        """The path of the file that it is a part of, or None."""
    @property
    def offset(self) -> int | None:
        """Where in that file it begins, or None."""
    def read(self) -> bytes:
        """Its bytes. Waits for them. Of one that is longer than 64 KiB, or whose length is None, it becomes the first
        part, and the rest is the next bucket, if no other was asked for yet. Else it gives all, of at most 64 MiB; past
        that MemoryError: split() it.
        """
    def split(self, n: int) -> Bucket | None:
        """Cuts it after n bytes: it keeps these, and the rest is a bucket of its own. None when there is no rest."""

class SSIElement:
    """What the code of an SSI element writes to."""

    @property
    def req(self) -> Request:
        """The request for the page."""
    def write(self, data: str | Buffer) -> None:
        """Writes str (as UTF-8), bytes or a buffer to the page. Raises OSError when the client is gone."""
    def flush(self) -> None:
        """Sends the page so far, and what later filters hold. Raises OSError when the client is gone."""

class FileInfo:
    """What is known of a file (apr_finfo_t); also a sequence, in the order of apache.FINFO_*."""

    @property
    def fname(self) -> str | None:
        """The path, or None."""
    @property
    def name(self) -> str | None:
        """Its name as the file system spells it, or None."""
    @property
    def filetype(self) -> int:
        """One of apache.APR_NOFILE, APR_REG, APR_DIR ..."""
    @property
    def valid(self) -> int:
        """Which attributes are known: a mask of apache.APR_FINFO_*."""
    @property
    def protection(self) -> int | None:
        """Who may do what, in APR's digits: 0x644 is 0o644 of Unix. None when it is not known."""
    @property
    def user(self) -> int | None:
        """The number of its owner, or None."""
    @property
    def group(self) -> int | None:
        """The number of its group, or None."""
    @property
    def size(self) -> int | None:
        """Its size in bytes; None when there is no file."""
    @property
    def inode(self) -> int | None:
        """Its number in its file system, or None."""
    @property
    def device(self) -> int | None:
        """The number of its file system, or None."""
    @property
    def nlink(self) -> int | None:
        """How many names it has, or None."""
    @property
    def atime(self) -> int | None:
        """When it was read last, in seconds since 1970 (int), or None."""
    @property
    def mtime(self) -> int | None:
        """When its content changed, in seconds since 1970 (int); None when there is no file."""
    @property
    def ctime(self) -> int | None:
        """When its content, owner or rights changed, in seconds since 1970 (int), or None."""
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> int | str | None: ...

class table:  # noqa: N801 - mod_python's name for it
    """A multi-map of strings (apr_table_t). Keys ignore case."""

    def __new__(cls, items: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]] | table = ()) -> table: ...
    def __eq__(self, other: object) -> bool: ...
    def get(self, key: str | bytes, default: _Default = ...) -> str | _Default:
        """The first value of a key (str), or default."""
    def get_all(self, key: str | bytes) -> list[str]:
        """All values of a key, as a list of str."""
    def add(self, key: str | bytes, value: str | bytes) -> None:
        """Adds an entry, keeping those of the same key. CR and LF raise ValueError."""
    def keys(self) -> list[str]:
        """Keys in order, repeated ones repeated."""
    def values(self) -> list[str]:
        """Values in order."""
    def items(self) -> list[tuple[str, str]]:
        """Pairs in order, repeated keys repeated."""
    def iterkeys(self) -> Iterator[str]:
        """An iterator over keys()."""
    def itervalues(self) -> Iterator[str]:
        """An iterator over values()."""
    def iteritems(self) -> Iterator[tuple[str, str]]:
        """An iterator over items()."""
    def clear(self) -> None:
        """Removes everything."""
    def update(self, other: Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]] | table) -> None:
        """Replaces the entries of each key of a mapping, or of an iterable of pairs."""
    def setdefault(self, key: str | bytes, default: str | bytes = "") -> str:
        """The first value of a key; sets it to default ('' if left out) when there is none."""
    def pop(self, key: str | bytes, default: str | None = ...) -> str | Any:
        """Removes a key and gives its first value; default, or KeyError, when there is none."""
    def popitem(self) -> tuple[str, str]:
        """Removes the last entry and gives it as a pair. KeyError when there is none."""
    def has_key(self, key: str | bytes) -> bool:
        """Whether there is such a key."""
    def copy(self) -> table:
        """A table of its own with the same entries."""
    def __len__(self) -> int: ...
    # A list where a key has several values.
    def __getitem__(self, key: str | bytes) -> str | Any: ...
    def __setitem__(self, key: str | bytes, value: str | bytes) -> None: ...
    def __delitem__(self, key: str | bytes) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
