"""What httpd's module gives to Python in each interpreter; `mod_python.apache` shows the public part of it.

The docstrings are those that the module itself has at run time: `help(apache.Request)` in a handler shows them.
tests/packages/test_stubs.py compares this file with the module, docstrings included.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, AnyStr, Literal

from typing_extensions import Buffer, CapsuleType, TypeVar

from mod_python._forms.request_form import RequestForm

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
# The identifier of this child's main thread, as threading.get_ident() returns it.
_main_thread: int

def log_error(message: str | None, level: int | None = None, server: Server | None = None) -> None:
    """Writes message (str or bytes; None is no entry) to the error log of the request, connection or server that this
    thread works on, or to that of server. level: one of apache.APLOG_* (APLOG_ERR if None or left out). Raises
    TypeError for arguments of other types.
    """

def FileBucket(  # noqa: N802 - it makes a Bucket
    path: str | bytes | PathLike[str], offset: int | None = None, length: int | None = None
) -> Bucket:
    """Returns a Bucket that stands for a part of the file at path, for a streaming filter to yield: length bytes from
    offset (both int; 0, and the rest of the file, if left out). The file is sent without being read into Python. Raises
    OSError when it cannot be opened, ValueError when it is no regular file or has no such part.
    """

def register_cleanup(function: Callable[[Any], object], data: Any = None) -> None:
    """Registers a function that is called as function(data) when this child process of httpd ends; the one registered
    last is called first. Raises ValueError when function is not callable.
    """

def server_root() -> str:
    """Returns the path of ServerRoot (str)."""

def stat(fname: str | bytes, wanted: int) -> FileInfo:
    """Returns what is known of the file fname (str or bytes) as a FileInfo, like req.finfo. wanted is a mask (int) of
    apache.APR_FINFO_*; attributes that it does not name may be None. For a file that does not exist, filetype is
    apache.APR_NOFILE. Raises OSError when the file system refuses to tell (apr_stat).
    """

def mpm_query(code: int) -> int:
    """Returns what the MPM answers to code (int), one of apache.AP_MPMQ_* (ap_mpm_query), as int; 0 for what it does
    not know.
    """

def exists_config_define(name: str) -> bool:
    """Returns True when httpd was started with -D name or configured with Define name (ap_exists_config_define)."""

# Of each directive (name, arguments), of each section also a list of what stands in it.
def config_tree() -> list[Any]:
    """Returns the configuration as a list: for each directive a tuple (name, arguments) of two str, and after the tuple
    of a section a list of the same form with what stands in it.
    """

def find_path_info(path: str, path_info: str) -> int:
    """Returns how many bytes of path (int) are left when path_info is taken off its end (ap_find_path_info)."""

def parse_qs(
    qs: AnyStr, keep_blank_values: bool | None = None, strict_parsing: bool | None = None
) -> dict[AnyStr, list[AnyStr]]:
    """Returns the values of each name in the query qs (str or bytes) as a dict of lists of the same type. ';' separates
    as '&' does. keep_blank_values: true to keep empty values. strict_parsing: true to raise ValueError for a field
    without '='. As urllib.parse.parse_qs.
    """

def parse_qsl(
    qs: AnyStr, keep_blank_values: bool | None = None, strict_parsing: bool | None = None
) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the names and values in the query qs (str or bytes) in their order, as a list of tuples. The parameters
    are those of parse_qs.
    """

def _query_fields(qs: str, keep_blank_values: bool | None = None) -> list[tuple[str, str]] | None:
    """As parse_qsl for qs (str), without its checks; None for one that has other characters than those of ASCII."""

def _form_of_query(req: object, field: type[str], keep_blank_values: bool) -> list[Any] | None:
    """Returns the fields of the request req, if its query is all of its form, as a list of field (a class derived from
    str), each with its name. Returns None where there may be more, and for a query that is long, has other characters
    than those of ASCII or a limit of its own.
    """

def _value_writer(pieces: list[str], write: Callable[[str, bool], object]) -> Callable[[object], None]:
    """Returns a function that adds the text of its argument to pieces (a list), and calls write, which is req.write, if
    that is long: what pages of psp write values with.
    """

def _global_lock(server: Server, key: str | bytes | int | None, index: int | None = None) -> None:
    """Waits for a lock that all children share, and takes it; other Python threads run meanwhile. index: its number;
    -1, None or left out for the one that key (str, bytes or int) stands for. Raises ValueError if this request,
    connection or thread has the lock already, TypeError for a server or key of another type.
    """

def _global_trylock(server: Server, key: str | bytes | int | None, index: int | None = None) -> bool:
    """Takes a lock as _global_lock does if it is free, without waiting. Returns True when it was."""

def _global_unlock(server: Server, key: str | bytes | int | None, index: int | None = None) -> None:
    """Releases a lock that _global_lock took; any thread of the same child may. Raises ValueError if this child does
    not hold it.
    """

def _cache_store(name: str) -> Any:
    """Returns the cache of PythonCache's line with this name (str). Raises LookupError where there is none."""

def _loop_event() -> Any:
    """Returns an object by which threads call an event loop of asyncio's, and which makes the futures that the loop
    fulfils. Raises OSError when there are no more descriptors.
    """

def _carry_origin() -> None:
    """Notes in the current context of contextvars for which request or connection this thread works. Log entries of
    other threads that run in a copy of the context have its client.
    """

def _request_id() -> str | None:
    """Returns the id (str) by which httpd's logs call the request that this thread works for, or None where it works
    for none.
    """

def _print(is_error: bool, text: str) -> None:
    """Takes text (str) that was printed: complete lines go to the error log, at level error for is_error, else at
    notice.
    """

def _interpreter_count() -> int:
    """Returns how many Python interpreters the process has (int), those of other modules of httpd included."""

def _extension_loaded(path: str) -> None:
    """Notes that this interpreter has loaded the extension module whose file is at path (str)."""

def _extension_owner(path: str) -> str | None:
    """Returns the name (str) of the interpreter that was the first to load the extension module whose file is at path
    (str), or None.
    """

def _changes() -> int:
    """Returns how often files of modules have changed (int), as far as this process knows; -1 with PythonAutoReload Off
    for what this thread works on.
    """

def _named_objects() -> list[tuple[str, str]]:
    """Returns what handlers name as module::object: a list of tuples of the module's name, or the path of its file, and
    the object's name (str).
    """

def _watch(path: str) -> None:
    """Has the folder at path (str) watched for changes from now on."""

def _note_import() -> None:
    """Notes that a module is about to be imported, which may import others whose files have changed meanwhile."""

def _is_written(path: str, is_empty: bool) -> bool | None:
    """Returns True while the file at path (str) is being written, False when it is not, and None where the kernel does
    not tell. is_empty (bool): whether nothing is in the file.
    """

def _serve_wsgi(req: Request) -> int:
    """Serves the request req by its WSGI application: the one that PythonApplication mounts, or that of the
    PythonOption mod_python.wsgi.application. Returns apache.OK, or apache.DECLINED for a request that is not below the
    option's base_uri. Raises what the application raises.
    """

def _accept_requests(event: Any) -> None:
    """Has threads of httpd offer their requests for ASGI applications, and for handlers under apache.aio, to the event
    loop that event calls, which _loop_event() has returned. Raises TypeError for another object.
    """

def _refuse_requests(event: Any) -> None:
    """Ends that, if no further loop takes such requests. Raises TypeError for what is no such event."""

def _offered_requests() -> list[Any]:
    """Returns the requests that were offered since the last call, as a list."""

