//! What asks a client for a user and a password.

use std::ffi::CStr;

use super::{Request, ffi};

impl Request {
    /// Sets the header that asks for a user, unless it is there: what module answers for the
    /// `AuthType` knows it.
    pub fn note_auth_failure(&self) {
        let name: &CStr = match self.raw().proxyreq == ffi::PROXYREQ_PROXY as i32 {
            true => c"Proxy-Authenticate",
            false => c"WWW-Authenticate",
        };
        if self.err_headers_out().get(name).is_none() && self.auth_type_wanted() {
            // SAFETY: live.
            unsafe { ffi::ap_note_auth_failure(self.as_ptr()) };
        }
    }

    /// Whether `AuthType` is set here.
    fn auth_type_wanted(&self) -> bool {
        // SAFETY: live.
        !unsafe { ffi::ap_auth_type(self.as_ptr()) }.is_null()
    }
}
