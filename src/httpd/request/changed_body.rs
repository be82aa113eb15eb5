//! What is known of a body that input filters may change. It is kept in the notes of its request, and not inherited by
//! the request that this one is redirected to, which has filters of its own.

use std::ffi::{CStr, CString};

use super::Request;

/// The note with the number of input filters that may change the length of the body.
const CHANGING: &CStr = c"mod_python.changing-filters";
/// The note with the length of the body as the client has sent it, if the client has said it.
const ORIGINAL: &CStr = c"mod_python.original-length";
/// The note that a filter has changed something, or may have.
const TOUCHED: &CStr = c"mod_python.touched-body";
/// The note that all of the body was read for a reader that needs its length.
const SPOOLED: &CStr = c"mod_python.spooled-body";
/// The note with the coding of a body that is decoded before its readers get it.
const CODING: &CStr = c"mod_python.body-coding";
/// The note that a part of such a body was read.
const DECODED: &CStr = c"mod_python.decoded-body";

impl Request {
    /// Counts one more input filter that may change the length of the body.
    pub(in crate::httpd) fn count_changing_filter(&self) {
        self.note_number(CHANGING, self.changing_filters() as u64 + 1);
    }

    /// How many input filters may change the length of the body.
    pub(in crate::httpd) fn changing_filters(&self) -> usize {
        self.noted_number(CHANGING).unwrap_or(0) as usize
    }

    /// Whether the body's readers see no length because a filter may change it.
    pub(in crate::httpd) fn has_hidden_length(&self) -> bool {
        self.changing_filters() > 0 && self.has_no_length()
    }

    /// Whether the request has a body whose headers do not say its length.
    pub(in crate::httpd) fn has_no_length(&self) -> bool {
        !self.is_subrequest()
            && self.headers_in().get(c"Content-Length").is_none()
            && self.headers_in().get(c"Transfer-Encoding").is_some()
    }

    /// Whether it makes the error page of another request: the client is not asked for the body of that one.
    pub(in crate::httpd) fn is_for_error_page(&self) -> bool {
        std::iter::successors(self.prev(), |r| r.prev()).any(|r| r.status() >= 400)
    }

    /// All of the body was read; its readers see this length, in bytes.
    pub(in crate::httpd) fn set_body_length(&self, length: u64) {
        let Ok(text) = CString::new(length.to_string()) else {
            return;
        };
        self.headers_in().unset(c"Transfer-Encoding");
        self.headers_in().set(c"Content-Length", &text);
        self.notes().set(SPOOLED, c"");
    }

    /// Whether `set_body_length` was called.
    pub(in crate::httpd) fn is_spooled(&self) -> bool {
        self.notes().get(SPOOLED).is_some()
    }

    /// The length of the body in bytes as the client has sent it, if that is known.
    pub(in crate::httpd) fn original_length(&self) -> Option<u64> {
        self.noted_number(ORIGINAL)
    }

    /// Notes the length of the body in bytes as the client has sent it.
    pub(in crate::httpd) fn note_original_length(&self, length: u64) {
        self.note_number(ORIGINAL, length);
    }

    /// Notes that a filter which may have changed the body steps out of its chain.
    pub(in crate::httpd) fn note_touched_body(&self) {
        self.notes().set(TOUCHED, c"");
    }

    /// Whether `note_touched_body` was called.
    pub(in crate::httpd) fn is_body_touched(&self) -> bool {
        self.notes().get(TOUCHED).is_some()
    }

    /// The body is decoded before its readers get it: notes its `Content-Encoding`.
    pub(in crate::httpd) fn note_hidden_coding(&self, coding: &CStr) {
        self.notes().set(CODING, coding);
    }

    /// Notes that a part of the body was read and decoded.
    pub(in crate::httpd) fn note_decoded_body(&self) {
        self.notes().set(DECODED, c"");
    }

    /// Puts the `Content-Encoding` back for the request that this one was redirected to, whose filters get the body as
    /// the client has sent it: nothing of it was read, or it was kept.
    pub(in crate::httpd) fn show_body_coding(&self, is_kept: bool) {
        let coding = self
            .notes()
            .get(CODING)
            .and_then(|coding| CString::new(coding).ok());
        if let Some(coding) = coding.filter(|_| is_kept || self.notes().get(DECODED).is_none()) {
            self.headers_in().set(c"Content-Encoding", &coding);
        }
    }

    fn note_number(&self, name: &CStr, number: u64) {
        if let Ok(text) = CString::new(number.to_string()) {
            self.notes().set(name, &text);
        }
    }

    fn noted_number(&self, name: &CStr) -> Option<u64> {
        let text = std::str::from_utf8(self.notes().get(name)?).ok()?;
        text.parse().ok()
    }
}
