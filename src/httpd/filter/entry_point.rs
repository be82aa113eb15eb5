//! Entry points: the functions that httpd calls for filters of the module. What a filter does stands behind a trait.

use std::ffi::CStr;

use super::{Filter, Mode};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::status::Error;

/// An output filter.
pub(in crate::httpd) trait OutputEntry {
    /// Names the filter in the log entry of a panic.
    const WHAT: &'static str;

    /// Takes a brigade. httpd calls it on the thread that works on the request or connection.
    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error>;
}

/// An input filter.
pub(in crate::httpd) trait InputEntry {
    /// Names the filter in the log entry of a panic.
    const WHAT: &'static str;

    /// Whether it answers a read itself; otherwise the filter below does.
    fn answers(_filter: &Filter, _mode: Mode) -> bool {
        true
    }

    /// Answers a read: appends to `target`. httpd calls it on the thread that works on the request or connection.
    fn give(filter: &Filter, target: &Brigade, mode: Mode, block: bool) -> Result<(), Error>;
}

/// Registers an output filter.
pub(in crate::httpd) fn register_output<E: OutputEntry>(name: &CStr, kind: ffi::ap_filter_type) {
    // SAFETY: called while httpd collects hooks; it copies the name, and the function is static.
    unsafe { ffi::ap_register_output_filter(name.as_ptr(), Some(output::<E>), None, kind) };
}

/// Registers an input filter.
pub(in crate::httpd) fn register_input<E: InputEntry>(name: &CStr, kind: ffi::ap_filter_type) {
    // SAFETY: as above.
    unsafe { ffi::ap_register_input_filter(name.as_ptr(), Some(input::<E>), None, kind) };
}

/// The function of an output filter.
pub(in crate::httpd) unsafe extern "C" fn output<E: OutputEntry>(
    f: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
) -> ffi::apr_status_t {
    // SAFETY: httpd calls with a live filter and brigade.
    let filter = unsafe { Filter::from_raw(f) };
    // SAFETY: as above.
    let brigade = unsafe { Brigade::from_raw(brigade) };
    let result = guard(E::WHAT, Err(Error::GENERAL), || E::take(filter, brigade));
    Error::code(result)
}

/// The function of an input filter.
pub(in crate::httpd) unsafe extern "C" fn input<E: InputEntry>(
    f: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
    mode: ffi::ap_input_mode_t,
    block: ffi::apr_read_type_e,
    limit: ffi::apr_off_t,
) -> ffi::apr_status_t {
    // SAFETY: httpd calls with a live filter.
    let filter = unsafe { Filter::from_raw(f) };
    let read = Mode::of(mode, limit).filter(|read| E::answers(filter, *read));
    let Some(read) = read else {
        // SAFETY: the live chain, and the caller's own arguments.
        return unsafe { ffi::ap_get_brigade(filter.raw().next, brigade, mode, block, limit) };
    };
    // SAFETY: httpd calls with a live brigade.
    let brigade = unsafe { Brigade::from_raw(brigade) };
    let block = block == ffi::APR_BLOCK_READ;
    let result = guard(E::WHAT, Err(Error::GENERAL), || {
        E::give(filter, brigade, read, block)
    });
    Error::code(result)
}
