//! Safe words for httpd's nouns: the only place that speaks to its C API. Knows no Python.
//!
//! Each type wraps the C struct of its name as *shared* memory (`UnsafeCell`): httpd and other
//! modules hold the same pointers, so there is never a `&mut`. References are made by the
//! trampolines in [`hooks`], [`config`] and [`filter`], and live as long as httpd's call.

pub mod address;
mod array;
mod behind;
mod breaking;
pub mod brigade;
pub mod bucket;
mod calls;
mod challenge;
pub mod config;
pub mod connection;
pub mod constants;
mod content;
mod credentials;
mod data;
mod ending;
pub mod entries;
mod environment;
pub mod exports;
mod ffi;
mod fields;
pub mod file;
pub mod fileinfo;
pub mod filter;
pub mod fork;
mod frame;
mod framing;
pub mod head;
pub mod held;
mod hook_list;
pub mod hooks;
mod htaccess;
mod incoming;
pub mod input;
pub mod inquiry;
pub mod length;
pub mod listener;
pub mod log;
pub mod loose;
mod methods;
pub mod mutex;
pub mod now;
pub mod originals;
mod outgoing;
pub mod output;
pub mod parking;
mod part;
mod pattern;
pub mod phases;
pub mod poller;
pub mod pool;
pub mod process;
mod protocols;
mod queue;
mod replay;
mod representation;
pub mod request;
pub mod server;
pub mod shared;
pub mod ssi;
pub mod stand_in;
pub mod status;
pub mod stop;
pub mod stream;
pub mod table;
mod tls;
pub mod url;

pub use brigade::Brigade;
pub use connection::Connection;
pub use filter::Filter;
pub use pool::Pool;
pub use request::Request;
pub use server::Server;
pub use status::{Error, Status};
pub use table::Table;

use std::ffi::{CStr, c_char};

/// A slice from a C pointer and length; null with length 0 is normal in C and undefined in Rust.
///
/// # Safety
/// A pointer that is not null is valid for `len` bytes for all of `'a`.
unsafe fn bytes_of<'a>(pointer: *const c_char, len: usize) -> &'a [u8] {
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
unsafe fn c_bytes<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// Whether httpd has a status line for this code.
fn is_known_response(code: i32) -> bool {
    // SAFETY: a pure look-up in a static table.
    let index = unsafe { ffi::ap_index_of_response(code) };
    // SAFETY: as above.
    code == 500 || index != unsafe { ffi::ap_index_of_response(500) }
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
