//! TLS of a connection, as whichever module does it tells.

use std::ffi::CStr;

use super::{Connection, Request, c_bytes, ffi};

impl Connection {
    /// Whether its bytes are encrypted.
    pub fn is_tls(&self) -> bool {
        // SAFETY: live.
        unsafe { ffi::ap_ssl_conn_is_ssl(self.as_ptr()) != 0 }
    }
}

impl Request {
    /// A variable of the TLS module (`SSL_PROTOCOL` …).
    pub fn tls_variable(&self, name: &CStr) -> Option<&[u8]> {
        let (server, connection) = (self.server().as_ptr(), self.connection().as_ptr());
        // SAFETY: all live; the answer lives in the request's pool, or longer.
        let value = unsafe {
            ffi::ap_ssl_var_lookup(
                self.pool().as_ptr(),
                server,
                connection,
                self.as_ptr(),
                name.as_ptr(),
            )
        };
        // SAFETY: null or NUL-terminated.
        unsafe { c_bytes(value) }.filter(|value| !value.is_empty())
    }
}
