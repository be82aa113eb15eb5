//! `req`: a request as handlers see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;

use super::fields::*;
use super::handlers;
use super::methods::METHODS;
use super::parts::{Part, part};
use crate::httpd::Request;
use crate::python::object::capsule::capsule;
use crate::python::object::class::{Class, MethodDef, This, attributes};
use crate::python::object::lease::{Lease, Lent};
use crate::python::state::State;
use crate::python::text::decode;

/// What a `req` holds.
pub struct RequestObject {
    pub(super) lent: Lent<Request>,
    /// The objects that hang on it, each made once: they keep their identity.
    pub(super) parts: RefCell<Vec<(Part, Py<PyAny>)>>,
}

pub(super) type Me<'a, 'py> = This<'a, 'py, RequestObject>;

impl RequestObject {
    /// For a request under its lease.
    pub fn new(lease: &Arc<Lease>, r: &Request) -> Self {
        Self {
            lent: Lent::new(lease, r),
            parts: RefCell::default(),
        }
    }
}

impl Class for RequestObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Request";
    const DOC: &'static std::ffi::CStr = c"A request (request_rec).";
    const ID: usize = 0;
    const OPEN: bool = true;
    const METHODS: &'static [MethodDef] = METHODS;
    attributes! { RequestObject:
        /// The connection it came on.
        connection = |this: &Me<'_, 'py>| part(this, Part::Connection);
        /// The virtual host it is for.
        server = |this: &Me<'_, 'py>| part(this, Part::Server);
        /// The headers of the request.
        headers_in = |this: &Me<'_, 'py>| part(this, Part::HeadersIn);
        /// The headers of the response.
        headers_out = |this: &Me<'_, 'py>| part(this, Part::HeadersOut);
        /// Headers of the response that stay on errors.
        err_headers_out = |this: &Me<'_, 'py>| part(this, Part::ErrHeadersOut);
        /// The environment of CGI and SSI.
        subprocess_env = |this: &Me<'_, 'py>| part(this, Part::Environment);
        /// The trailers of the request: what came behind a body in chunks, once that is read.
        trailers_in = |this: &Me<'_, 'py>| part(this, Part::TrailersIn);
        /// The trailers of the response; HTTP/2 sends them.
        trailers_out = |this: &Me<'_, 'py>| part(this, Part::TrailersOut);
        /// Notes from module to module.
        notes = |this: &Me<'_, 'py>| part(this, Part::Notes);
        /// The request line.
        the_request = |this: &Me<'_, 'py>| text(this, Request::the_request);
        /// 1 for a response without a head, as in HTTP/0.9.
        assbackwards = |this: &Me<'_, 'py>| number(this, |r| r.assbackwards().into()),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_number(this, v, Request::set_assbackwards);
        /// Whether and how it is proxied: one of apache.PROXYREQ_*.
        proxyreq = |this: &Me<'_, 'py>| number(this, |r| r.proxyreq().into()), set_proxyreq;
        /// HTTP/1.1
        protocol = |this: &Me<'_, 'py>| text(this, Request::protocol);
        /// The protocol as a number: 1001 for HTTP/1.1.
        proto_num = |this: &Me<'_, 'py>| number(this, |r| r.proto_num().into());
        /// The host of the request without its port, or None.
        hostname = |this: &Me<'_, 'py>| text(this, Request::hostname);
        /// When it arrived, in seconds since 1970 (float).
        request_time = |this: &Me<'_, 'py>| seconds(this, Request::request_time);
        /// When what it answers with changed last, in seconds since 1970 (float); 0.0 for unknown.
        mtime = |this: &Me<'_, 'py>| seconds(this, Request::mtime);
        /// GET, POST ...
        method = |this: &Me<'_, 'py>| text(this, Request::method);
        /// One of apache.M_*.
        method_number = |this: &Me<'_, 'py>| number(this, |r| r.method_number().into());
        /// The allowed methods of those that have numbers: a mask of 1 << apache.M_*.
        allowed = |this: &Me<'_, 'py>| number(this, Request::allowed);
        /// The allowed methods of those that have no number: a tuple of str.
        allowed_methods = |this: &Me<'_, 'py>| texts(this, Request::allowed_methods);
        /// Extension methods as older modules of httpd name them: a tuple of str.
        allowed_xmethods = |this: &Me<'_, 'py>| texts(this, Request::allowed_xmethods);
        /// 1 for HEAD.
        header_only = |this: &Me<'_, 'py>| number(this, |r| r.is_header_only().into());
        /// The status of the response (int).
        status = |this: &Me<'_, 'py>| number(this, |r| r.status().into()), set_status;
        /// The status line of the response; sets status, too. None: httpd's own.
        status_line = |this: &Me<'_, 'py>| text(this, Request::status_line), set_status_line;
        /// The path, unescaped.
        uri = |this: &Me<'_, 'py>| text(this, Request::uri),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_present(this, v, Request::set_uri);
        /// The request target as it came.
        unparsed_uri = |this: &Me<'_, 'py>| text(this, Request::unparsed_uri);
        /// The file it was mapped to, or None.
        filename = |this: &Me<'_, 'py>| text(this, Request::filename),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_present(this, v, Request::set_filename);
        /// The file with links resolved.
        canonical_filename = |this: &Me<'_, 'py>| text(this, Request::canonical_filename),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_canonical_filename);
        /// What follows the file in the path.
        path_info = |this: &Me<'_, 'py>| text(this, Request::path_info),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_path_info);
        /// The query string as it came, or None.
        args = |this: &Me<'_, 'py>| text(this, Request::args),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_args);
        /// The file: kind, size, times ... Another one, as of apache.stat, can be put in its place.
        finfo = finfo, set_finfo;
        /// The request target in its parts, in the order of apache.URI_*: str, int for the port, None.
        parsed_uri = parsed_uri;
        /// What becomes of a path that goes on behind the file: one of apache.AP_REQ_*.
        used_path_info = |this: &Me<'_, 'py>| number(this, |r| r.used_path_info().into()),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_number(this, v, Request::set_used_path_info);
        /// The authenticated user, or None.
        user = |this: &Me<'_, 'py>| text(this, Request::user),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_present(this, v, Request::set_user);
        /// How the user was authenticated, or None.
        ap_auth_type = |this: &Me<'_, 'py>| text(this, Request::auth_type),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_auth_type);
        /// The name of the content handler.
        handler = |this: &Me<'_, 'py>| text(this, Request::handler),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_handler);
        /// The media type of the response. httpd chooses no handler by it.
        content_type = |this: &Me<'_, 'py>| text(this, Request::content_type), set_content_type;
        /// 1 once Python code has set content_type.
        _content_type_set = |this: &Me<'_, 'py>| {
            number(this, |r| State::of(r).content_type_set.get().into())
        };
        /// The coding of the response (gzip ...), or None.
        content_encoding = |this: &Me<'_, 'py>| text(this, Request::content_encoding),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_content_encoding);
        /// The languages of the response: a tuple of str.
        content_languages = |this: &Me<'_, 'py>| texts(this, Request::content_languages),
            set_content_languages;
        /// What mod_negotiation adds to the ETag, or None.
        vlist_validator = |this: &Me<'_, 'py>| text(this, Request::vlist_validator);
        /// 1 for a response that must not be stored.
        no_cache = |this: &Me<'_, 'py>| number(this, |r| r.no_cache().into()),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_number(this, v, Request::set_no_cache);
        /// 1 for no answer 304, whatever the client has.
        no_local_copy = |this: &Me<'_, 'py>| number(this, |r| r.no_local_copy().into()),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_number(this, v, Request::set_no_local_copy);
        /// The client's address, or what mod_remoteip found.
        useragent_ip = |this: &Me<'_, 'py>| text(this, Request::useragent_ip);
        /// The same with its port: (str, int).
        useragent_addr = useragent_addr;
        /// The Range header, if the response is one.
        range = |this: &Me<'_, 'py>| text(this, Request::range);
        /// Bytes of body sent.
        bytes_sent = |this: &Me<'_, 'py>| number(this, Request::bytes_sent);
        /// Bytes of body that passed all filters.
        sent_bodyct = |this: &Me<'_, 'py>| number(this, Request::sent_bodyct);
        /// Bytes of body that were written, sent or not.
        _bytes_queued = |this: &Me<'_, 'py>| {
            number(this, |r| State::of(r).response.total.get() as i64)
        };
        /// The length that set_content_length gave.
        clength = |this: &Me<'_, 'py>| number(this, Request::clength);
        /// 1 for a response in chunks.
        chunked = |this: &Me<'_, 'py>| number(this, |r| r.chunked().into()),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_number(this, v, Request::set_chunked);
        /// 1 once the end of the response was sent.
        eos_sent = |this: &Me<'_, 'py>| number(this, |r| r.eos_sent().into());
        /// How the body is to be read: one of apache.REQUEST_*.
        read_body = |this: &Me<'_, 'py>| number(this, |r| r.read_body().into());
        /// 1 for a body in chunks, once a module of C has asked.
        read_chunked = |this: &Me<'_, 'py>| number(this, |r| r.read_chunked().into());
        /// 1 while the client waits for "100 Continue" with its body.
        expecting_100 = |this: &Me<'_, 'py>| number(this, |r| r.expecting_100().into());
        /// Bytes of the body to come, by its Content-Length; 0 at its end, and before it is read.
        remaining = |this: &Me<'_, 'py>| number(this, Request::remaining);
        /// Bytes of the body that were read.
        read_length = |this: &Me<'_, 'py>| number(this, Request::read_length);
        /// The request that was redirected to this one, or None.
        prev = |this: &Me<'_, 'py>| related(this, Request::prev);
        /// The request that this one was redirected to, or None.
        next = |this: &Me<'_, 'py>| related(this, Request::next);
        /// The request that this one is a subrequest of, or None.
        main = |this: &Me<'_, 'py>| related(this, Request::main);
        /// The directive of the running phase, or None.
        phase = handlers::phase;
        /// The handlers of the running phase, at the one that runs; None outside of handlers.
        hlist = handlers::hlist;
        /// The extension that chose the list of handlers (| .ext), or None.
        extension = handlers::extension;
        /// The name of the interpreter.
        interpreter = |this: &Me<'_, 'py>| {
            this.body().lent.get()?;
            decode(this.py(), this.interpreter().name().as_bytes())
        };
        /// The request_rec, for extensions in C (PyCapsule). It is gone with the request.
        _request_rec = |this: &Me<'_, 'py>| capsule(this.py(), this.body().lent.get()?.address());
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
