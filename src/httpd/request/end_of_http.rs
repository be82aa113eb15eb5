//! The end of HTTP on a connection, in the middle of a request.

use super::Request;
use crate::httpd::connection::KeepAlive;

impl Request {
    /// Whether it is the client's own request on a connection of HTTP/1, so that its handlers can have the bytes of the
    /// connection: not a subrequest, a stream of HTTP/2, or a question about a user ([`super::auth_probe`]).
    pub fn has_own_connection(&self) -> bool {
        !self.is_subrequest() && !self.connection().is_stream() && !self.origin().is_auth_probe()
    }

    /// Ends HTTP on the connection: httpd sends nothing for this request any more, and closes the connection behind it.
    /// What was sent through the filters of the response must be out. Returns `false` without such filters, and does
    /// nothing then.
    pub fn end_http(&self) -> bool {
        let c = self.connection();
        if !self.mute() {
            return false;
        }
        c.set_keep_alive(KeepAlive::Close);
        // httpd's limits for the request would interrupt what comes now.
        c.leave_request_timeouts();
        // SAFETY: live; a plain field, set on the thread that works on the request.
        unsafe { (*self.as_ptr()).eos_sent = 1 };
        true
    }

    /// Counts bytes that went to the client past the filters of the response, for the access log: it shows no length
    /// for a response of which `sent_bodyct` says that no body was sent.
    pub fn count_raw(&self, length: usize) {
        self.set_bytes_sent(self.bytes_sent() + length as i64);
        // SAFETY: as in `end_http`.
        unsafe { (*self.as_ptr()).sent_bodyct = 1 };
    }
}
