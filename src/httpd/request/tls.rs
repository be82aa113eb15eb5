//! TLS of a connection, as the module that handles it (such as mod_ssl) reports it.

use std::ffi::CStr;
use std::ptr::null_mut;

use super::Request;
use crate::httpd::connection::Connection;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

impl Connection {
    /// Whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        // SAFETY: live.
        unsafe { ffi::ap_ssl_conn_is_ssl(self.as_ptr()) != 0 }
    }

    /// A variable of the TLS module (`SSL_PROTOCOL` …), empty when it is not set. `None`: there is no such module.
    pub fn tls_variable(&self, name: &CStr) -> Option<Vec<u8>> {
        let mut pool = null_mut();
        // SAFETY: a place for one pool, below the connection's own.
        unsafe { ffi::apr_pool_create_ex(&raw mut pool, self.raw().pool, None, null_mut()) };
        let server = self.base_server().as_ptr();
        // SAFETY: all live; there is no request.
        let value = unsafe {
            ffi::ap_ssl_var_lookup(pool, server, self.as_ptr(), null_mut(), name.as_ptr())
        };
        // SAFETY: null or NUL-terminated, in the pool or static.
        let value = unsafe { c_bytes(value) }.map(<[u8]>::to_vec);
        // SAFETY: made above, used by no other code: a connection may live for days.
        unsafe { ffi::apr_pool_destroy(pool) };
        value
    }
}

impl Request {
    /// A variable of the TLS module (`SSL_PROTOCOL` …), empty when it is not set. `None`: there is no such module.
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
        unsafe { c_bytes(value) }
    }
}
