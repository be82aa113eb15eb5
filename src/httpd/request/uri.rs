//! URLs: the one of the request in its parts, and absolute ones of this server.

use std::ffi::CStr;

use super::Request;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// A URL in its parts (RFC 3986 §3); those that it does not have are `None`.
pub struct Url<'a> {
    /// `https`.
    pub scheme: Option<&'a [u8]>,
    /// User, host and port together.
    pub hostinfo: Option<&'a [u8]>,
    /// The user: what stands before `:` or `@`.
    pub user: Option<&'a [u8]>,
    /// The password: what stands between `:` and `@`.
    pub password: Option<&'a [u8]>,
    /// The host alone.
    pub hostname: Option<&'a [u8]>,
    /// The port.
    pub port: Option<u16>,
    /// The path, unescaped: it is httpd's `uri`.
    pub path: Option<&'a [u8]>,
    /// What follows `?`.
    pub query: Option<&'a [u8]>,
    /// What follows `#`.
    pub fragment: Option<&'a [u8]>,
}

impl Request {
    /// The request target in its parts.
    pub fn parsed_uri(&self) -> Url<'_> {
        let uri = &self.raw().parsed_uri;
        // SAFETY: null or NUL-terminated, in the request's pool.
        let text = |field| unsafe { c_bytes(field) };
        Url {
            scheme: text(uri.scheme),
            hostinfo: text(uri.hostinfo),
            user: text(uri.user),
            password: text(uri.password),
            hostname: text(uri.hostname),
            // httpd fills in that of the `Host` header, too.
            port: (uri.port != 0).then_some(uri.port),
            path: text(uri.path),
            query: text(uri.query),
            fragment: text(uri.fragment),
        }
    }

    /// The absolute URL of a path of this server.
    pub fn construct_url(&self, path: &CStr) -> Option<&[u8]> {
        // SAFETY: live; the answer lives in the request's pool.
        let url =
            unsafe { ffi::ap_construct_url(self.pool().as_ptr(), path.as_ptr(), self.as_ptr()) };
        // SAFETY: NUL-terminated.
        unsafe { c_bytes(url) }
    }
}
