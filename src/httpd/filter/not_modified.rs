//! A 304 and filters under mod_filter (`AddOutputFilterByType`, `FilterProvider`): it calls them only for status 200.
//! So a filter of ours stands in the chain for them, which corrects the headers of a 304. It stands before mod_cache's,
//! which compares the tag of a 304 with the one that it has.

use super::Filter;
use super::handle;
use crate::filter_chain::Change;
use crate::filter_chain::Direction;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

const NAME: &std::ffi::CStr = c"mod_python.not-modified";

/// Registers the filter.
pub(in crate::httpd) fn register() {
    let kind = ffi::AP_FTYPE_CONTENT_SET;
    // SAFETY: httpd copies the name; the function is static.
    unsafe { ffi::ap_register_output_filter(NAME.as_ptr(), Some(not_modified), None, kind) };
}

impl Request {
    /// Has the headers of a 304 corrected for a filter under mod_filter that may change the body.
    pub fn settle_304_for_mod_filter(&self) {
        let handle = handle(Direction::Output, NAME);
        // `mod_python.testing` has no such filter.
        if !handle.is_null() && !self.is_subrequest() {
            let (r, c) = (self.as_ptr(), self.connection().as_ptr());
            // SAFETY: the live request, and the record of `register`.
            unsafe { ffi::ap_add_output_filter_handle(handle, std::ptr::null_mut(), r, c) };
        }
    }

    /// Removes the headers of a response without a body that a filter which may do this to its body makes wrong. A 304
    /// keeps them where it has the strong tag of the original body.
    pub fn forget_headers_without_body(&self, change: Change) {
        if self.status() == 304 && !self.has_weak_tag() {
            return;
        }
        match change {
            Change::Length => self.forget_representation(),
            Change::Bytes => self.forget_exactness(),
            Change::Nothing => {}
        }
    }
}

unsafe extern "C" fn not_modified(
    f: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
) -> ffi::apr_status_t {
    // SAFETY: httpd calls with a live filter and brigade.
    let filter = unsafe { Filter::from_raw(f) };
    // SAFETY: as above.
    let brigade = unsafe { Brigade::from_raw(brigade) };
    let result = guard("the filter of 304", Err(Error::GENERAL), || {
        if let Some(r) = filter.request().filter(|r| r.status() == 304) {
            r.forget_headers_without_body(Change::Length);
        }
        filter.step_out(brigade)
    });
    Error::code(result)
}
