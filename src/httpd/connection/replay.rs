//! Replays to HTTP what a connection handler has read before it declined, before all that follows.

use std::ffi::CStr;

use super::Connection;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::status::Error;

/// The longest line in bytes that is passed on whole (httpd's `HUGE_STRING_LEN`).
const LINE: usize = 8192;
const NAME: &CStr = c"MOD_PYTHON_REPLAY";

/// Registers the filter.
pub(in crate::httpd) fn register() {
    // Above mod_ssl, below HTTP.
    let kind = ffi::AP_FTYPE_CONNECTION;
    // SAFETY: called while httpd collects hooks; a static name and function.
    unsafe { ffi::ap_register_input_filter(NAME.as_ptr(), Some(replay), None, kind) };
}

impl Connection {
    /// Has the next reader of the connection read `data` first.
    pub fn give_back(&self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        // SAFETY: a live connection's pool and list.
        let brigade = unsafe { ffi::apr_brigade_create(self.raw().pool, self.raw().bucket_alloc) };
        // SAFETY: made just now, as long-lived as the connection.
        let held = unsafe { Brigade::from_raw(brigade) };
        if held.append_copy(data).is_ok() {
            let no_request = std::ptr::null_mut();
            // SAFETY: a registered name; the filter's state lives as long as the connection.
            unsafe {
                ffi::ap_add_input_filter(NAME.as_ptr(), brigade.cast(), no_request, self.as_ptr())
            };
        }
    }
}

unsafe extern "C" fn replay(
    filter: *mut ffi::ap_filter_t,
    target: *mut ffi::apr_bucket_brigade,
    mode: ffi::ap_input_mode_t,
    block: ffi::apr_read_type_e,
    limit: ffi::apr_off_t,
) -> ffi::apr_status_t {
    // SAFETY: httpd calls with a live filter.
    let ffi::ap_filter_t { ctx, next, c, .. } = unsafe { *filter };
    // SAFETY: the state that `give_back` gave it.
    let held = unsafe { Brigade::from_raw(ctx.cast()) };
    // SAFETY: a live filter's connection.
    let c = unsafe { Connection::from_raw(c) };
    // SAFETY: the caller's brigade.
    let target = unsafe { Brigade::from_raw(target) };
    let pull = |into: &Brigade, mode, block, limit| {
        // SAFETY: the rest of the live chain, and a brigade of its connection.
        Error::check(unsafe { ffi::ap_get_brigade(next, into.as_ptr(), mode, block, limit) })
    };
    let result = guard("the replay of what was read", Err(Error::GENERAL), || {
        // APR leaves an empty rest of what a line has used up: a reader would take it for a line.
        while held.front() == Some(BucketKind::Data) && held.front_length() == Some(0) {
            drop(held.remove_front());
        }
        // It stays where it is: a request that is being read would lose its own filters with it.
        if held.is_empty() || mode == ffi::AP_MODE_INIT {
            return pull(target, mode, block, limit);
        }
        let most = usize::try_from(limit).unwrap_or(0);
        match mode {
            ffi::AP_MODE_GETLINE => held.move_line(target, LINE),
            ffi::AP_MODE_READBYTES => held.move_prefix(target, most).map(drop),
            ffi::AP_MODE_SPECULATIVE => {
                let there = held.data_length();
                if there < most {
                    let (read, now) = (ffi::AP_MODE_READBYTES, ffi::APR_NONBLOCK_READ);
                    // What is held comes first, so an error of the connection shows at the next read.
                    if pull(held, read, now, (most - there) as ffi::apr_off_t).is_ok() {
                        let _ = held.set_aside(c.pool());
                    }
                }
                held.copy_prefix(target, most)
            }
            _ => Err(Error::NOT_IMPLEMENTED),
        }
    });
    Error::code(result)
}
