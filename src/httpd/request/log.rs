//! Entries of a request in httpd's error log, and the id by which logs call it.

use super::Request;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::log::log_methods;

log_methods!(Request, mp_log_request, ap_get_request_module_loglevel);

impl Request {
    /// The id by which logs call the request (`%L`), if it has one by now.
    pub fn log_id(&self) -> Option<&[u8]> {
        // SAFETY: null or NUL-terminated, for the request's life.
        unsafe { c_bytes(self.raw().log_id) }
    }

    /// Gives it an id, in place of one that it may have.
    pub fn set_log_id(&self, id: Option<&[u8]>) {
        let id = id.map_or(std::ptr::null_mut(), |id| self.pool().copy_text(id));
        // SAFETY: live; a plain field that is set on the request's own thread.
        unsafe { (*self.as_ptr()).log_id = id };
    }

    /// As `log_id`, but httpd makes an id if there is none, as it does when it logs.
    pub fn make_log_id(&self) -> Option<&[u8]> {
        if self.raw().log_id.is_null() {
            let (c, r) = (self.raw().connection, self.as_ptr());
            // SAFETY: a field of a live request, for use on its own thread.
            let place = unsafe { &raw mut (*r).log_id };
            // SAFETY: live; the hook fills the field with a text of the request's pool.
            unsafe { ffi::ap_run_generate_log_id(c, r, place) };
        }
        self.log_id()
    }
}
