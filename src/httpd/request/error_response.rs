//! The headers of a response about its body, and how a body that cannot be finished is cut.

use std::ffi::CString;

use super::Request;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::connection::KeepAlive;
use crate::httpd::status::Status;

impl Request {
    /// Cuts a response that is under way, so that every client notices: an HTTP/1.1 chunked body has no end, or
    /// the connection is closed; an HTTP/2 stream is reset. Empties `brigade`. Returns what the hook returns.
    pub fn cut_response(&self, brigade: &Brigade) -> Status {
        brigade.clear();
        if !self.is_answered() {
            self.connection().set_keep_alive(KeepAlive::Close);
            brigade.append_error(Status::BAD_GATEWAY.0, self.pool());
            brigade.append_end();
            // An error means that the peer is gone.
            let _ = self.write(brigade);
        }
        // Not OK, which would allow a request that was refused with half a response.
        Status::DONE
    }

    /// Sends an error page in place of the handler's response, if nothing of that was sent yet; as httpd does when
    /// it finds an error in a body while a handler reads it.
    pub fn answer_with(&self, status: Status) {
        if status.is_answer() && !self.has_started() && !self.is_answered() {
            let brigade = self.new_brigade();
            brigade.append_error(status.0, self.pool());
            brigade.append_end();
            // The handler is told that a filter has failed, whatever becomes of this.
            let _ = self.write(&brigade);
        }
    }

    /// Removes the headers that a filter which changes the body makes wrong: its length, its digests, and ranges of
    /// it. A strong ETag becomes weak (RFC 9110 §8.6, §8.8.3, §14; RFC 3230, RFC 9530).
    pub fn forget_representation(&self) {
        self.forget_exactness();
        for headers in [self.headers_out(), self.err_headers_out()] {
            headers.unset(c"Content-Length");
        }
        self.headers_out().set(c"Accept-Ranges", c"none");
        self.headers_in().unset(c"Range");
        self.headers_in().unset(c"If-Range");
    }

    /// As `forget_representation`, for a filter that changes bytes, but not how many: removes the digests and makes
    /// a strong ETag weak. Ranges stay.
    pub fn forget_exactness(&self) {
        for headers in [self.headers_out(), self.err_headers_out()] {
            for name in [c"Content-MD5", c"Digest", c"Content-Digest", c"Repr-Digest"] {
                headers.unset(name);
            }
            let strong = headers.get(c"ETag").filter(|tag| !tag.starts_with(b"W/"));
            if let Some(weak) = strong.and_then(|tag| CString::new([b"W/", tag].concat()).ok()) {
                headers.set(c"ETag", &weak);
            }
        }
    }
}
