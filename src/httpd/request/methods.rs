//! The methods that a resource allows: the `Allow` header of 405 and of OPTIONS.

use std::ffi::CStr;

use super::Request;
use crate::httpd::apr::array;
use crate::httpd::ffi;

impl Request {
    /// Whether the method is `TRACE`.
    pub fn is_trace(&self) -> bool {
        self.method() == Some(b"TRACE")
    }

    /// The methods that httpd has numbers for, as a mask of bits `1 << M_…`.
    pub fn allowed(&self) -> i64 {
        let list = self.raw().allowed_methods;
        // SAFETY: null, or made with the request.
        let mask = unsafe { list.as_ref() }.map_or(0, |list| list.method_mask);
        self.raw().allowed | mask
    }

    /// The allowed methods that httpd has no numbers for, by their names.
    pub fn allowed_methods(&self) -> Vec<&[u8]> {
        // SAFETY: null, or made with the request.
        let list = unsafe { self.raw().allowed_methods.as_ref() };
        let names = list.map_or(std::ptr::null_mut(), |list| list.method_list);
        // SAFETY: null, or an array of strings in the request's pool.
        unsafe { array::strings(names) }
    }

    /// The methods in `allowed_xmethods`, a field for extension methods that older modules set.
    pub fn allowed_xmethods(&self) -> Vec<&[u8]> {
        // SAFETY: as above.
        unsafe { array::strings(self.raw().allowed_xmethods) }
    }

    /// Allows a method.
    pub fn allow_method(&self, name: &CStr) {
        let name = self.pool().copy_text(name.to_bytes());
        // SAFETY: made with the request; httpd keeps the pointer, the text lives in its pool.
        unsafe { ffi::ap_method_list_add(self.raw().allowed_methods, name) };
    }

    /// Forgets which methods are allowed.
    pub fn allow_no_method(&self) {
        // SAFETY: made with the request.
        unsafe { ffi::ap_clear_method_list(self.raw().allowed_methods) };
    }
}