def _plain_headers(headers: Any) -> tuple[list[tuple[bytes, bytes]], int | None] | None:
    """Returns headers of a response as a list of pairs of bytes, and the length that they name (int or None), as a
    tuple. Returns None for headers that must be looked at more closely.
    """

def _shutdown_time() -> float:
    """Returns the time of PythonShutdownTimeout for this child, in seconds (float)."""

def _graceful_time() -> float:
    """Returns the time of PythonGracefulTimeout for this child, in seconds (float)."""

def _tell_of_stop(event: Any) -> None:
    """Has event, which _loop_event() has returned, called when this child begins to stop, and when it is told to stop
    at once. Raises TypeError for another object.
    """

def _stop_stage() -> int:
    """Returns how far the stop of this child is (int): 0 if it has not begun, 1 while what was begun has time, 2 when
    that is over, 3 if the child was told to stop at once.
    """

def _takes(level: int) -> bool:
    """Returns True when an entry of level (int, one of APLOG_*) would be logged now."""

def _log(level: int, text: str, path: str, line: int) -> None:
    """Writes text (str) to the error log at level (int, one of APLOG_*), with path (str) and line (int) as its place in
    Python code.
    """

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
    """A request (httpd's request_rec). It may be used on the thread that handles it, while httpd calls a handler or
    filter for it; at any other time its methods and attributes raise RuntimeError.
    """

    @property
    def connection(self) -> Connection:
        """The Connection on which the request came."""
    @property
    def server(self) -> Server:
        """The Server (virtual host) that the request is for; it can be used when the request is over, too."""
    @property
    def headers_in(self) -> table:
        """The headers of the request, a table."""
    @property
    def headers_out(self) -> table:
        """The headers of a successful response, a table."""
    @property
    def err_headers_out(self) -> table:
        """The headers of the response that are also sent with an error response, a table."""
    @property
    def subprocess_env(self) -> table:
        """The environment variables for CGI programs and SSI pages, a table."""
    @property
    def trailers_in(self) -> table:
        """The trailers of the request (RFC 9110 section 6.5), a table. It is filled once a chunked body was read."""
    @property
    def trailers_out(self) -> table:
        """The trailers of the response, a table. HTTP/2 sends them."""
    @property
    def notes(self) -> table:
        """Notes from one module of httpd to another, a table."""
    @property
    def the_request(self) -> str:
        """The request line (str), such as 'GET / HTTP/1.1'."""
    @property
    def protocol(self) -> str:
        """The protocol of the request (str), such as 'HTTP/1.1'."""
    @property
    def proto_num(self) -> int:
        """The protocol as a number (int): 1000 times the major version plus the minor one, 1001 for HTTP/1.1."""
    @property
    def hostname(self) -> str | None:
        """The host name that the request is for, without its port (str), or None."""
    @property
    def request_time(self) -> float:
        """When the request arrived, in seconds since 1970 (float)."""
    @property
    def method(self) -> str:
        """The method of the request (str), such as 'GET'."""
    @property
    def method_number(self) -> int:
        """The method of the request as one of apache.M_* (int)."""
    @property
    def header_only(self) -> int:
        """1 for a request whose response has no body, such as HEAD (int)."""
    @property
    def unparsed_uri(self) -> str:
        """The request target as it came (str)."""
    @property
    def mtime(self) -> float:
        """When what the response shows has changed last, in seconds since 1970 (float); 0.0 for unknown."""
    @property
    def allowed(self) -> int:
        """The allowed methods that have numbers, as a mask (int) of 1 << apache.M_*."""
    @property
    def allowed_methods(self) -> tuple[str, ...]:
        """The allowed methods that have no number, a tuple of str."""
    @property
    def allowed_xmethods(self) -> tuple[str, ...]:
        """The extension methods that older modules of httpd have allowed, a tuple of str."""
    # Scheme, hostinfo, user, password, hostname, port, path, query, fragment.
    @property
    def parsed_uri(
        self,
    ) -> tuple[
        str | None, str | None, str | None, str | None, str | None, int | None, str | None, str | None, str | None
    ]:
        """The request target in its parts, a tuple in the order of apache.URI_*: str, int for the port, None for what
        is not there.
        """
    @property
    def vlist_validator(self) -> str | None:
        """What mod_negotiation adds to the ETag (str), or None."""
    @property
    def useragent_ip(self) -> str:
        """The client's IP address (str), or the one that mod_remoteip found."""
    @property
    def useragent_addr(self) -> tuple[str, int]:
        """The client's IP address as useragent_ip, and its port: a tuple (str, int)."""
    @property
    def range(self) -> str | None:
        """The Range header (str) when the response is a part of a whole, or None."""
    @property
    def bytes_sent(self) -> int:
        """The number of bytes of the body that were sent to the client (int)."""
    @property
    def sent_bodyct(self) -> int:
        """The number of bytes of the body that passed all filters (int); %B of the access log."""
    @property
    def _bytes_queued(self) -> int:
        """The number of bytes of the body that Python code has written, sent or not (int)."""
    @property
    def _allow_options(self) -> int:
        """The Options that hold for the request, a sum of httpd's OPT_*: 4 for FollowSymLinks, 64 for
        SymLinksIfOwnerMatch (int).
        """
    @property
    def clength(self) -> int:
        """The length of the body that set_content_length() set, in bytes (int)."""
    @property
    def eos_sent(self) -> int:
        """1 once the end of the response was sent (int)."""
    @property
    def read_body(self) -> int:
        """How modules in C read the body: one of apache.REQUEST_* (int; ap_setup_client_block)."""
    @property
    def read_chunked(self) -> int:
        """1 when a module in C reads a body that comes in chunks (int; ap_setup_client_block)."""
    @property
    def expecting_100(self) -> int:
        """1 while the client waits for '100 Continue' before it sends the body (int; RFC 9110 section 10.1.1)."""
    @property
    def remaining(self) -> int:
        """The number of bytes of the body that are still to come, by its Content-Length (int); 0 at its end, and before
        it is read.
        """
    @property
    def read_length(self) -> int:
        """The number of bytes of the body that were read (int)."""
    @property
    def _content_type_set(self) -> int:
        """1 once Python code has set content_type (int)."""
    @property
    def _request_rec(self) -> CapsuleType:
        """The address of the request_rec (PyCapsule) for extension modules in C, valid as long as the request."""
    @property
    def prev(self) -> Request | None:
        """The Request that was redirected to this one, or None."""
    @property
    def next(self) -> Request | None:
        """The Request that this one was redirected to, or None."""
    @property
    def main(self) -> Request | None:
        """The Request that this one is a subrequest of, or None."""
    @property
    def closing(self) -> bool:
        """True when the server is about to stop: finish what is begun, and return."""
    @property
    def phase(self) -> str | None:
        """The name of the running phase's directive (str), such as 'PythonHandler'; None outside of handlers."""
    @property
    def hlist(self) -> HandlerList | Any:
        """The handlers of the running phase, a HandlerList at the one that runs; None outside of handlers."""
    @property
    def extension(self) -> str | None:
        """The file extension for which the running list of handlers was configured (str; '| .ext'), or None."""
    @property
    def form(self) -> RequestForm:
        """The form, a util.FieldStorage with the limits that PythonOption sets: req.form() reads it at the first call,
        and returns this object. Can be set to any object, which is then what programs find here.
        """
    @form.setter
    def form(self, form: Any) -> None: ...
    @property
    def _form_so_far(self) -> Any:
        """What was set as form, or was made for it, or None: nothing is made."""
    @property
    def _found_stamp(self) -> tuple[int, int, int, int, int] | None:
        """The stamp of the file as httpd has found it (a tuple); None if Python code may have changed it since."""
    @property
    def interpreter(self) -> str:
        """The name of the interpreter in which this code runs (str)."""
    @property
    def content_languages(self) -> tuple[str, ...]:
        """The languages of the response, a tuple of str. Can be set to an iterable of str, or None."""
    @content_languages.setter
    def content_languages(self, languages: Iterable[str | bytes]) -> None: ...

    assbackwards: int
    """1 for a response without status line and headers, as in HTTP/0.9 (int). Can be set."""
    proxyreq: int
    """Whether the request is proxied, and how: one of apache.PROXYREQ_* (int). Can be set."""
    status: int
    """The status of the response, an int from 200 to 999. Setting it raises ValueError for any other. One that httpd
    does not know gets a status line such as '499 Status 499' until status_line is set.
    """
    status_line: str | None
    """The status line of the response without the protocol (str), such as '404 Not Found'; None for httpd's own.
    Setting it sets status, too; raises ValueError for a text without a valid status in front.
    """
    chunked: int
    """1 for a response in chunks (int; RFC 9112 section 7.1). Can be set."""
    _keeps_blank_fields: bool
    """Whether a form that is made for form keeps its fields without a value. Can be set."""
    _page_pieces: list[str] | None
    """A list of str that pages of psp add to, or None: methods that send give it to the response first. Can be set."""
    no_cache: int
    """1 for a response that is not to be cached: httpd then adds an Expires header of now (int). Can be set."""
    no_local_copy: int
    """1 for a response that must not become a 304, whatever copy the client has (int). Can be set."""
    uri: str
    """The path of the request (str), with %-escapes resolved. Can be set, but not to None."""
    # None until httpd has looked for the file; that is before most handlers run.
    filename: str | Any
    """The path of the file that the request was mapped to (str), or None. Can be set, but not to None."""
    finfo: FileInfo
    """What is known of the file, a FileInfo. Can be set to the result of apache.stat()."""
    used_path_info: int
    """Whether a path that goes on behind the file is accepted: one of apache.AP_REQ_* (int). Can be set."""
    canonical_filename: str | Any
    """The path of the file with symbolic links resolved (str), or None. Can be set."""
    path_info: str | None
    """What follows the file's part in the path (str), or None. Can be set."""
    args: str | None
    """The query of the request as it came, without '?' (str), or None. Can be set."""
    user: str | None
    """The name of the authenticated user (str), or None. What is not UTF-8 is read as Latin-1. Can be set, but not to
    None.
    """
    ap_auth_type: str | None
    """How the user was authenticated (str), such as 'Basic', or None. Can be set."""
    handler: str | None
    """The name of the content handler (str), as SetHandler has it, or None. Can be set."""
    content_type: str | None
    """The media type of the response (str), or None. Can be set; httpd chooses no handler by it then."""
    content_encoding: str | None
    """The content coding of the response (str), such as 'gzip', or None. Can be set."""

    def write(self, data: str | Buffer, flush: int = True) -> None:
        """Writes data (str, encoded as UTF-8, bytes or a buffer) to the response. It is sent at once unless flush is
        false: then it is held until 64 KiB have come together or the handler returns. Other Python threads run while it
        is sent. Raises OSError when the client is gone, TypeError for data of another type, RuntimeError in a filter or
        for another request than the one being handled. In an async def handler it is sent when the result is awaited,
        or before the handler next waits; a client that is gone raises ConnectionResetError there.
        """
    def flush(self) -> None:
        """Sends what was written and what httpd's filters hold back. Other Python threads run meanwhile. Raises OSError
        when the client is gone. In an async def handler the result is awaited.
        """
    def read(self, len: int | None = None) -> bytes:
        """Returns at most len bytes of the request's body (all of it when len is None, negative or left out); b'' at
        its end. Waits until they have come; other Python threads run meanwhile. Raises TimeoutError when the client is
        too slow, OSError when the body cannot be read, and SERVER_RETURN with the status that the client must get, such
        as 413 for a body larger than LimitRequestBody. In an async def handler the result is awaited, and a client that
        leaves raises ConnectionResetError.
        """
    def readline(self, len: int | None = None) -> bytes:
        """Returns the next line of the body with its line end (bytes), or at most len bytes of it; b'' at the end of
        the body. Waits and raises as read(). In an async def handler the result is awaited.
        """
    def readlines(self, sizehint: int | None = None) -> list[bytes]:
        """Returns the lines of the body as a list of bytes; it stops after the line with which their length reaches
        sizehint bytes. Waits and raises as read(). In an async def handler the result is awaited.
        """
    def discard_request_body(self) -> int:
        """Reads the rest of the body and drops it. Returns apache.OK, or the HTTP status (int) that answers what went
        wrong. In an async def handler the result is awaited.
        """
    def _read_now(self, len: int | None = None) -> bytes:
        """Reads as read() of a plain handler, in an async def handler, too: returns bytes, and waits on the thread."""
    def _settle_length(self) -> None:
        """Reads a body in chunks, or one whose length an input filter may change, so that the headers say its length.
        Raises SERVER_RETURN when that fails.
        """
    def log_error(self, message: str | None, level: int | None = None) -> None:
        """Writes message (str or bytes; None is no entry) to the error log, marked as of this request. level: one of
        apache.APLOG_* (APLOG_ERR if None or left out). Raises TypeError for arguments of other types.
        """
    def get_options(self) -> table:
        """Returns the options (PythonOption) that apply to this request, as a new table of str: to change it changes
        nothing else.
        """
    def get_config(self) -> table:
        """Returns the Python directives that apply to this request, as a new table from a directive's name to its
        value; flags are '1' and '0'.
        """
    def add_output_filter(self, name: str) -> None:
        """Adds the output filter name (str) to the chain of this request: one registered for it with
        register_output_filter(), else one that httpd knows (ap_add_output_filter). Raises ValueError when there is no
        such filter, or 100 were added already.
        """
    def add_input_filter(self, name: str) -> None:
        """Adds the input filter name (str) to the chain of this request, as add_output_filter() does."""
    def register_output_filter(
        self, name: str, handler: str | Callable[[Filter], object], dir: str | None = None
    ) -> None:
        """Registers an output filter for this request under name (str). handler: a function, or 'module::function',
        whose module is also looked for in the folder dir (str) where no PythonPath is set. add_output_filter(name) puts
        it to work. Raises TypeError and ValueError for a handler that is neither.
        """
    def register_input_filter(
        self, name: str, handler: str | Callable[[Filter], object], dir: str | None = None
    ) -> None:
        """Registers an input filter for this request, as register_output_filter() does."""
    def sendfile(
        self, path: str | bytes | PathLike[str] | PathLike[bytes], offset: int | None = None, len: int | None = None
    ) -> int:
        """Sends a part of the file at path: at most len bytes (all when None, negative or left out) from offset (in
        bytes, 0 if left out). Returns the number of bytes (int). The file is not read into Python. Raises OSError when
        it cannot be opened, is no regular file, or the client is gone; ValueError for a negative offset. In an async
        def handler it is sent when the result is awaited, as with write().
        """
    def internal_redirect(self, new_uri: str | bytes) -> None:
        """Hands the request over to new_uri (str or bytes), another path of this server, for which all phases run
        (ap_internal_redirect). The request is answered then: what is written to it afterwards is lost, and no further
        handler is called. Return apache.OK. Raises RuntimeError where no handler of this request runs, in log handlers,
        and once the response has ended.
        """
    def add_handler(self, htype: str, handler: str | Callable[[Request], int], dir: str | None = None) -> None:
        """Adds a handler to the phase htype (str, the name of its directive, such as 'PythonLogHandler'), which runs
        now or is still to come. handler: a function, or 'module::function', whose module is looked for in the folder
        dir (str), or beside the handler that runs. Raises IndexError for an unknown phase, ValueError for one that is
        over, TypeError when handler is neither str nor callable.
        """
    def register_cleanup(self, callable: Callable[[Any], object], data: object = None) -> None:
        """Registers a function that is called as callable(data) when the request ends; the one registered last is
        called first. Raises ValueError when callable is not callable.
        """
    def _forget_cleanup(self, data: object) -> None:
        """Forgets the cleanup that was registered last with this very object as its data, if there is one."""
    def _connection_key(self) -> int:
        """Returns a number (int) that no other connection has at the same time. A stream of HTTP/2 has its own."""
    def construct_url(self, uri: str | bytes) -> str:
        """Returns the absolute URL (str) of the path uri (str or bytes) on this server, as UseCanonicalName says
        (ap_construct_url).
        """
    def is_https(self) -> int:
        """Returns 1 when the connection is encrypted (TLS), else 0."""
    def ssl_var_lookup(self, name: str) -> str | None:
        """Returns the value (str) of name, a variable of mod_ssl such as 'SSL_PROTOCOL'; '' when it is not set, None
        without mod_ssl.
        """
    # With str_is_ip not None a tuple[str, int].
    def get_remote_host(self, type: int | None = None, str_is_ip: object = None) -> Any:
        """Returns the client's host name or IP address (str, or None). type: one of apache.REMOTE_* (REMOTE_NAME if
        left out) says which, and whether DNS is asked; other Python threads run meanwhile. When str_is_ip is not None,
        returns a tuple of the str and 1 if it is an address, else 0. Raises ValueError for another type
        (ap_get_useragent_host).
        """
    def auth_name(self) -> str | None:
        """Returns the realm of AuthName (str), or None."""
    def auth_type(self) -> str | None:
        """Returns the scheme of AuthType (str), such as 'Basic', or None."""
    def get_basic_auth_pw(self) -> str | None:
        """Returns the password of the Basic credentials that the client sent (str; RFC 7617), and sets user. What is
        not UTF-8 is read as Latin-1. None when there are none, or AuthType is not Basic (ap_get_basic_auth_pw).
        """
    def allow_methods(self, methods: Iterable[str | bytes], reset: bool | int = False) -> None:
        """Adds methods (an iterable of str or bytes) to those that the Allow header lists in responses to OPTIONS and
        in 405 responses. reset: true to forget those that were allowed before. Raises TypeError when methods is a
        single str.
        """
    def add_common_vars(self) -> None:
        """Adds to subprocess_env the variables that tell of the server, the client and the request's headers
        (ap_add_common_vars).
        """
    def add_cgi_vars(self) -> None:
        """Adds to subprocess_env the variables of CGI (RFC 3875; ap_add_cgi_vars), and those of add_common_vars()."""
    def get_addhandler_exts(self) -> str:
        """Returns the file extensions that AddHandler gives to Python for this request (str), in small letters without
        dots, a blank behind each.
        """
    def build_wsgi_env(self) -> dict[str, Any] | None:
        """Returns the environ of a WSGI application (PEP 3333) as a dict; None when the request is not below the path
        of its PythonOption mod_python.wsgi.base_uri. Sets path_info. Raises ValueError when that option ends in a
        slash.
        """
    def wsgi_start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: tuple[Any, Any, Any] | None = None
    ) -> Callable[[bytes], object]:
        """The start_response of WSGI (PEP 3333): sets the status (str, such as '200 OK') and headers (list of pairs of
        str), and returns the callable write.
        """
    def _wsgi_write(self, data: bytes) -> None:
        """The write() that wsgi_start_response() returns: sends data (bytes) at once. Raises TypeError for data of
        another type, ValueError for more than the Content-Length, OSError when the client is gone.
        """
    def _application(self) -> tuple[Any, str]:
        """Returns the application that is mounted for the request, and its name, as a tuple."""
    def _exchange(self) -> Any:
        """Returns the exchange of a request whose ASGI application runs already, once; None for any other."""
    def _asgi_scope(self) -> dict[str, Any]:
        """Returns what an ASGI scope of type http has of the request, as a new dict."""
    def _asgi_start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Sets the status (int) and the headers (an iterable of pairs of bytes) of the response."""
    def _asgi_body(self, data: bytes, flush: bool) -> None:
        """Writes data (bytes) to the response, if it may have a body. Sends it at once if flush is true."""
    def _asgi_send(self, data: bytes, flush: bool) -> Awaitable[None]:
        """As _asgi_body(), in a coroutine: returns what is awaited until the client has taken enough of it."""
    def _wait_for_call(self, watched: int, seconds: float | None) -> Awaitable[int]:
        """Returns what is awaited until _waker().call() is called, or what _wait() waits for has happened. seconds:
        None for no limit.
        """
    def _waker(self) -> Any:
        """Returns the object by which an application calls the coroutine of its request."""
    def _outside(self, function: Callable[[Any], Any]) -> Any:
        """Calls function with req, whose methods wait there as those of a plain handler do, and returns what it
        returns.
        """
    def _early_hint(self, links: list[bytes]) -> None:
        """Sends an interim response with status 103 (RFC 8297) whose Link headers are links (a list of bytes). Other
        Python threads run meanwhile.
        """
    def _ask_for_body(self) -> None:
        """Sends 100 Continue to a client that waits for it, unless the response has begun. Other Python threads run
        meanwhile.
        """
    def _read_available(self) -> bytes | None:
        """Returns what has come of the body (bytes), empty at its end; None while nothing has come. Raises as
        read().
        """
    def _wait(self, waker: Any, called: Any, watched: int, seconds: float) -> int:
        """Calls the event called, if it is not None, and waits until the event waker is called, something has happened
        on the client's connection, or seconds (float) are over. watched: 0 for its break, 1 for the client's end too, 2
        for input too. Returns 1 when the client has ended its side, 2 when the connection is broken, 4 when unread
        bytes stand before that end, else 0 (int); 8 is added when the child stops.
        """
    def _heartbeat(self, seconds: float | None, text: bytes) -> None:
        """Has text (bytes) sent when nothing else was for seconds (float), while an async def handler waits; None ends
        that. Raises ValueError for a negative number.
        """
    def _on_loop(self, exchange: Any) -> None:
        """Has the methods of an async def handler that runs as a task on asyncio's loop queued for httpd's thread by
        exchange; None ends that. Raises RuntimeError where such a handler runs already.
        """
    def _offers(self, handler: Any) -> None:
        """Has further requests for the running handler offered to asyncio's loop, if it is the object that its line
        names, and nothing must be imported for it.
        """
    def _lend(self, future: Any, seconds: float) -> None:
        """Waits until future has its value, at most seconds (float), while asyncio's loop can use this object."""
    def _unread(self, data: bytes) -> None:
        """Has data (bytes) read once more, which was read for something that does not want it any more."""
    def __iter__(self) -> Request: ...
    def __next__(self) -> bytes: ...
    def set_etag(self) -> None:
        """Sets the ETag of the response from the file, as FileETag says (ap_set_etag; RFC 9110 section 8.8.3)."""
    def set_last_modified(self) -> None:
        """Sets the Last-Modified header of the response from mtime (ap_set_last_modified)."""
    def update_mtime(self, seconds: float) -> None:
        """Sets mtime to seconds (int or float, since 1970) if that is later than what it is. Fractions are dropped.
        Raises ValueError for a number that is no time.
        """
    def set_content_length(self, len: int) -> None:
        """Sets the Content-Length of the response to len bytes (int). Raises ValueError when len is negative."""
    def meets_conditions(self) -> int:
        """Compares the conditions of the request, such as If-None-Match, with ETag and Last-Modified of the response
        (RFC 9110 section 13; ap_meets_conditions). Returns apache.OK, or the HTTP status (int) to return: 304 or 412.
        """
    def document_root(self) -> str:
        """Returns the path of the DocumentRoot that applies to this request (str)."""
    def send_http_header(self) -> None:
        """Does nothing: httpd sends the headers before the first byte of the body. It is there for programs written for
        mod_python 3.
        """

