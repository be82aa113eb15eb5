//! Arrays of strings: httpd's `apr_array_header_t` of `char *`.

use std::ffi::c_char;

use super::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// The strings of an array, in order.
///
/// # Safety
/// Null, or an array of NUL-terminated strings (or nulls, which are left out) that live for `'a`.
pub(in crate::httpd) unsafe fn strings<'a>(array: *const ffi::apr_array_header_t) -> Vec<&'a [u8]> {
    // SAFETY: the caller's promise.
    let Some(array) = (unsafe { array.as_ref() }) else {
        return Vec::new();
    };
    let items = array.elts.cast::<*const c_char>();
    (0..usize::try_from(array.nelts).unwrap_or(0))
        .filter_map(|index| {
            // SAFETY: below the number of elements.
            let item = unsafe { items.add(index) };
            // SAFETY: as above.
            let item = unsafe { *item };
            // SAFETY: the caller's promise.
            unsafe { c_bytes(item) }
        })
        .collect()
}

/// A new array in the pool, with copies of the strings. A NUL byte ends a string.
pub(in crate::httpd) fn make(pool: &Pool, strings: &[Vec<u8>]) -> *mut ffi::apr_array_header_t {
    let size = size_of::<*const c_char>() as i32;
    // SAFETY: a live pool; APR aborts rather than answer null.
    let array = unsafe { ffi::apr_array_make(pool.as_ptr(), strings.len().max(1) as i32, size) };
    for string in strings {
        // SAFETY: the array grows by one element of `size` bytes.
        let place = unsafe { ffi::apr_array_push(array) }.cast::<*mut c_char>();
        // SAFETY: the place for that element.
        unsafe { place.write(pool.copy_text(string)) };
    }
    array
}
