//! The framing of a request's body, where filters change the body before it is read.
//!
//! A reader must not trust the `Content-Length` of a body that a filter changes, so it is taken out
//! of the headers. But httpd's parser (`http_in`) looks into the same headers to learn where the
//! body ends, and that at its first read, whenever that is: perhaps long after, for an error page,
//! or when an unread body is discarded. A parser without the true length would take the body for
//! another request. So it is made to look before the length is removed.

use std::ffi::{CStr, CString};

use super::Request;
use crate::httpd::connection::KeepAlive;
use crate::httpd::ffi;
use crate::httpd::log::Level;
use crate::httpd::status::Status;

/// The note with the length of a body of which nothing was read yet.
const LENGTH: &CStr = c"mod_python.content-length";
/// The note that httpd's parser has looked at the headers for us, before a redirect to here.
const LOOKED: &CStr = c"mod_python.parser-has-looked";
/// The note with the length of a body whose headers a handler has changed since the parser looked at them.
const SETTLED: &CStr = c"mod_python.settled-length";
/// The note with the HTTP status with which a filter refused the body.
const REFUSED: &CStr = c"mod_python.refused-body";

impl Request {
    /// Removes the body's length from the headers, since a filter changes the body before it is read.
    pub fn hide_body_length(&self) {
        self.count_changing_filter();
        let length = self.headers_in().get(c"Content-Length");
        let Some(length) = length.and_then(|length| CString::new(length).ok()) else {
            return;
        };
        if self.is_subrequest() || self.is_beyond_limit(&length) {
            // The body is not read: the parser will answer 413.
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
        if let Some(bytes) = self.content_length() {
            self.note_original_length(bytes as u64);
        }
        self.headers_in().unset(c"Content-Length");
        self.headers_in().set(c"Transfer-Encoding", c"chunked");
    }

    /// A handler is about to change the request's `Content-Length`, and with `coding` its `Transfer-Encoding`.
    /// The parser is made to look at them before, or it would take a part of the body for the next request;
    /// where it cannot look without answering, the connection is closed after this request.
    pub fn settle_body_framing(&self, coding: bool) {
        // A subrequest may share the table with its main request.
        if let Some(main) = self.main() {
            return main.settle_body_framing(coding);
        }
        let Some(parser) = self.body_parser().filter(|parser| parser.is_fresh()) else {
            return;
        };
        let headers = self.headers_in();
        let in_chunks = headers.get(c"Transfer-Encoding").is_some();
        if in_chunks && !coding {
            return;
        }
        let length = headers.get(c"Content-Length");
        let length = length.and_then(|length| CString::new(length).ok());
        let answers = length.as_deref().is_some_and(|l| self.is_beyond_limit(l));
        if in_chunks || answers {
            self.connection().set_keep_alive(KeepAlive::Close);
            let text = "a handler changes the Content-Length or Transfer-Encoding of a request before \
                        its body is read: the connection is closed behind the response";
            return self.log(Level::Info, text);
        }
        let nothing = self.new_brigade();
        // The parser repeats an error when the body is read.
        let _ = parser.fetch_nothing(&nothing);
        nothing.clear();
        if let Some(length) = length {
            self.notes().set(SETTLED, &length);
        }
    }

    /// The value of the request's `Content-Length` in bytes, if it has one.
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

    /// Undoes `hide_body_length` for the request that this one was redirected to, if nothing of the body was read:
    /// other filters may stand before its readers.
    pub fn show_body_length(&self, redirected: &Self) {
        let kept = self.take_back_spool();
        self.show_body_coding(kept.is_some());
        if kept.is_none() && self.is_spooled() {
            // A body that nobody has kept for another reader is gone.
            self.headers_in().unset(c"Content-Length");
        }
        let length = kept.or_else(|| self.noted(LENGTH));
        if let Some(length) = &length {
            self.body_is_read();
            self.headers_in().unset(c"Transfer-Encoding");
            self.headers_in().set(c"Content-Length", length);
        }
        if length.is_some() || self.notes().get(LOOKED).is_some() {
            redirected.notes().set(LOOKED, c"");
        }
        if let Some(length) = self.noted(SETTLED) {
            redirected.notes().set(SETTLED, &length);
        }
    }

    /// Whether the body is longer than the `LimitRequestBody` of the path that the request was redirected to, or of
    /// sections that were not known when the parser looked. The parser does not check that again.
    pub fn redirected_beyond_limit(&self) -> bool {
        let length = self.noted(SETTLED).or_else(|| {
            self.notes().get(LOOKED)?;
            CString::new(self.headers_in().get(c"Content-Length")?).ok()
        });
        length.is_some_and(|l| self.is_beyond_limit(&l))
    }

    fn noted(&self, name: &CStr) -> Option<CString> {
        CString::new(self.notes().get(name)?).ok()
    }

    /// From now on `show_body_length` does nothing.
    pub(in crate::httpd) fn body_is_read(&self) {
        self.notes().unset(LENGTH);
    }

    /// Notes that a filter has refused the body with this status.
    pub(in crate::httpd) fn refuse_body(&self, status: Status) {
        if let Ok(number) = CString::new(status.0.to_string()) {
            self.notes().set(REFUSED, &number);
        }
    }

    /// The status with which a filter has refused the body, if one has.
    pub fn body_refusal(&self) -> Option<Status> {
        let number = self.notes().get(REFUSED)?;
        std::str::from_utf8(number).ok()?.parse().ok().map(Status)
    }
}
