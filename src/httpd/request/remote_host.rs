//! The port, address and name of a request's client.

use super::Request;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// The ways to ask for the name of a client (httpd's `REMOTE_*`).
pub struct RemoteName;

impl RemoteName {
    /// By name if `HostnameLookups` allows it, else by address.
    pub const DEFAULT: i32 = ffi::REMOTE_NAME as i32;
    /// The first and the last of httpd's `REMOTE_*`.
    pub const RANGE: (i32, i32) = (ffi::REMOTE_HOST as i32, ffi::REMOTE_DOUBLE_REV as i32);
}

impl Request {
    /// The port of the client, or the one that mod_remoteip found.
    pub fn useragent_port(&self) -> u16 {
        // SAFETY: null or live with the request.
        unsafe { self.raw().useragent_addr.as_ref() }.map_or(0, |address| address.port)
    }

    /// The client's name or address as `kind` (`REMOTE_*`) asks, and whether it is an address. May
    /// wait for a name server.
    pub fn remote_host(&self, kind: i32) -> (Option<&[u8]>, bool) {
        let mut is_address = 0;
        // SAFETY: live; `is_address` is a place for the answer.
        let host = unsafe { ffi::ap_get_useragent_host(self.as_ptr(), kind, &raw mut is_address) };
        // SAFETY: null or NUL-terminated, in the request's or the connection's pool.
        (unsafe { c_bytes(host) }, is_address != 0)
    }
}