class AsyncRequest(Request):
    """A request, for type checkers, as an async def handler has it. At run time it is apache.Request."""

    # These may stay without await: what they return waits only for a slow client.
    def write(self, data: str | Buffer, flush: int = True) -> Awaitable[None]:  # type: ignore[override]
        """Writes data (str, encoded as UTF-8, bytes or a buffer) to the response. It is sent at once unless flush is
        false: then it is held until 64 KiB have come together or the handler returns. Other Python threads run while it
        is sent. Raises OSError when the client is gone, TypeError for data of another type, RuntimeError in a filter or
        for another request than the one being handled. In an async def handler it is sent when the result is awaited,
        or before the handler next waits; a client that is gone raises ConnectionResetError there.
        """
    def flush(self) -> Awaitable[None]:  # type: ignore[override]
        """Sends what was written and what httpd's filters hold back. Other Python threads run meanwhile. Raises OSError
        when the client is gone. In an async def handler the result is awaited.
        """
    def sendfile(  # type: ignore[override]
        self, path: str | bytes | PathLike[str] | PathLike[bytes], offset: int | None = None, len: int | None = None
    ) -> Awaitable[int]:
        """Sends a part of the file at path: at most len bytes (all when None, negative or left out) from offset (in
        bytes, 0 if left out). Returns the number of bytes (int). The file is not read into Python. Raises OSError when
        it cannot be opened, is no regular file, or the client is gone; ValueError for a negative offset. In an async
        def handler it is sent when the result is awaited, as with write().
        """
    def read(self, len: int | None = None) -> _Awaited[bytes]:  # type: ignore[override]
        """Returns at most len bytes of the request's body (all of it when len is None, negative or left out); b'' at
        its end. Waits until they have come; other Python threads run meanwhile. Raises TimeoutError when the client is
        too slow, OSError when the body cannot be read, and SERVER_RETURN with the status that the client must get, such
        as 413 for a body larger than LimitRequestBody. In an async def handler the result is awaited, and a client that
        leaves raises ConnectionResetError.
        """
    def readline(self, len: int | None = None) -> _Awaited[bytes]:  # type: ignore[override]
        """Returns the next line of the body with its line end (bytes), or at most len bytes of it; b'' at the end of
        the body. Waits and raises as read(). In an async def handler the result is awaited.
        """
    def readlines(self, sizehint: int | None = None) -> _Awaited[list[bytes]]:  # type: ignore[override]
        """Returns the lines of the body as a list of bytes; it stops after the line with which their length reaches
        sizehint bytes. Waits and raises as read(). In an async def handler the result is awaited.
        """
    def discard_request_body(self) -> _Awaited[int]:  # type: ignore[override]
        """Reads the rest of the body and drops it. Returns apache.OK, or the HTTP status (int) that answers what went
        wrong. In an async def handler the result is awaited.
        """
    def sleep(self, seconds: float) -> _Awaited[None]:
        """Awaits the end of so many seconds (int or float) in an async def handler; what was written is sent before.
        Raises ConnectionResetError when the client leaves meanwhile, ShuttingDown when the server stops and
        PythonGracefulTimeout is over, ValueError for a negative number, RuntimeError in a plain handler.
        """
    def __aiter__(self) -> AsyncIterator[bytes]: ...

