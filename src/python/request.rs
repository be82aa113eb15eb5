//! `req`: a request as handlers see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;

use super::class::{Class, MethodDef, This, attributes};
use super::handlers;
use super::lease::{Lease, Lent};
use super::request_fields::{
    content_languages, finfo, number, related, seconds, set_content_languages, set_status,
    set_status_line, set_text, set_uri, text,
};
use super::request_methods::METHODS;
use super::request_parts::{Part, part};
use super::text::decode;
use crate::httpd::Request;

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
        /// Notes from module to module.
        notes = |this: &Me<'_, 'py>| part(this, Part::Notes);
        /// The request line.
        the_request = |this: &Me<'_, 'py>| text(this, Request::the_request);
        /// HTTP/1.1
        protocol = |this: &Me<'_, 'py>| text(this, Request::protocol);
        /// The protocol as a number: 1001 for HTTP/1.1.
        proto_num = |this: &Me<'_, 'py>| number(this, |r| r.proto_num().into());
        /// The host of the request without its port, or None.
        hostname = |this: &Me<'_, 'py>| text(this, Request::hostname);
        /// When it arrived, in seconds since 1970 (float).
        request_time = |this: &Me<'_, 'py>| seconds(this);
        /// GET, POST ...
        method = |this: &Me<'_, 'py>| text(this, Request::method);
        /// One of apache.M_*.
        method_number = |this: &Me<'_, 'py>| number(this, |r| r.method_number().into());
        /// 1 for HEAD.
        header_only = |this: &Me<'_, 'py>| number(this, |r| r.is_header_only().into());
        /// The status of the response (int).
        status = |this: &Me<'_, 'py>| number(this, |r| r.status().into()), set_status;
        /// The status line of the response; sets status, too. None: httpd's own.
        status_line = |this: &Me<'_, 'py>| text(this, Request::status_line), set_status_line;
        /// The path, unescaped.
        uri = |this: &Me<'_, 'py>| text(this, Request::uri), set_uri;
        /// The request target as it came.
        unparsed_uri = |this: &Me<'_, 'py>| text(this, Request::unparsed_uri);
        /// The file it was mapped to, or None.
        filename = |this: &Me<'_, 'py>| text(this, Request::filename),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_filename);
        /// The file with links resolved.
        canonical_filename = |this: &Me<'_, 'py>| text(this, Request::canonical_filename),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_canonical_filename);
        /// What follows the file in the path.
        path_info = |this: &Me<'_, 'py>| text(this, Request::path_info),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_path_info);
        /// The query string as it came, or None.
        args = |this: &Me<'_, 'py>| text(this, Request::args),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_args);
        /// The file: kind, size, times ...
        finfo = finfo;
        /// The authenticated user, or None.
        user = |this: &Me<'_, 'py>| text(this, Request::user),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_user);
        /// How the user was authenticated, or None.
        ap_auth_type = |this: &Me<'_, 'py>| text(this, Request::auth_type),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_auth_type);
        /// The name of the content handler.
        handler = |this: &Me<'_, 'py>| text(this, Request::handler),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_handler);
        /// The media type of the response. httpd chooses no handler by it.
        content_type = |this: &Me<'_, 'py>| text(this, Request::content_type),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_content_type);
        /// The coding of the response (gzip ...), or None.
        content_encoding = |this: &Me<'_, 'py>| text(this, Request::content_encoding),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_content_encoding);
        /// The languages of the response: a tuple of str.
        content_languages = content_languages, set_content_languages;
        /// The client's address, or what mod_remoteip found.
        useragent_ip = |this: &Me<'_, 'py>| text(this, Request::useragent_ip);
        /// The Range header, if the response is one.
        range = |this: &Me<'_, 'py>| text(this, Request::range);
        /// Bytes of body sent.
        bytes_sent = |this: &Me<'_, 'py>| number(this, Request::bytes_sent);
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
        interpreter = |this: &Me<'_, 'py>| decode(this.py(), this.interpreter().name().as_bytes());
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
