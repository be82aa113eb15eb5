//! The table of `req`: its methods and attributes, in the order of `_apache.pyi`.

use pyo3::prelude::*;

use crate::filter_chain::Direction;
use crate::httpd::Request;
use crate::python::filter::run_time;
use crate::python::object::capsule::capsule;
use crate::python::object::class::Class;
use crate::python::object::fields::{number, seconds, set_number, text, texts};
use crate::python::object::members::{attributes, methods};
use crate::python::request::add_handler;
use crate::python::request::children::{ChildObject, part};
use crate::python::request::fields::{
    bytes_queued, content_type_set, finfo, interpreter, parsed_uri, related, set_content_languages,
    set_content_type, set_finfo, set_header_text, set_present, set_proxyreq, set_status,
    set_status_line, set_text, useragent_addr,
};
use crate::python::request::io;
use crate::python::request::methods::{
    act, add_cgi_vars, allow_methods, build_wsgi_env, construct_url, document_root,
    get_addhandler_exts, get_config, get_options, get_remote_host, is_https, log_error,
    meets_conditions, register_cleanup, send_http_header, set_content_length, ssl_var_lookup,
    update_mtime, wait, wsgi_start_response,
};
use crate::python::request::object::RequestObject;
use crate::python::runtime::types::ClassId;