class _Connection:
    """What a connection has in handlers of each kind."""

    @property
    def base_server(self) -> Server:
        """The Server (virtual host) of the local address and port; it can be used when the connection is over, too."""
    @property
    def hlist(self) -> HandlerList | None:
        """The handlers of the connection in a connection handler, a HandlerList; else None."""
    @property
    def client_addr(self) -> tuple[str, int]:
        """The peer's IP address and port, a tuple (str, int)."""
    @property
    def local_addr(self) -> tuple[str, int]:
        """The local IP address and port, a tuple (str, int)."""
    @property
    def remote_addr(self) -> tuple[str, int]:
        """The same tuple as client_addr, under its name in httpd 2.2."""
    @property
    def client_ip(self) -> str:
        """The peer's IP address (str)."""
    @property
    def useragent_addr(self) -> tuple[str | None, int]:
        """The peer's IP address and port, a tuple (str, int): those of a PROXY header when mod_remoteip reads one, else
        those of client_addr.
        """
    @property
    def useragent_ip(self) -> str | None:
        """The peer's IP address (str): that of a PROXY header when mod_remoteip reads one, else client_ip."""
    @property
    def remote_ip(self) -> str:
        """The same str as client_ip, under its name in httpd 2.2."""
    @property
    def local_ip(self) -> str:
        """The local IP address (str)."""
    @property
    def remote_host(self) -> str | None:
        """The peer's host name (str); None when it was not looked up."""
    @property
    def local_host(self) -> str | None:
        """The local host name (str); None when it was not looked up."""
    @property
    def remote_logname(self) -> str | None:
        """The user name that the peer's identd has told (str; RFC 1413), or None."""
    @property
    def aborted(self) -> int:
        """1 when the peer is known to be gone (int)."""
    @property
    def keepalives(self) -> int:
        """The number of requests after the first one on this connection (int)."""
    @property
    def double_reverse(self) -> int:
        """Whether the peer's host name resolves to its address: 1 for yes, -1 for no, 0 when it was not looked up
        (int).
        """
    @property
    def id(self) -> int:
        """httpd's number for this connection (int), unique among those that are open."""
    @property
    def notes(self) -> table:
        """Notes from one module of httpd to another, a table."""
    @property
    def _conn_rec(self) -> CapsuleType:
        """The address of the conn_rec (PyCapsule) for extension modules in C, valid as long as the connection."""
    @property
    def closing(self) -> bool:
        """True when the server is about to stop: finish what is begun, and return."""
    @property
    def protocol(self) -> str:
        """The protocol of the connection (str): 'http/1.1', or what ALPN (RFC 7301) or Upgrade has chosen."""

    keepalive: int
    """Whether the connection stays open after this response: one of apache.AP_CONN_UNKNOWN, AP_CONN_CLOSE,
    AP_CONN_KEEPALIVE (int). Can be set.
    """
    timeout: float
    """The most seconds (float) that one wait of an async def handler takes before it raises TimeoutError. Can be set,
    to at most the virtual host's Timeout; raises ValueError for more.
    """
    half_close_timeout: float
    """How many seconds (float) the peer of an async def handler may still wait for answers after it has ended its side
    of the connection. When nothing was sent to it for so long, conn.sleep() and apache.aio() raise
    ConnectionResetError; 0: at once. Can be set, to at most the virtual host's Timeout, which it is at first; raises
    ValueError for more.
    """

    def log_error(self, message: str | None, level: int | None = None) -> None:
        """Writes message (str or bytes; None is no entry) to the error log, marked as of this connection. level: one of
        apache.APLOG_* (APLOG_ERR if None or left out). Raises TypeError for arguments of other types.
        """
    def is_https(self) -> int:
        """Returns 1 when the connection is encrypted (TLS), else 0."""
    def ssl_var_lookup(self, name: str) -> str | None:
        """Returns the value (str) of name, a variable of mod_ssl such as 'SSL_CLIENT_S_DN'; '' when it is not set,
        None without mod_ssl.
        """
    def _on_loop(self, exchange: Any) -> None:
        """Has the methods of an async def handler that runs as a task on asyncio's loop queued for httpd's thread by
        exchange; None ends that. Raises RuntimeError where such a handler runs already.
        """
    def _lend(self, future: Any, seconds: float) -> None:
        """Waits until future has its value, at most seconds (float), while asyncio's loop can use this object."""
    def _unread(self, data: bytes) -> None:
        """Has data (bytes) read once more, which was read for something that does not want it any more."""

