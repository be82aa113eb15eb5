//! The table of `req`: its methods and attributes, in the order of `_apache.pyi`.

use pyo3::prelude::*;

use crate::filter_chain::Direction;
use crate::httpd::Request;
use crate::python::connection::on_loop;
use crate::python::filter::run_time;
use crate::python::object::capsule::capsule;
use crate::python::object::class::Class;
use crate::python::object::fields::{number, seconds, set_number, text, texts};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Slot, async_iterable_slot, iterator_slots};
use crate::python::request::add_handler;
use crate::python::request::asgi;
use crate::python::request::async_io;
use crate::python::request::children::{ChildObject, part};
use crate::python::request::fields::{
    bytes_queued, content_type_set, credential, finfo, found_stamp, interpreter, parsed_uri,
    related, set_content_languages, set_content_type, set_finfo, set_header_text, set_present,
    set_proxyreq, set_status, set_status_line, set_text, useragent_addr,
};
use crate::python::request::form;
use crate::python::request::heartbeat;
use crate::python::request::io;
use crate::python::request::methods::{
    act, add_cgi_vars, allow_methods, connection_key, construct_url, document_root, forget_cleanup,
    get_addhandler_exts, get_config, get_options, get_remote_host, is_https, log_error,
    meets_conditions, register_cleanup, send_http_header, set_content_length, ssl_var_lookup,
    update_mtime, wait,
};
use crate::python::request::object::RequestObject;
use crate::python::request::offers;
use crate::python::request::psp::pieces::{pieces, set_pieces};
use crate::python::request::wsgi;
use crate::python::runtime::types::ClassId;

