//! Who asks, by HTTP's Basic authentication, and what the configuration says of it.

use super::{Request, Status, c_bytes, ffi};

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

    /// The password of Basic credentials, if that is the scheme here and there are any; sets `user`.
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
}