class Connection(_Connection):
    """A connection (httpd's conn_rec). It may be used while httpd calls a handler for it or for one of its requests; at
    any other time its methods and attributes raise RuntimeError. As req.connection it can be read and written, too:
    HTTP ends there at the first call, which raises RuntimeError where HTTP must go on.
    """

    def read(self, length: int = 0) -> bytes:
        """Returns up to length bytes as soon as some have come; without length, what comes next; with -1, all until the
        peer closes; with 0, b'' at once. b'' at the end of input; a plain handler gets it once, then OSError. In an
        async def handler the result is awaited; a plain one waits, and other Python threads run meanwhile. Raises
        TimeoutError, and ConnectionError when the connection is broken.
        """
    def readline(self, length: int | None = None) -> bytes:
        """Returns the next line with its line end (bytes), or at most length bytes of it; b'' at the end of input, as
        read(). Waits and raises as read(). In an async def handler a line longer than length (65536 if left out) raises
        asyncio.LimitOverrunError.
        """
    def write(self, data: str | Buffer) -> None:
        """Sends data (str, encoded as UTF-8, bytes or a buffer). In an async def handler the result is awaited, which
        waits while the peer is slow. Raises ConnectionError when the peer is gone, TypeError for data of another type.
        """
    def authorize(self, uri: str, user: str | bytes | None = None, password: str | bytes | None = None) -> str | None:
        """Asks httpd whether it would allow a GET of the path uri (str) with Basic credentials user and password (str
        or bytes), or with none. Returns the user's name (str), '' where httpd asks for none, None when it refuses. In
        an async def handler the result is awaited. Raises RuntimeError when httpd cannot decide (its log says why),
        ValueError when uri is no path.
        """

