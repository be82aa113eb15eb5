//! C strings and counted byte ranges, as Rust slices.

use std::ffi::{CStr, c_char};

/// A slice from a C pointer and length; null with length 0 is normal in C and undefined in Rust.
///
/// # Safety
/// A pointer that is not null is valid for `len` bytes for all of `'a`.
pub(in crate::httpd) unsafe fn bytes_of<'a>(pointer: *const c_char, len: usize) -> &'a [u8] {
    if pointer.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(pointer.cast(), len) }
}

/// The bytes of a C string without its NUL; `None` for null.
///
/// # Safety
/// A pointer that is not null is NUL-terminated and unchanged for all of `'a`.
pub(in crate::httpd) unsafe fn c_bytes<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_slices_are_empty() {
        // SAFETY: null with no length is what the helper is for.
        assert_eq!(unsafe { bytes_of(std::ptr::null(), 0) }, b"");
        // SAFETY: a null pointer is never read.
        assert_eq!(unsafe { bytes_of(std::ptr::null(), 3) }, b"");
        // SAFETY: as above.
        assert_eq!(unsafe { c_bytes(std::ptr::null()) }, None);
        // SAFETY: a literal is static.
        assert_eq!(unsafe { c_bytes(c"ab".as_ptr()) }, Some(&b"ab"[..]));
    }
}
