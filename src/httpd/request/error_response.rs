//! Error pages in place of a response, and how a response whose body cannot be finished is cut.

use super::Request;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::connection::KeepAlive;
use crate::httpd::ffi;
use crate::httpd::status::Status;

impl Request {
    /// Cuts a response that is under way, so that every client notices: an HTTP/1.1 chunked body has no end, or
    /// the connection is closed; an HTTP/2 stream is reset. Empties `brigade`. Returns what the hook returns.
    pub fn cut_response(&self, brigade: &Brigade) -> Status {
        brigade.clear();
        if !self.is_answered() {
            self.connection().set_keep_alive(KeepAlive::Close);
            self.keep_from_caches();
            brigade.append_error(Status::BAD_GATEWAY.0, self.pool());
            brigade.append_end();
            // An error means that the peer is gone.
            let _ = self.write(brigade);
        }
        // Not OK, which would allow a request that was refused with half a response.
        Status::DONE
    }

    /// Has mod_cache not keep a response that is cut: it takes what was sent of it, without a length, for all of it.
    pub fn keep_from_caches(&self) {
        let mut at = Some(self);
        while let Some(r) = at {
            r.set_no_cache(1);
            at = r.main().or_else(|| r.prev());
        }
    }

    /// Sends httpd's error page, or that of `ErrorDocument`, in place of a response of which no head went out. It goes
    /// through the filters of the protocol alone. To be called by a filter, whose handler need not know.
    pub(in crate::httpd) fn answer_with_page(&self, status: Status) {
        // SAFETY: live; httpd's filter that makes the head does the same.
        unsafe { ffi::ap_die(status.0, self.as_ptr()) };
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
}