class AsyncConnection(_Connection):
    """A connection, for type checkers, as an async def handler has it. At run time it is apache.Connection."""

    def read(self, length: int = 0) -> _Awaited[bytes]:
        """Returns up to length bytes as soon as some have come; without length, what comes next; with -1, all until the
        peer closes; with 0, b'' at once. b'' at the end of input; a plain handler gets it once, then OSError. In an
        async def handler the result is awaited; a plain one waits, and other Python threads run meanwhile. Raises
        TimeoutError, and ConnectionError when the connection is broken.
        """
    def readline(self, length: int | None = None) -> _Awaited[bytes]:
        """Returns the next line with its line end (bytes), or at most length bytes of it; b'' at the end of input, as
        read(). Waits and raises as read(). In an async def handler a line longer than length (65536 if left out) raises
        asyncio.LimitOverrunError.
        """
    # It may stay without await: what it returns waits only for a slow peer.
    def write(self, data: str | Buffer) -> Awaitable[None]:
        """Sends data (str, encoded as UTF-8, bytes or a buffer). In an async def handler the result is awaited, which
        waits while the peer is slow. Raises ConnectionError when the peer is gone, TypeError for data of another type.
        """
    def readexactly(self, length: int) -> _Awaited[bytes]:
        """Awaits exactly length bytes (int). Raises asyncio.IncompleteReadError when the input ends before,
        TimeoutError, ConnectionError. As asyncio.StreamReader.readexactly().
        """
    def readuntil(self, separator: str | bytes = b"\n", limit: int = 65536) -> _Awaited[bytes]:
        """Awaits the bytes up to and including separator (a line feed if left out). Raises asyncio.LimitOverrunError
        when it is not among the first limit bytes (65536 if left out), asyncio.IncompleteReadError when the input ends
        before, ValueError for an empty separator and a limit below 0. As asyncio.StreamReader.readuntil().
        """
    def peek(self, length: int | None = None) -> _Awaited[bytes]:
        """Awaits the next length bytes (int) without taking them; fewer only at the end of input. Without length, what
        has come, at least one byte; b'' at the end of input.
        """
    def peek_until(self, separator: str | bytes = b"\n", limit: int = 65536) -> _Awaited[bytes]:
        """Awaits the bytes up to and including separator (a line feed if left out) without taking them; at the end of
        input without separator what there is. Raises asyncio.LimitOverrunError when it is not among the first limit
        bytes (65536 if left out), ValueError for an empty separator and a limit below 0.
        """
    def sleep(self, seconds: float) -> _Awaited[None]:
        """Awaits the end of so many seconds (int or float); what was written is sent meanwhile. Raises ValueError for
        more than the virtual host's Timeout.
        """
    def close(self) -> _Awaited[None]:
        """Closes this side's direction of the connection once all that was written is sent, which can be awaited."""
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def authorize(
        self, uri: str, user: str | bytes | None = None, password: str | bytes | None = None
    ) -> _Awaited[str | None]:
        """Asks httpd whether it would allow a GET of the path uri (str) with Basic credentials user and password (str
        or bytes), or with none. Returns the user's name (str), '' where httpd asks for none, None when it refuses. In
        an async def handler the result is awaited. Raises RuntimeError when httpd cannot decide (its log says why),
        ValueError when uri is no path.
        """

