//! HTTP's Basic authentication (RFC 7617): the credentials of a request, the realm and scheme that the
//! configuration names, and the header that asks for a user.

use std::ffi::CStr;

use super::Request;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::status::Status;

impl Request {
    /// `AuthName`.
    pub fn realm(&self) -> Option<&[u8]> {
        // SAFETY: live.
        let name = unsafe { ffi::ap_auth_name(self.as_ptr()) };
        // SAFETY: null or NUL-terminated, in the request's pool or the configuration.
        unsafe { c_bytes(name) }
    }

    /// `AuthType`.
    pub fn auth_scheme(&self) -> Option<&[u8]> {
        // SAFETY: live.
        let scheme = unsafe { ffi::ap_auth_type(self.as_ptr()) };
        // SAFETY: as above.
        unsafe { c_bytes(scheme) }
    }

    /// The password of Basic credentials, if `AuthType` is Basic and the request has some; sets `user`.
    pub fn basic_password(&self) -> Option<&[u8]> {
        let mut password = std::ptr::null();
        // SAFETY: live; `password` is a place for the answer.
        let status = unsafe { ffi::ap_get_basic_auth_pw(self.as_ptr(), &raw mut password) };
        if Status(status) != Status::OK {
            return None;
        }
        // SAFETY: NUL-terminated, in the request's pool.
        unsafe { c_bytes(password) }
    }

    /// Sets the header that asks for credentials (`WWW-Authenticate`), unless it is there. The module
    /// of the `AuthType` writes it.
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
