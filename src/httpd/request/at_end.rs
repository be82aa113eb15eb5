//! The end of a request.

use super::Request;
use crate::httpd::ffi;

impl Request {
    /// Calls `f` when the request's pool is destroyed, before anything that the module keeps for the request. The
    /// function that was given last is called first.
    pub fn at_end(&self, f: fn(&Self)) {
        self.pool().own_first(AtEnd {
            r: self.as_ptr(),
            f,
        });
    }
}

/// A function to call at the end of a request.
struct AtEnd {
    r: *mut ffi::request_rec,
    f: fn(&Request),
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // SAFETY: dropped by a pre-cleanup of the request's own pool, in which it lies.
        (self.f)(unsafe { Request::from_raw(self.r) });
    }
}
