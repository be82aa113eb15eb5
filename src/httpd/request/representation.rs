//! The headers of a response that describe its body, as they must be when a filter changes it.

use super::Request;
use crate::httpd::apr::table::Table;

impl Request {
    /// Removes the headers that a filter which changes the body makes wrong: its length, its digests, and ranges of
    /// it. A strong ETag becomes weak (RFC 9110 §8.6, §8.8.3, §14; RFC 3230, RFC 9530).
    pub fn forget_representation(&self) {
        self.forget_exactness();
        for headers in self.response_headers() {
            headers.unset(c"Content-Length");
        }
        self.headers_out().set_static(c"Accept-Ranges", c"none");
        self.drop_range();
    }

    /// As `forget_representation`, for a filter that changes bytes, but not how many: removes the digests and makes
    /// a strong ETag weak. Ranges stay.
    pub fn forget_exactness(&self) {
        for headers in self.response_headers() {
            for name in [c"Content-MD5", c"Digest", c"Content-Digest", c"Repr-Digest"] {
                headers.unset(name);
            }
        }
        self.weaken_tag();
    }

    /// The tables of the response's headers that have entries.
    pub(in crate::httpd) fn response_headers(&self) -> impl Iterator<Item = &Table> {
        let both = [self.headers_out(), self.err_headers_out()];
        both.into_iter().filter(|table| !table.is_empty())
    }
}
