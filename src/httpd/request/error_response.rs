//! What a response says of its body, and how a body that cannot be finished is cut.

use std::ffi::CString;

use super::Request;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::connection::KeepAlive;
use crate::httpd::status::Status;

impl Request {
    /// A response that is under way is cut, so that every client can tell: an HTTP/1.1 chunked body
    /// without its end, or a closed connection; a reset stream with HTTP/2.
    pub fn cut_response(&self, brigade: &Brigade) -> Status {
        brigade.clear();
        if !self.is_answered() {
            self.connection().set_keep_alive(KeepAlive::Close);
            brigade.append_error(Status::BAD_GATEWAY.0, self.pool());
            brigade.append_end();
            // The peer learns of it, or is gone already.
            let _ = self.write(brigade);
        }
        // Not OK: a client that was refused with half a response would be let in by that.
        Status::DONE
    }

    /// Answers with an error page in place of what the handler would have sent, if it has not sent
    /// anything yet; as httpd does when it finds a body wrong while somebody reads it.
    pub fn answer_with(&self, status: Status) {
        if status.is_answer() && !self.has_started() && !self.is_answered() {
            let brigade = self.new_brigade();
            brigade.append_error(status.0, self.pool());
            brigade.append_end();
            // The handler is told that a filter has failed, whatever becomes of this.
            let _ = self.write(&brigade);
        }
    }

    /// What a filter that changes the body takes back: its length, its digests, the exactness of
    /// its tag, and ranges of it (RFC 9110 §8.6, §8.8.3, §14; RFC 3230).
    pub fn forget_representation(&self) {
        self.forget_exactness();
        for headers in [self.headers_out(), self.err_headers_out()] {
            headers.unset(c"Content-Length");
        }
        self.headers_out().set(c"Accept-Ranges", c"none");
        self.headers_in().unset(c"Range");
        self.headers_in().unset(c"If-Range");
    }

    /// What a filter takes back that changes bytes, but not how many: digests and the exactness of
    /// the tag. A range of the body is still one.
    pub fn forget_exactness(&self) {
        for headers in [self.headers_out(), self.err_headers_out()] {
            for name in [c"Content-MD5", c"Digest", c"Content-Digest"] {
                headers.unset(name);
            }
            let strong = headers.get(c"ETag").filter(|tag| !tag.starts_with(b"W/"));
            if let Some(weak) = strong.and_then(|tag| CString::new([b"W/", tag].concat()).ok()) {
                headers.set(c"ETag", &weak);
            }
        }
    }

    /// Whether the response is coded (gzip, br …): not text any more.
    pub fn response_coding(&self) -> Option<&[u8]> {
        self.content_encoding()
            .or_else(|| self.headers_out().get(c"Content-Encoding"))
            .or_else(|| self.err_headers_out().get(c"Content-Encoding"))
            .filter(|coding| !coding.eq_ignore_ascii_case(b"identity"))
    }
}