class Server:
    """A virtual host or the main server (httpd's server_rec). It may be kept and used on any thread as long as the
    child process lives.
    """

    @property
    def server_hostname(self) -> str | None:
        """The host name of ServerName (str), or None."""
    @property
    def server_admin(self) -> str | None:
        """The address of ServerAdmin (str), or None."""
    @property
    def port(self) -> int:
        """The port of ServerName (int); 0 when it has none."""
    @property
    def is_virtual(self) -> int:
        """1 for a virtual host, 0 for the main server (int)."""
    @property
    def timeout(self) -> float:
        """Timeout, in seconds (float)."""
    @property
    def next(self) -> Server | None:
        """The next Server in httpd's list, or None."""
    @property
    def defn_name(self) -> str | None:
        """The path of the file in which the server is configured (str); None for the main server."""
    @property
    def defn_line_number(self) -> int:
        """The line of that file in which it is configured (int); 0 for the main server."""
    @property
    def error_fname(self) -> str | None:
        """The path of ErrorLog (str), or None."""
    @property
    def loglevel(self) -> int:
        """The level of LogLevel: one of apache.APLOG_* (int)."""
    @property
    def keep_alive_timeout(self) -> float:
        """KeepAliveTimeout, in seconds (float)."""
    @property
    def keep_alive_max(self) -> int:
        """MaxKeepAliveRequests (int)."""
    @property
    def keep_alive(self) -> int:
        """1 for KeepAlive On (int)."""
    @property
    def path(self) -> str | None:
        """The path of ServerPath (str), or None."""
    @property
    def pathlen(self) -> int:
        """The length of ServerPath in bytes (int)."""
    @property
    def names(self) -> tuple[str, ...]:
        """The names of ServerAlias without wildcards, a tuple of str."""
    @property
    def wild_names(self) -> tuple[str, ...]:
        """The names of ServerAlias with wildcards, a tuple of str."""
    @property
    def limit_req_line(self) -> int:
        """LimitRequestLine, in bytes (int)."""
    @property
    def limit_req_fieldsize(self) -> int:
        """LimitRequestFieldSize, in bytes (int)."""
    @property
    def limit_req_fields(self) -> int:
        """LimitRequestFields, the number of header lines (int)."""
    @property
    def my_generation(self) -> int:
        """How often httpd was restarted gracefully before this child process started (int)."""
    @property
    def restart_time(self) -> float:
        """When httpd was started or restarted, in seconds since 1970 (float)."""
    @property
    def _server_rec(self) -> CapsuleType:
        """The address of the server_rec (PyCapsule) for extension modules in C, valid as long as the child process."""
    def register_cleanup(self, request: Request, callable: Callable[[Any], object], data: object = None) -> None:
        """Registers a function that is called as callable(data) when this child process of httpd ends; request is only
        checked to be a Request. Raises ValueError when it is none, or callable is not callable.
        """
    def log_error(self, message: str | None, level: int | None = None) -> None:
        """Writes message (str or bytes; None is no entry) to the server's error log. level: one of apache.APLOG_*
        (APLOG_ERR if None or left out). Raises TypeError for arguments of other types.
        """
    def get_options(self) -> table:
        """Returns the options (PythonOption) set outside of all sections, as a new table of str. Code of PythonImport
        gets one that it can write while the child process starts; later answers are copies of that, and to write
        into the first one then raises RuntimeError.
        """
    def get_config(self) -> table:
        """Returns the Python directives set outside of all sections, as a new table from a directive's name to its
        value; flags are '1' and '0'.
        """

class _Filter:
    """What a filter has in functions of each kind."""

    # None on a connection.
    @property
    def req(self) -> Request | Any:
        """The Request whose body passes; None in a filter of connections."""
    @property
    def connection(self) -> Connection:
        """The Connection of the filter."""
    @property
    def name(self) -> str:
        """The name that the filter was registered with (str)."""
    @property
    def handler(self) -> str:
        """The function of the filter as it was configured (str): 'module::function'."""
    @property
    def dir(self) -> str | None:
        """The path of the directory section that declares the filter (str), or None."""
    @property
    def is_input(self) -> int:
        """1 for an input filter, 0 for an output filter (int)."""
    @property
    def closed(self) -> int:
        """1 after close() (int)."""
    @property
    def mode(self) -> Literal["bytes", "line", "peek"] | None:
        """How the caller of an input filter reads: 'bytes', 'line' or 'peek' (ap_input_mode_t). None in an output
        filter.
        """
    @property
    def block(self) -> bool | None:
        """True when the caller of an input filter waits for data (APR_BLOCK_READ). None in an output filter."""
    @property
    def readbytes(self) -> int | None:
        """The number of bytes that the caller of an input filter asks for (int). None for mode 'line' and in an output
        filter.
        """

class Filter(_Filter):
    """A filter in the chain of one request or connection. Attributes that a handler sets on it last until the body
    ends. It may be used only in a call of the filter's function; at any other time its methods and attributes raise
    RuntimeError.
    """

    def read(self, n: int | None = None) -> bytes | None:
        """Returns all of the body that is at hand in this call, up to the next FLUSH (bytes): at most n bytes, and at
        most what joined= allows (1 MiB). In an async generator the result is awaited, and is the next piece of at most
        64 KiB. b'' when there is nothing more for now: return, and the function is called again. None at the end of the
        body, once. Raises OSError when the source of the body fails, ValueError after close().
        """
    def readline(self, n: int | None = None) -> bytes | None:
        """Returns the next line with its line end (bytes), at most n bytes of it and at most what joined= allows (1
        MiB); else as read().
        """
    def write(self, data: str | Buffer) -> None:
        """Writes data (str, encoded as UTF-8, bytes or a buffer) to what follows in the chain. Raises OSError when the
        client is gone, TypeError for data of another type, ValueError after close().
        """
    def flush(self) -> None:
        """Sends what was written and what later filters hold back. Raises OSError when the client is gone."""
    def close(self) -> None:
        """Ends the body here: what is left of it is dropped. Raises apache.FilterLimit if read() left data behind only
        because of the bound of joined=.
        """
    def pass_on(self) -> None:
        """Passes on unchanged what is left of this call's part of the body; an async generator steps out for the whole
        body. Raises apache.FilterLimit when more was read than is held (held=).
        """
    def disable(self) -> None:
        """Takes the filter out of the chain: what is left of the body, and all that follows, passes unchanged."""

class AsyncFilter(_Filter):
    """A filter, for type checkers, as an async generator has it. At run time it is apache.Filter."""

    def read(self, n: int | None = None) -> _Awaited[bytes]:
        """Returns all of the body that is at hand in this call, up to the next FLUSH (bytes): at most n bytes, and at
        most what joined= allows (1 MiB). In an async generator the result is awaited, and is the next piece of at most
        64 KiB. b'' when there is nothing more for now: return, and the function is called again. None at the end of the
        body, once. Raises OSError when the source of the body fails, ValueError after close().
        """
    def buckets(self) -> AsyncIterator[Bucket]:
        """Returns an async iterator over the buckets of the body (Bucket), metadata among them."""
    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def lines(self, limit: int | None = None) -> AsyncIterator[bytes]:
        """Returns an async iterator over the lines of the body with their line ends (bytes), each of at most limit
        bytes (65536 if left out).
        """
    def peek(self, n: int) -> _Awaited[bytes]:
        """Awaits the next n bytes (int) of the body without taking them; fewer only at the end of the body."""
    def body(self, limit: int | None = None) -> _Awaited[bytes]:
        """Awaits the whole body (bytes). Raises apache.BodyTooLarge when it is larger than limit bytes (int)."""
    def replace(
        self, pairs: Mapping[str, str] | Mapping[bytes, bytes], count: int | None = None, ignore_case: bool = False
    ) -> AsyncIterator[bytes]:
        """Returns an async iterator over the body (bytes) in which each key of the mapping pairs is replaced by its
        value, also where it is spread over two pieces. count: the most replacements (int). ignore_case: true to ignore
        the case of ASCII letters. Raises ValueError for an empty mapping or an empty key.
        """
    def pass_on(self) -> None:
        """Passes on unchanged what is left of this call's part of the body; an async generator steps out for the whole
        body. Raises apache.FilterLimit when more was read than is held (held=).
        """

class HandlerList:
    """The handlers of the running phase, as a cursor that stands at the one that runs. All attributes are None past the
    end of the list. It raises RuntimeError once its request or connection is over.
    """

    # Past the end of the list all of them are None.
    @property
    def handler(self) -> str | None:
        """The handler as it was configured (str): 'module' or 'module::function'."""
    @property
    def silent(self) -> int | None:
        """1 when a module without the function is passed over (int; PythonHandlerModule), else 0."""
    @property
    def is_location(self) -> int | None:
        """1 when the handler was configured in a Location section (int), else 0."""
    @property
    def directory(self) -> str | None:
        """The path of the section that the handler was configured in (str), with a slash at the end for a directory;
        None outside of sections.
        """
    def next(self) -> None:
        """Moves on to the next handler; returns None. Raises RuntimeError when the request or connection may not be
        used now.
        """

