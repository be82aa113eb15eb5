//! A filter of another module that stands in no chain: a filter of ours calls it, and it calls what we have put behind it.

use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::ptr::null_mut;

use super::handle;
use crate::filter_chain::Direction;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

/// Such a filter. It belongs to one request, whose thread alone uses it, and is dropped before the request's pool goes.
/// When it has done its work it removes itself from a chain where it does not stand, which changes nothing.
pub(in crate::httpd) struct NativeFilter(Box<UnsafeCell<ffi::ap_filter_t>>);

impl NativeFilter {
    /// The filter of this name, for a request. `None`: no module has one.
    pub(in crate::httpd) fn new(direction: Direction, name: &CStr, r: &Request) -> Option<Self> {
        let record = handle(direction, name);
        (!record.is_null()).then(|| {
            Self(Box::new(UnsafeCell::new(ffi::ap_filter_t {
                frec: record,
                ctx: null_mut(),
                next: null_mut(),
                r: r.as_ptr(),
                c: r.connection().as_ptr(),
            })))
        })
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::ap_filter_t {
        self.0.get()
    }

    /// Has it call this filter.
    ///
    /// # Safety
    /// `next` lives until it is replaced, or until this filter is called no more.
    pub(in crate::httpd) unsafe fn set_next(&self, next: *mut ffi::ap_filter_t) {
        // SAFETY: ours, and used on this thread alone.
        unsafe { (*self.as_ptr()).next = next };
    }

    /// Sets its context.
    ///
    /// # Safety
    /// It is what the filter's function expects, and lives as long as the filter is called.
    pub(in crate::httpd) unsafe fn set_context(&self, context: *const std::ffi::c_void) {
        // SAFETY: as in `set_next`.
        unsafe { (*self.as_ptr()).ctx = context.cast_mut() };
    }

    /// Whether it keeps something of its own from a call before.
    pub(in crate::httpd) fn has_begun(&self) -> bool {
        // SAFETY: as in `set_next`.
        let context = unsafe { (*self.as_ptr()).ctx };
        !context.is_null()
    }

    /// Calls it as an output filter, with a brigade of which it takes all buckets.
    pub(in crate::httpd) fn pass(&self, brigade: &Brigade) -> Result<(), Error> {
        // SAFETY: a filter of the right direction, and a live brigade of its connection.
        Error::check(unsafe { ffi::ap_pass_brigade(self.as_ptr(), brigade.as_ptr()) })
    }

    /// Calls it as an input filter, for at most `limit` bytes.
    pub(in crate::httpd) fn fetch(
        &self,
        brigade: &Brigade,
        limit: usize,
        block: bool,
    ) -> Result<(), Error> {
        let mode = ffi::AP_MODE_READBYTES;
        let block = match block {
            true => ffi::APR_BLOCK_READ,
            false => ffi::APR_NONBLOCK_READ,
        };
        let limit = limit as ffi::apr_off_t;
        // SAFETY: as in `pass`.
        Error::check(unsafe {
            ffi::ap_get_brigade(self.as_ptr(), brigade.as_ptr(), mode, block, limit)
        })
    }
}

impl Request {
    /// Calls `f` while the request looks as if the client had sent it: the filters of mod_deflate do not begin to work
    /// for subrequests, and for requests that httpd was redirected to. `f` calls nothing else.
    pub(in crate::httpd) fn as_initial<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: the live request, which no other thread uses; the reference ends before `f` is called.
        let r = unsafe { &mut *self.as_ptr() };
        let main = std::mem::replace(&mut r.main, null_mut());
        let prev = std::mem::replace(&mut r.prev, null_mut());
        let result = f();
        // SAFETY: as above.
        let r = unsafe { &mut *self.as_ptr() };
        (r.main, r.prev) = (main, prev);
        result
    }
}