impl Class for RequestObject {
    const NAME: &'static std::ffi::CStr = c"builtins.mp_request";
    const DOC: &'static std::ffi::CStr =
        c"A request (httpd's request_rec). It may be used on the thread that handles it, while httpd calls a \
        handler or filter for it; at any other time its methods and attributes raise RuntimeError.";
    const ID: ClassId = ClassId::Request;
    const OPEN: bool = true;
    methods! { RequestObject:
        /// Writes data (str, encoded as UTF-8, bytes or a buffer) to the response. It is sent at once unless flush is
        /// false: then it is held until 64 KiB have come together or the handler returns. Other Python threads run
        /// while it is sent. Raises OSError when the client is gone, TypeError for data of another type, RuntimeError
        /// in a filter or for another request than the one being handled. In an async def handler it is sent when the
        /// result is awaited, or before the handler next waits; a client that is gone raises ConnectionResetError
        /// there.
        write(data; flush) = async_io::write;
        /// Sends what was written and what httpd's filters hold back. Other Python threads run meanwhile. Raises
        /// OSError when the client is gone. In an async def handler the result is awaited.
        flush() = async_io::flush;
        /// Returns at most len bytes of the request's body (all of it when len is None, negative or left out); b'' at
        /// its end. Waits until they have come; other Python threads run meanwhile. Raises TimeoutError when the client
        /// is too slow, OSError when the body cannot be read, and SERVER_RETURN with the status that the client must
        /// get, such as 413 for a body larger than LimitRequestBody. In an async def handler the result is awaited, and
        /// a client that leaves raises ConnectionResetError.
        read(; len) = async_io::read;
        /// Returns the next line of the body with its line end (bytes), or at most len bytes of it; b'' at the end of
        /// the body. Waits and raises as read(). In an async def handler the result is awaited.
        readline(; len) = async_io::readline;
        /// Returns the lines of the body as a list of bytes; it stops after the line with which their length reaches
        /// sizehint bytes. Waits and raises as read(). In an async def handler the result is awaited.
        readlines(; sizehint) = async_io::readlines;
        /// Reads the rest of the body and drops it. Returns apache.OK, or the HTTP status (int) that answers what went
        /// wrong. In an async def handler the result is awaited.
        discard_request_body() = async_io::discard_request_body;
        /// Reads as read() of a plain handler, in an async def handler, too: returns bytes, and waits on the thread.
        _read_now(; len) = io::read;
        /// Awaits the end of so many seconds (int or float) in an async def handler; what was written is sent before.
        /// Raises ConnectionResetError when the client leaves meanwhile, ShuttingDown when the server stops and
        /// PythonGracefulTimeout is over, ValueError for a negative number, RuntimeError in a plain handler.
        sleep(seconds) = async_io::sleep;
        /// Reads a body in chunks, or one whose length an input filter may change, so that the headers say its length.
        /// Raises SERVER_RETURN when that fails.
        _settle_length() = io::settle_length;
        /// Sends a part of the file at path: at most len bytes (all when None, negative or left out) from offset (in
        /// bytes, 0 if left out). Returns the number of bytes (int). The file is not read into Python. Raises OSError
        /// when it cannot be opened, is no regular file, or the client is gone; ValueError for a negative offset. In an
        /// async def handler it is sent when the result is awaited, as with write().
        sendfile(path; offset, len) = async_io::sendfile;
        /// Hands the request over to new_uri (str or bytes), another path of this server, for which all phases run
        /// (ap_internal_redirect). The request is answered then: what is written to it afterwards is lost, and no
        /// further handler is called. Return apache.OK. Raises RuntimeError where no handler of this request runs, in
        /// log handlers, and once the response has ended.
        internal_redirect(new_uri) = io::internal_redirect;
        /// Registers a function that is called as callable(data) when the request ends; the one registered last is
        /// called first. Raises ValueError when callable is not callable.
        register_cleanup(callable; data) = register_cleanup;
        /// Forgets the cleanup that was registered last with this very object as its data, if there is one.
        _forget_cleanup(data) = forget_cleanup;
        /// Returns a number (int) that no other connection has at the same time. A stream of HTTP/2 has its own.
        _connection_key() = connection_key;
        /// Writes message (str or bytes; None is no entry) to the error log, marked as of this request. level: one of
        /// apache.APLOG_* (APLOG_ERR if None or left out). Raises TypeError for arguments of other types.
        log_error(message; level) = log_error;
        /// Returns the options (PythonOption) that apply to this request, as a new table of str: to change it changes
        /// nothing else.
        get_options() = get_options;
        /// Returns the Python directives that apply to this request, as a new table from a directive's name to its
        /// value; flags are '1' and '0'.
        get_config() = get_config;
        /// Adds the output filter name (str) to the chain of this request: one registered for it with
        /// register_output_filter(), else one that httpd knows (ap_add_output_filter). Raises ValueError when there is
        /// no such filter, or 100 were added already.
        add_output_filter(name) = run_time::add(Direction::Output);
        /// Adds the input filter name (str) to the chain of this request, as add_output_filter() does.
        add_input_filter(name) = run_time::add(Direction::Input);
        /// Registers an output filter for this request under name (str). handler: a function, or 'module::function',
        /// whose module is also looked for in the folder dir (str) where no PythonPath is set. add_output_filter(name)
        /// puts it to work. Raises TypeError and ValueError for a handler that is neither.
        register_output_filter(name, handler; dir) = run_time::register(Direction::Output);
        /// Registers an input filter for this request, as register_output_filter() does.
        register_input_filter(name, handler; dir) = run_time::register(Direction::Input);
        /// Adds a handler to the phase htype (str, the name of its directive, such as 'PythonLogHandler'), which runs
        /// now or is still to come. handler: a function, or 'module::function', whose module is looked for in the
        /// folder dir (str), or beside the handler that runs. Raises IndexError for an unknown phase, ValueError for
        /// one that is over, TypeError when handler is neither str nor callable.
        add_handler(htype, handler; dir) = add_handler::add_handler;
        /// Sets the Content-Length of the response to len bytes (int). Raises ValueError when len is negative.
        set_content_length(len) = set_content_length;
        /// Sets the ETag of the response from the file, as FileETag says (ap_set_etag; RFC 9110 section 8.8.3).
        set_etag() = wait(Request::set_etag);
        /// Sets the Last-Modified header of the response from mtime (ap_set_last_modified).
        set_last_modified() = act(Request::set_last_modified);
        /// Sets mtime to seconds (int or float, since 1970) if that is later than what it is. Fractions are dropped.
        /// Raises ValueError for a number that is no time.
        update_mtime(seconds) = update_mtime;
        /// Compares the conditions of the request, such as If-None-Match, with ETag and Last-Modified of the response
        /// (RFC 9110 section 13; ap_meets_conditions). Returns apache.OK, or the HTTP status (int) to return: 304 or
        /// 412.
        meets_conditions() = meets_conditions;
        /// Returns the path of the DocumentRoot that applies to this request (str).
        document_root() = document_root;
        /// Returns the absolute URL (str) of the path uri (str or bytes) on this server, as UseCanonicalName says
        /// (ap_construct_url).
        construct_url(uri) = construct_url;
        /// Returns 1 when the connection is encrypted (TLS), else 0.
        is_https() = is_https;
        /// Returns the value (str) of name, a variable of mod_ssl such as 'SSL_PROTOCOL'; '' when it is not set, None
        /// without mod_ssl.
        ssl_var_lookup(name) = ssl_var_lookup;
        /// Returns the client's host name or IP address (str, or None). type: one of apache.REMOTE_* (REMOTE_NAME if
        /// left out) says which, and whether DNS is asked; other Python threads run meanwhile. When str_is_ip is not
        /// None, returns a tuple of the str and 1 if it is an address, else 0. Raises ValueError for another type
        /// (ap_get_useragent_host).
        get_remote_host(; type, str_is_ip) = get_remote_host;
        /// Returns the realm of AuthName (str), or None.
        auth_name() = text(Request::realm);
        /// Returns the scheme of AuthType (str), such as 'Basic', or None.
        auth_type() = text(Request::auth_scheme);
        /// Returns the password of the Basic credentials that the client sent (str; RFC 7617), and sets user. What is not
        /// UTF-8 is read as Latin-1. None when there are none, or AuthType is not Basic (ap_get_basic_auth_pw).
        get_basic_auth_pw() = credential(Request::basic_password);
        /// Adds methods (an iterable of str or bytes) to those that the Allow header lists in responses to OPTIONS and
        /// in 405 responses. reset: true to forget those that were allowed before. Raises TypeError when methods is a
        /// single str.
        allow_methods(methods; reset) = allow_methods;
        /// Adds to subprocess_env the variables that tell of the server, the client and the request's headers
        /// (ap_add_common_vars).
        add_common_vars() = wait(Request::add_common_vars);
        /// Adds to subprocess_env the variables of CGI (RFC 3875; ap_add_cgi_vars), and those of add_common_vars().
        add_cgi_vars() = add_cgi_vars;
        /// Returns the file extensions that AddHandler gives to Python for this request (str), in small letters without
        /// dots, a blank behind each.
        get_addhandler_exts() = get_addhandler_exts;
        /// Returns the environ of a WSGI application (PEP 3333) as a dict; None when the request is not below the path
        /// of its PythonOption mod_python.wsgi.base_uri. Sets path_info. Raises ValueError when that option ends in a
        /// slash.
        build_wsgi_env() = wsgi::environ::build_wsgi_env;
        /// The start_response of WSGI (PEP 3333): sets the status (str, such as '200 OK') and headers (list of pairs of
        /// str), and returns the callable write.
        wsgi_start_response(status, headers; exc_info) = wsgi::start_response::start_response;
        /// The write() that wsgi_start_response() returns: sends data (bytes) at once. Raises TypeError for data of another
        /// type, ValueError for more than the Content-Length, OSError when the client is gone.
        _wsgi_write(data) = wsgi::start_response::write;
        /// Returns the application that is mounted for the request, and its name, as a tuple.
        _application() = asgi::scope::application;
        /// Returns the exchange of a request whose ASGI application runs already, once; None for any other.
        _exchange() = asgi::scope::exchange;
        /// Returns what an ASGI scope of type http has of the request, as a new dict.
        _asgi_scope() = asgi::scope::scope;
        /// Sets the status (int) and the headers (an iterable of pairs of bytes) of the response.
        _asgi_start(status, headers) = asgi::respond::start;
        /// Writes data (bytes) to the response, if it may have a body. Sends it at once if flush is true.
        _asgi_body(data, flush) = asgi::respond::body;
        /// As _asgi_body(), in a coroutine: returns what is awaited until the client has taken enough of it.
        _asgi_send(data, flush) = asgi::respond::send;
        /// Returns what is awaited until _waker().call() is called, or what _wait() waits for has happened. seconds: None for
        /// no limit.
        _wait_for_call(watched, seconds) = asgi::wait::wait_for_call;
        /// Returns the object by which an application calls the coroutine of its request.
        _waker() = asgi::wait::waker;
        /// Calls function with req, whose methods wait there as those of a plain handler do, and returns what it returns.
        _outside(function) = asgi::wait::outside;
        /// Sends an interim response with status 103 (RFC 8297) whose Link headers are links (a list of bytes). Other Python
        /// threads run meanwhile.
        _early_hint(links) = asgi::respond::early_hint;
        /// Sends 100 Continue to a client that waits for it, unless the response has begun. Other Python threads run
        /// meanwhile.
        _ask_for_body() = asgi::respond::ask_for_body;
        /// Returns what has come of the body (bytes), empty at its end; None while nothing has come. Raises as read().
        _read_available() = asgi::respond::read_now;
        /// Calls the event called, if it is not None, and waits until the event waker is called, something has happened on
        /// the client's connection, or seconds (float) are over. watched: 0 for its break, 1 for the client's end too, 2 for
        /// input too. Returns 1 when the client has ended its side, 2 when the connection is broken, 4 when unread bytes
        /// stand before that end, else 0 (int); 8 is added when the child stops.
        _wait(waker, called, watched, seconds) = asgi::wait::wait;
        /// Has text (bytes) sent when nothing else was for seconds (float), while an async def handler waits; None ends that.
        /// Raises ValueError for a negative number.
        _heartbeat(seconds, text) = heartbeat::set;
        /// Has the methods of an async def handler that runs as a task on asyncio's loop queued for httpd's thread by
        /// exchange; None ends that. Raises RuntimeError where such a handler runs already.
        _on_loop(exchange) = on_loop::set_exchange;
        /// Has further requests for the running handler offered to asyncio's loop, if it is the object that its line names,
        /// and nothing must be imported for it.
        _offers(handler) = offers::at_hand::offers;
        /// Waits until future has its value, at most seconds (float), while asyncio's loop can use this object.
        _lend(future, seconds) = on_loop::lend;
        /// Has data (bytes) read once more, which was read for something that does not want it any more.
        _unread(data) = on_loop::unread;
        /// Does nothing: httpd sends the headers before the first byte of the body. It is there for programs written
        /// for mod_python 3.
        send_http_header() = send_http_header;
    }
    attributes! { RequestObject:
        /// The Connection on which the request came.
        connection = part(ChildObject::Connection);
        /// The Server (virtual host) that the request is for; it can be used when the request is over, too.
        server = part(ChildObject::Server);
        /// The headers of the request, a table.
        headers_in = part(ChildObject::HeadersIn);
        /// The headers of a successful response, a table.
        headers_out = part(ChildObject::HeadersOut);
        /// The headers of the response that are also sent with an error response, a table.
        err_headers_out = part(ChildObject::ErrHeadersOut);
        /// The environment variables for CGI programs and SSI pages, a table.
        subprocess_env = part(ChildObject::Environment);
        /// The trailers of the request (RFC 9110 section 6.5), a table. It is filled once a chunked body was read.
        trailers_in = part(ChildObject::TrailersIn);
        /// The trailers of the response, a table. HTTP/2 sends them.
        trailers_out = part(ChildObject::TrailersOut);
        /// Notes from one module of httpd to another, a table.
        notes = part(ChildObject::Notes);
        /// The request line (str), such as 'GET / HTTP/1.1'.
        the_request = text(Request::the_request);
        /// 1 for a response without status line and headers, as in HTTP/0.9 (int). Can be set.
        assbackwards = number(Request::assbackwards), set_number(Request::set_assbackwards);
        /// Whether the request is proxied, and how: one of apache.PROXYREQ_* (int). Can be set.
        proxyreq = number(Request::proxyreq), set_proxyreq;
        /// The protocol of the request (str), such as 'HTTP/1.1'.
        protocol = text(Request::protocol);
        /// The protocol as a number (int): 1000 times the major version plus the minor one, 1001 for HTTP/1.1.
        proto_num = number(Request::proto_num);
        /// The host name that the request is for, without its port (str), or None.
        hostname = text(Request::hostname);
        /// When the request arrived, in seconds since 1970 (float).
        request_time = seconds(Request::request_time);
        /// When what the response shows has changed last, in seconds since 1970 (float); 0.0 for unknown.
        mtime = seconds(Request::mtime);
        /// The method of the request (str), such as 'GET'.
        method = text(Request::method);
        /// The method of the request as one of apache.M_* (int).
        method_number = number(Request::method_number);
        /// The allowed methods that have numbers, as a mask (int) of 1 << apache.M_*.
        allowed = number(Request::allowed);
        /// The allowed methods that have no number, a tuple of str.
        allowed_methods = texts(Request::allowed_methods);
        /// The extension methods that older modules of httpd have allowed, a tuple of str.
        allowed_xmethods = texts(Request::allowed_xmethods);
        /// 1 for a request whose response has no body, such as HEAD (int).
        header_only = number(Request::is_header_only);
        /// The status of the response, an int from 200 to 999. Setting it raises ValueError for any other. One that
        /// httpd does not know gets a status line such as '499 Status 499' until status_line is set.
        status = number(Request::status), set_status;
        /// The status line of the response without the protocol (str), such as '404 Not Found'; None for httpd's own.
        /// Setting it sets status, too; raises ValueError for a text without a valid status in front.
        status_line = text(Request::status_line), set_status_line;
        /// The path of the request (str), with %-escapes resolved. Can be set, but not to None.
        uri = text(Request::uri), set_present(Request::set_uri);
        /// The request target as it came (str).
        unparsed_uri = text(Request::unparsed_uri);
        /// The path of the file that the request was mapped to (str), or None. Can be set, but not to None.
        filename = text(Request::filename), set_present(Request::set_filename);
        /// The path of the file with symbolic links resolved (str), or None. Can be set.
        canonical_filename = text(Request::canonical_filename), set_text(Request::set_canonical_filename);
        /// What follows the file's part in the path (str), or None. Can be set.
        path_info = text(Request::path_info), set_text(Request::set_path_info);
        /// The query of the request as it came, without '?' (str), or None. Can be set.
        args = text(Request::args), set_text(Request::set_args);
        /// What is known of the file, a FileInfo. Can be set to the result of apache.stat().
        finfo = finfo, set_finfo;
        /// The request target in its parts, a tuple in the order of apache.URI_*: str, int for the port, None for what
        /// is not there.
        parsed_uri = parsed_uri;
        /// Whether a path that goes on behind the file is accepted: one of apache.AP_REQ_* (int). Can be set.
        used_path_info = number(Request::used_path_info), set_number(Request::set_used_path_info);
        /// The name of the authenticated user (str), or None. What is not UTF-8 is read as Latin-1. Can be set, but not to
        /// None.
        user = credential(Request::user), set_present(Request::set_user);
        /// How the user was authenticated (str), such as 'Basic', or None. Can be set.
        ap_auth_type = text(Request::auth_type), set_text(Request::set_auth_type);
        /// The name of the content handler (str), as SetHandler has it, or None. Can be set.
        handler = text(Request::handler), set_text(Request::set_handler);
        /// The media type of the response (str), or None. Can be set; httpd chooses no handler by it then.
        content_type = text(Request::content_type), set_content_type;
        /// 1 once Python code has set content_type (int).
        _content_type_set = number(content_type_set);
        /// The content coding of the response (str), such as 'gzip', or None. Can be set.
        content_encoding = text(Request::content_encoding),
            set_header_text("content_encoding", Request::set_content_encoding);
        /// The languages of the response, a tuple of str. Can be set to an iterable of str, or None.
        content_languages = texts(Request::content_languages),
            set_content_languages;
        /// What mod_negotiation adds to the ETag (str), or None.
        vlist_validator = text(Request::vlist_validator);
        /// 1 for a response that is not to be cached: httpd then adds an Expires header of now (int). Can be set.
        no_cache = number(Request::no_cache), set_number(Request::set_no_cache);
        /// 1 for a response that must not become a 304, whatever copy the client has (int). Can be set.
        no_local_copy = number(Request::no_local_copy), set_number(Request::set_no_local_copy);
        /// The client's IP address (str), or the one that mod_remoteip found.
        useragent_ip = text(Request::useragent_ip);
        /// The client's IP address as useragent_ip, and its port: a tuple (str, int).
        useragent_addr = useragent_addr;
        /// The Range header (str) when the response is a part of a whole, or None.
        range = text(Request::range);
        /// The number of bytes of the body that were sent to the client (int).
        bytes_sent = number(Request::bytes_sent);
        /// The number of bytes of the body that passed all filters (int); %B of the access log.
        sent_bodyct = number(Request::sent_bodyct);
        /// The number of bytes of the body that Python code has written, sent or not (int).
        _bytes_queued = number(bytes_queued);
        /// The Options that hold for the request, a sum of httpd's OPT_*: 4 for FollowSymLinks, 64 for
        /// SymLinksIfOwnerMatch (int).
        _allow_options = number(Request::allowed_options);
        /// The length of the body that set_content_length() set, in bytes (int).
        clength = number(Request::clength);
        /// 1 for a response in chunks (int; RFC 9112 section 7.1). Can be set.
        chunked = number(Request::chunked), set_number(Request::set_chunked);
        /// 1 once the end of the response was sent (int).
        eos_sent = number(Request::eos_sent);
        /// How modules in C read the body: one of apache.REQUEST_* (int; ap_setup_client_block).
        read_body = number(Request::read_body);
        /// 1 when a module in C reads a body that comes in chunks (int; ap_setup_client_block).
        read_chunked = number(Request::read_chunked);
        /// 1 while the client waits for '100 Continue' before it sends the body (int; RFC 9110 section 10.1.1).
        expecting_100 = number(Request::expecting_100);
        /// The number of bytes of the body that are still to come, by its Content-Length (int); 0 at its end, and
        /// before it is read.
        remaining = number(Request::remaining);
        /// The number of bytes of the body that were read (int).
        read_length = number(Request::read_length);
        /// The Request that was redirected to this one, or None.
        prev = related(Request::prev);
        /// The Request that this one was redirected to, or None.
        next = related(Request::next);
        /// The Request that this one is a subrequest of, or None.
        main = related(Request::main);
        /// True when the server is about to stop: finish what is begun, and return.
        closing = async_io::closing;
        /// The name of the running phase's directive (str), such as 'PythonHandler'; None outside of handlers.
        phase = add_handler::phase;
        /// The handlers of the running phase, a HandlerList at the one that runs; None outside of handlers.
        hlist = add_handler::hlist;
        /// The file extension for which the running list of handlers was configured (str; '| .ext'), or None.
        extension = add_handler::extension;
        /// The form, a util.FieldStorage with the limits that PythonOption sets: req.form() reads it at the first call,
        /// and returns this object. Can be set to any object, which is then what programs find here.
        form = form::form, form::set_form;
        /// What was set as form, or was made for it, or None: nothing is made.
        _form_so_far = form::form_so_far;
        /// Whether a form that is made for form keeps its fields without a value. Can be set.
        _keeps_blank_fields = form::keeps_blank_fields, form::set_keeps_blank_fields;
        /// A list of str that pages of psp add to, or None: methods that send give it to the response first. Can be set.
        _page_pieces = pieces, set_pieces;
        /// The stamp of the file as httpd has found it (a tuple); None if Python code may have changed it since.
        _found_stamp = found_stamp;
        /// The name of the interpreter in which this code runs (str).
        interpreter = interpreter;
        /// The address of the request_rec (PyCapsule) for extension modules in C, valid as long as the request.
        _request_rec = capsule(Request::address);
    }

    fn slots() -> Vec<Slot> {
        let mut slots = iterator_slots::<Self>();
        slots.push(async_iterable_slot::<Self>());
        slots
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        self.visit_held(visit);
    }

    fn clear(&mut self) {
        self.clear_held();
    }
}
