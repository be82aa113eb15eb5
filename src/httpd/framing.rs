//! The body of a request between the filters that change it and those who read it.
//!
//! A reader must not trust the `Content-Length` of a body that a filter changes, so it is taken out
//! of the headers. But httpd's parser (`http_in`) looks into the same headers to learn where the
//! body ends, and that at its first read, whenever that is: perhaps long after, for an error page,
//! or when what nobody read is discarded. A parser without the true length would take the body for
//! another request. So it is made to look before the length is taken away.

use std::ffi::{CStr, CString};

use super::{Request, Status, ffi};

/// Holds the length of a body of which nothing was read yet.
const LENGTH: &CStr = c"mod_python.content-length";
/// Says that httpd's parser has looked at the headers for us, before a redirect to here.
const LOOKED: &CStr = c"mod_python.parser-has-looked";
/// Holds the HTTP status with which a filter refused the body.
const REFUSED: &CStr = c"mod_python.refused-body";

impl Request {
    /// A filter stands before the body's readers: they see a body of unknown length.
    pub fn hide_body_length(&self) {
        let length = self.headers_in().get(c"Content-Length");
        let Some(length) = length.and_then(|length| CString::new(length).ok()) else {
            return;
        };
        if self.is_subrequest() || self.is_beyond_limit(&length) {
            // Nobody gets to read it: the parser will answer 413.
            return;
        }
        if let Some(parser) = self.body_parser() {
            let unread = parser.is_fresh();
            let nothing = self.new_brigade();
            // It reads nothing of the body and does not ask the client for it.
            let looked = parser.fetch_nothing(&nothing);
            nothing.clear();
            if looked.is_err() {
                return;
            }
            if unread {
                self.notes().set(LENGTH, &length);
            }
        }
        self.headers_in().unset(c"Content-Length");
        self.headers_in().set(c"Transfer-Encoding", c"chunked");
    }

    /// What the request's `Content-Length` says, if it has one.
    pub fn content_length(&self) -> Option<i64> {
        let text = self.headers_in().get(c"Content-Length")?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// Whether the parser's first look would be answered with 413 and an error page.
    fn is_beyond_limit(&self, length: &CStr) -> bool {
        let mut bytes = 0;
        // SAFETY: a place for the result and a NUL-terminated text.
        if unsafe { ffi::ap_parse_strict_length(&raw mut bytes, length.as_ptr()) } == 0 {
            return true;
        }
        // SAFETY: live.
        let limit = unsafe { ffi::ap_get_limit_req_body(self.as_ptr()) };
        // The parser leaves the limit to mod_proxy.
        self.raw().proxyreq == 0 && limit > 0 && bytes > limit
    }

    /// Undoes `hide_body_length` for `redirected`, if nothing was read: it may have other filters.
    pub fn show_body_length(&self, redirected: &Self) {
        let length = self
            .notes()
            .get(LENGTH)
            .and_then(|length| CString::new(length).ok());
        if let Some(length) = &length {
            self.body_is_read();
            self.headers_in().unset(c"Transfer-Encoding");
            self.headers_in().set(c"Content-Length", length);
        }
        if length.is_some() || self.notes().get(LOOKED).is_some() {
            redirected.notes().set(LOOKED, c"");
        }
    }

    /// Whether the body is too long for where the request was redirected to. The parser, which has
    /// looked already, will not say so.
    pub fn redirected_beyond_limit(&self) -> bool {
        let length = self
            .headers_in()
            .get(c"Content-Length")
            .and_then(|l| CString::new(l).ok());
        self.notes().get(LOOKED).is_some() && length.is_some_and(|l| self.is_beyond_limit(&l))
    }

    /// From now on `show_body_length` does nothing.
    pub(super) fn body_is_read(&self) {
        self.notes().unset(LENGTH);
    }

    /// Notes the status with which a filter refused the body.
    pub(super) fn refuse_body(&self, status: Status) {
        if let Ok(number) = CString::new(status.0.to_string()) {
            self.notes().set(REFUSED, &number);
        }
    }

    /// The status with which a filter refused the body.
    pub fn body_refusal(&self) -> Option<Status> {
        let number = self.notes().get(REFUSED)?;
        std::str::from_utf8(number).ok()?.parse().ok().map(Status)
    }
}