class Bucket:
    """A bucket of httpd's (apr_bucket): a piece of a body, or metadata about it. A filter that yields it passes it on
    unchanged. It raises RuntimeError once it has gone on.
    """

    @property
    def type(self) -> str:
        """The type of the bucket (str): 'HEAP', 'FILE', 'MMAP', 'PIPE', 'TRANSIENT', 'PYTHON' or another one for data,
        'FLUSH', 'EOS', 'ERROR' or another one for metadata.
        """
    @property
    def length(self) -> int | None:
        """The number of its bytes (int); None where only read() can tell."""
    @property
    def is_metadata(self) -> bool:
        """True for metadata. It passes by itself, in its place among the data."""
    @property
    def path(self) -> str | None:
        """The path of the file that the bucket is a part of (str), or None."""
    @property
    def offset(self) -> int | None:
        """The offset in that file at which it begins, in bytes (int), or None."""
    def read(self) -> bytes:
        """Returns the bytes of the bucket; waits until they are there, while other Python threads run. A bucket of a
        body that is longer than 64 KiB, or whose length is None, is cut first: it keeps the first part, and the rest is
        the next bucket, unless that was asked for already. Then, and for other buckets, raises MemoryError for more
        than 64 MiB (use split()), OSError when reading fails.
        """
    def split(self, n: int) -> Bucket | None:
        """Cuts the bucket after n bytes (int): it keeps these, and the rest is returned as a new Bucket; None when
        there is no rest. Raises OSError when it cannot be cut, TypeError for a negative n.
        """

class SSIElement:
    """The output of an SSI element (mod_include), to which its Python code writes. It may be used only while that code
    runs; at any other time it raises RuntimeError.
    """

    @property
    def req(self) -> Request:
        """The Request for the page."""
    def write(self, data: str | Buffer) -> None:
        """Writes data (str, encoded as UTF-8, bytes or a buffer) to the page. Raises OSError when the client is gone,
        TypeError for data of another type.
        """
    def flush(self) -> None:
        """Sends the page so far, and what later filters hold back. Raises OSError when the client is gone."""

class FileInfo:
    """What is known of a file (apr_finfo_t). It is a copy and may be kept. It is also a sequence, whose items are in
    the order of apache.FINFO_*.
    """

    @property
    def fname(self) -> str | None:
        """The path of the file (str), or None."""
    @property
    def name(self) -> str | None:
        """The name of the file as the file system spells it (str), or None."""
    @property
    def filetype(self) -> int:
        """The type of the file: one of apache.APR_NOFILE, APR_REG, APR_DIR and so on (int)."""
    @property
    def valid(self) -> int:
        """Which attributes are known: a mask of apache.APR_FINFO_* (int)."""
    @property
    def protection(self) -> int | None:
        """The permissions of the file in APR's form (int): 0x644 stands for 0o644. None when they are not known."""
    @property
    def user(self) -> int | None:
        """The user id of the file's owner (int), or None."""
    @property
    def group(self) -> int | None:
        """The group id of the file (int), or None."""
    @property
    def size(self) -> int | None:
        """The size of the file in bytes (int); None when there is no file."""
    @property
    def inode(self) -> int | None:
        """The inode number of the file (int), or None."""
    @property
    def device(self) -> int | None:
        """The number of the device that the file is on (int), or None."""
    @property
    def nlink(self) -> int | None:
        """The number of hard links to the file (int), or None."""
    @property
    def atime(self) -> int | None:
        """When the file was read last, in seconds since 1970 (int), or None."""
    @property
    def mtime(self) -> int | None:
        """When the content of the file has changed last, in seconds since 1970 (int); None when there is no file."""
    @property
    def ctime(self) -> int | None:
        """When the file's content, owner or permissions have changed last, in seconds since 1970 (int), or None."""
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> int | str | None: ...

# What a table takes: a number is stored as its text.
_Value = str | bytes | float
_Items = Mapping[str, _Value] | Mapping[bytes, _Value] | Iterable[tuple[str | bytes, _Value]]

class PageServer:
    """Pages of psp that are kept."""

    def __new__(cls, hooks: tuple[Any, ...]) -> PageServer: ...
    def serve(self, req: Request) -> bool:
        """Answers the request req with the page of its file. Returns False, and does nothing, for a page that is not
        kept in the version that httpd has found, where more must be looked at than that, and for an object that only
        stands for a request. Raises what the page raises.
        """
    def keep(self, filename: str, stamp: tuple[int, ...], page: object) -> None:
        """Keeps page for serve(), which is made of the file at filename (str) as it was when it had stamp (a tuple)."""

class Publisher:
    """What is known of published pages."""

    def __new__(cls, steps: tuple[Any, ...]) -> Publisher: ...
    def publish(self, req: Request) -> bool | None:
        """Answers the request req with what its URL names. Returns False, and does nothing, for another method than
        GET, HEAD and POST, and None for an object that only stands for a request. Raises what the functions raise, and
        the published code.
        """

class table:  # noqa: N801 - mod_python's name for it
    """A mapping of str to str in which a key may have several values (apr_table_t). Keys ignore the case of ASCII
    letters. Keys and values may be given as str or bytes. A table of a request or connection raises RuntimeError when
    that is over.
    """

    def __new__(cls, items: _Items | table = ()) -> table: ...
    def __eq__(self, other: object) -> bool: ...
    def get(self, key: str | bytes, default: _Default = ...) -> str | _Default:
        """Returns the first value of key (str), or default (None if left out)."""
    def get_all(self, key: str | bytes) -> list[str]:
        """Returns all values of key, a list of str."""
    def add(self, key: str | bytes, value: _Value) -> None:
        """Adds an entry and keeps those of the same key. Raises ValueError for a key or value with NUL, in tables of
        headers for CR and LF, and in a response's headers for what httpd would refuse.
        """
    def keys(self) -> list[str]:
        """Returns the keys in the order of the entries, a list of str; a key with several values is repeated."""
    def values(self) -> list[str]:
        """Returns the values in the order of the entries, a list of str."""
    def items(self) -> list[tuple[str, str]]:
        """Returns the entries in order, a list of tuples (key, value) of str."""
    def iterkeys(self) -> Iterator[str]:
        """Returns an iterator over keys()."""
    def itervalues(self) -> Iterator[str]:
        """Returns an iterator over values()."""
    def iteritems(self) -> Iterator[tuple[str, str]]:
        """Returns an iterator over items()."""
    def clear(self) -> None:
        """Removes all entries."""
    def update(self, other: _Items | table) -> None:
        """Replaces, for each key of other (a table, a mapping or an iterable of pairs), the entries of that key. Raises
        TypeError or ValueError for anything else, and for values as add() does.
        """
    def setdefault(self, key: str | bytes, default: _Value = "") -> str:
        """Returns the first value of key (str). When there is none, sets it to default ('' if left out) and returns
        that as a str.
        """
    def pop(self, key: str | bytes, default: str | None = ...) -> str | Any:
        """Removes all entries of key and returns the first value (str). When there is none, returns default, or raises
        KeyError if that is left out.
        """
    def popitem(self) -> tuple[str, str]:
        """Removes the last entry and returns it as a tuple (key, value). Raises KeyError when the table is empty."""
    def has_key(self, key: str | bytes) -> bool:
        """Returns True when there is an entry of key."""
    def copy(self) -> table:
        """Returns a new table with the same entries, which lasts as long as Python keeps it."""
    def __len__(self) -> int: ...
    # A list where a key has several values.
    def __getitem__(self, key: str | bytes) -> str | Any: ...
    def __setitem__(self, key: str | bytes, value: _Value) -> None: ...
    def __delitem__(self, key: str | bytes) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
