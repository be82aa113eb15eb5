//! The headers `Range` and `If-Range` of a request (RFC 9110 §14.2, §13.1.5), where the handler must not see them: it
//! would answer with a part of a body that a filter is to see whole. They are taken out of the table and kept in notes,
//! so that what works on the response, a redirected request and the access log have them again.
//!
//! All of it happens on the thread that works on the request.

use std::ffi::CStr;

use super::Request;

/// The headers, each with the note that keeps it.
const HEADERS: [(&CStr, &CStr); 2] = [
    (c"Range", c"mod_python.range"),
    (c"If-Range", c"mod_python.if-range"),
];
/// The note that the response is not to be a range, whatever the client has asked for.
const WHOLE: &CStr = c"mod_python.no-range";

impl Request {
    /// Hides the headers from the handler.
    pub fn hide_range(&self) {
        for (name, note) in HEADERS {
            self.headers_in().move_to(name, self.notes(), note);
        }
    }

    /// Hides the headers from all that may still make a range of the response.
    pub fn drop_range(&self) {
        if self.asks_for_range() {
            self.hide_range();
            self.notes().set(WHOLE, c"");
        }
    }

    /// Undoes `hide_range`: the handler has begun to answer.
    pub fn show_range(&self) {
        if self.notes().get(WHOLE).is_none() {
            self.give_range_back();
        }
    }

    /// Undoes `hide_range` and `drop_range`: the response was sent, or another request takes it over.
    pub fn give_range_back(&self) {
        for (name, note) in HEADERS {
            self.notes().move_to(note, self.headers_in(), name);
        }
        self.notes().unset(WHOLE);
    }

    /// Whether the client has asked for a range, hidden or not.
    pub fn asks_for_range(&self) -> bool {
        let (name, note) = HEADERS[0];
        self.headers_in().get(name).is_some() || self.notes().get(note).is_some()
    }
}