impl Class for RequestObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Request";
    const DOC: &'static std::ffi::CStr = c"A request (request_rec).";
    const ID: ClassId = ClassId::Request;
    const OPEN: bool = true;
    methods! { RequestObject:
        /// Writes str (as UTF-8), bytes or a buffer to the response. Sent at once unless flush is 0.
        /// Raises OSError when the client is gone.
        write(data; flush) = io::write;
        /// Sends what was written and what filters hold. Raises OSError when the client is gone.
        flush() = io::flush;
        /// At most len bytes of the request's body, or all of it; b'' at its end. Waits for them.
        /// Raises OSError (TimeoutError when the client is slow), SERVER_RETURN(413) past its limit.
        read(; len) = io::read;
        /// One line of the body with its end, or at most len bytes of it; b'' at the end.
        readline(; len) = io::readline;
        /// The lines of the body, up to about sizehint bytes.
        readlines(; sizehint) = io::readlines;
        /// Reads the rest of the body and drops it; gives OK or an HTTP status.
        discard_request_body() = io::discard_request_body;
        /// Reads a body whose length an input filter may change, so that the headers say its length. Raises
        /// SERVER_RETURN when that fails.
        _settle_length() = io::settle_length;
        /// Sends a part of a file: from offset (in bytes, 0 if left out), at most len bytes (all if left
        /// out or negative). Gives how many bytes that are. Raises OSError.
        sendfile(path; offset, len) = io::sendfile;
        /// Hands the request over to another path of this server, all phases of which run; the request is
        /// answered then: what is written is lost, and no further handler is called. Return apache.OK.
        /// Raises RuntimeError outside of the request's handlers, and in log handlers.
        internal_redirect(new_uri) = io::internal_redirect;
        /// Calls callable(data) when the request ends; those registered last come first.
        register_cleanup(callable; data) = register_cleanup;
        /// Writes a line to the error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
        /// The options (PythonOption) that hold here: a table of its own, whose changes change nothing else.
        get_options() = get_options;
        /// The directives that hold here, by name: a table of its own.
        get_config() = get_config;
        /// Puts an output filter into the chain: one registered for this request, or one of httpd's.
        /// Raises ValueError when there is none of this name.
        add_output_filter(name) = run_time::add(Direction::Output);
        /// Puts an input filter into the chain, as add_output_filter does.
        add_input_filter(name) = run_time::add(Direction::Input);
        /// Registers an output filter for this request: a function, or module::function (looked for in
        /// dir, too, where no PythonPath is set). add_output_filter(name) puts it to work.
        register_output_filter(name, handler; dir) = run_time::register(Direction::Output);
        /// Registers an input filter for this request, as register_output_filter does.
        register_input_filter(name, handler; dir) = run_time::register(Direction::Input);
        /// Adds a handler to the running phase or one to come: a function, or 'module::function', which
        /// is looked for in dir, or beside the handler that runs.
        add_handler(htype, handler; dir) = add_handler::add_handler;
        /// Sets the Content-Length of the response.
        set_content_length(len) = set_content_length;
        /// Sets the ETag of the response from the file (FileETag).
        set_etag() = wait(Request::set_etag);
        /// Sets Last-Modified of the response from mtime.
        set_last_modified() = act(Request::set_last_modified);
        /// Raises mtime to so many seconds since 1970, if that is later. Fractions are dropped.
        update_mtime(seconds) = update_mtime;
        /// OK, or the status that answers If-None-Match and its kin.
        meets_conditions() = meets_conditions;
        /// The DocumentRoot that applies.
        document_root() = document_root;
        /// The absolute URL of a path of this server (UseCanonicalName).
        construct_url(uri) = construct_url;
        /// 1 when the connection is encrypted.
        is_https() = is_https;
        /// A variable of mod_ssl, as SSL_PROTOCOL; None when there is none of that name, or no TLS.
        ssl_var_lookup(name) = ssl_var_lookup;
        /// The name of the client's host, or its address; type is one of apache.REMOTE_* (REMOTE_NAME if
        /// left out). With str_is_ip not None: (str, int), where 1 says that it is an address.
        get_remote_host(; type, str_is_ip) = get_remote_host;
        /// AuthName, or None.
        auth_name() = text(Request::realm);
        /// AuthType, or None.
        auth_type() = text(Request::auth_scheme);
        /// The password of Basic credentials, or None; sets user. AuthType must be Basic.
        get_basic_auth_pw() = text(Request::basic_password);
        /// Allows methods, a sequence of str: for OPTIONS and 405. With reset true no other ones.
        allow_methods(methods; reset) = allow_methods;
        /// Adds to subprocess_env what tells of the server, the client and the headers.
        add_common_vars() = wait(Request::add_common_vars);
        /// Adds to subprocess_env what CGI knows of the request, and the common variables.
        add_cgi_vars() = add_cgi_vars;
        /// The extensions, with their dots and blanks between, that AddHandler gives to Python.
        get_addhandler_exts() = get_addhandler_exts;
        /// The environ of a WSGI application (PEP 3333), as a dict; None when the request is not below its
        /// mod_python.wsgi.base_uri. Sets path_info. ValueError when that option ends in a slash.
        build_wsgi_env() = build_wsgi_env;
        /// WSGI's start_response: sets status and headers, and gives write.
        wsgi_start_response(status, headers; exc_info) = wsgi_start_response;
        /// Does nothing: httpd sends headers when the first byte of the body goes.
        send_http_header() = send_http_header;
    }
    attributes! { RequestObject:
        /// The connection it came on.
        connection = part(ChildObject::Connection);
        /// The virtual host it is for; also when the request is over.
        server = part(ChildObject::Server);
        /// The headers of the request.
        headers_in = part(ChildObject::HeadersIn);
        /// The headers of the response.
        headers_out = part(ChildObject::HeadersOut);
        /// Headers of the response that stay on errors.
        err_headers_out = part(ChildObject::ErrHeadersOut);
        /// The environment of CGI and SSI.
        subprocess_env = part(ChildObject::Environment);
        /// The trailers of the request: what came behind a body in chunks, once that is read.
        trailers_in = part(ChildObject::TrailersIn);
        /// The trailers of the response; HTTP/2 sends them.
        trailers_out = part(ChildObject::TrailersOut);
        /// Notes from module to module.
        notes = part(ChildObject::Notes);
        /// The request line.
        the_request = text(Request::the_request);
        /// 1 for a response without a head, as in HTTP/0.9.
        assbackwards = number(Request::assbackwards), set_number(Request::set_assbackwards);
        /// Whether and how it is proxied: one of apache.PROXYREQ_*.
        proxyreq = number(Request::proxyreq), set_proxyreq;
        /// HTTP/1.1
        protocol = text(Request::protocol);
        /// The protocol as a number: 1001 for HTTP/1.1.
        proto_num = number(Request::proto_num);
        /// The host of the request without its port, or None.
        hostname = text(Request::hostname);
        /// When it arrived, in seconds since 1970 (float).
        request_time = seconds(Request::request_time);
        /// When what it answers with changed last, in seconds since 1970 (float); 0.0 for unknown.
        mtime = seconds(Request::mtime);
        /// GET, POST ...
        method = text(Request::method);
        /// One of apache.M_*.
        method_number = number(Request::method_number);
        /// The allowed methods of those that have numbers: a mask of 1 << apache.M_*.
        allowed = number(Request::allowed);
        /// The allowed methods of those that have no number: a tuple of str.
        allowed_methods = texts(Request::allowed_methods);
        /// Extension methods as older modules of httpd name them: a tuple of str.
        allowed_xmethods = texts(Request::allowed_xmethods);
        /// 1 for HEAD.
        header_only = number(Request::is_header_only);
        /// The status of the response: an int from 200 to 999. One that httpd does not know has the status
        /// line "499 Status 499" until status_line gives it another.
        status = number(Request::status), set_status;
        /// The status line of the response; sets status, too. None: httpd's own.
        status_line = text(Request::status_line), set_status_line;
        /// The path, unescaped.
        uri = text(Request::uri), set_present(Request::set_uri);
        /// The request target as it came.
        unparsed_uri = text(Request::unparsed_uri);
        /// The file it was mapped to, or None.
        filename = text(Request::filename), set_present(Request::set_filename);
        /// The file with links resolved.
        canonical_filename = text(Request::canonical_filename), set_text(Request::set_canonical_filename);
        /// What follows the file in the path.
        path_info = text(Request::path_info), set_text(Request::set_path_info);
        /// The query string as it came, or None.
        args = text(Request::args), set_text(Request::set_args);
        /// The file: kind, size, times ... Another one, as of apache.stat, can be put in its place.
        finfo = finfo, set_finfo;
        /// The request target in its parts, in the order of apache.URI_*: str, int for the port, None.
        parsed_uri = parsed_uri;
        /// What becomes of a path that goes on behind the file: one of apache.AP_REQ_*.
        used_path_info = number(Request::used_path_info), set_number(Request::set_used_path_info);
        /// The authenticated user, or None.
        user = text(Request::user), set_present(Request::set_user);
        /// How the user was authenticated, or None.
        ap_auth_type = text(Request::auth_type), set_text(Request::set_auth_type);
        /// The name of the content handler.
        handler = text(Request::handler), set_text(Request::set_handler);
        /// The media type of the response. httpd chooses no handler by it.
        content_type = text(Request::content_type), set_content_type;
        /// 1 once Python code has set content_type.
        _content_type_set = number(content_type_set);
        /// The coding of the response (gzip ...), or None.
        content_encoding = text(Request::content_encoding),
            set_header_text("content_encoding", Request::set_content_encoding);
        /// The languages of the response: a tuple of str.
        content_languages = texts(Request::content_languages),
            set_content_languages;
        /// What mod_negotiation adds to the ETag, or None.
        vlist_validator = text(Request::vlist_validator);
        /// 1 for a response that must not be stored.
        no_cache = number(Request::no_cache), set_number(Request::set_no_cache);
        /// 1 for no answer 304, whatever the client has.
        no_local_copy = number(Request::no_local_copy), set_number(Request::set_no_local_copy);
        /// The client's address, or what mod_remoteip found.
        useragent_ip = text(Request::useragent_ip);
        /// The same with its port: (str, int).
        useragent_addr = useragent_addr;
        /// The Range header, if the response is one.
        range = text(Request::range);
        /// Bytes of body sent.
        bytes_sent = number(Request::bytes_sent);
        /// Bytes of body that passed all filters.
        sent_bodyct = number(Request::sent_bodyct);
        /// Bytes of body that were written, sent or not.
        _bytes_queued = number(bytes_queued);
        /// The length that set_content_length gave.
        clength = number(Request::clength);
        /// 1 for a response in chunks.
        chunked = number(Request::chunked), set_number(Request::set_chunked);
        /// 1 once the end of the response was sent.
        eos_sent = number(Request::eos_sent);
        /// How the body is to be read: one of apache.REQUEST_*.
        read_body = number(Request::read_body);
        /// 1 for a body in chunks, once a module of C has asked.
        read_chunked = number(Request::read_chunked);
        /// 1 while the client waits for "100 Continue" with its body.
        expecting_100 = number(Request::expecting_100);
        /// Bytes of the body to come, by its Content-Length; 0 at its end, and before it is read.
        remaining = number(Request::remaining);
        /// Bytes of the body that were read.
        read_length = number(Request::read_length);
        /// The request that was redirected to this one, or None.
        prev = related(Request::prev);
        /// The request that this one was redirected to, or None.
        next = related(Request::next);
        /// The request that this one is a subrequest of, or None.
        main = related(Request::main);
        /// The directive of the running phase, or None.
        phase = add_handler::phase;
        /// The handlers of the running phase, at the one that runs; None outside of handlers.
        hlist = add_handler::hlist;
        /// The extension that chose the list of handlers (| .ext), or None.
        extension = add_handler::extension;
        /// The name of the interpreter.
        interpreter = interpreter;
        /// The request_rec, for extensions in C (PyCapsule). It is gone with the request.
        _request_rec = capsule(Request::address);
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        if let Ok(parts) = self.parts.try_borrow() {
            parts.iter().for_each(|(_, object)| visit(object));
        }
    }

    fn clear(&mut self) {
        self.parts.take();
    }
}
