//! Optional functions by which other C modules run Python (`include/mod_python.h`).

use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute;
use std::ptr::null_mut;

use crate::httpd::connection::Connection;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::server::Server;

/// The implementation of the functions. The pointers are CPython's; null means an error.
pub trait Lender: 'static {
    /// Enters the interpreter of this name, or the main one: `PyInterpreterState *`.
    fn acquire(name: Option<&[u8]>) -> *mut c_void;
    /// Leaves the interpreter that was entered last.
    fn release();
    /// The Python object of a request: a borrowed `PyObject *`.
    fn request(r: &Request) -> *mut c_void;
    /// The Python object of a server: a new reference.
    fn server(s: &'static Server) -> *mut c_void;
    /// The Python object of a connection: a new reference.
    fn connection(c: &Connection) -> *mut c_void;
}

/// Offers the functions; httpd forgets them when it reads its configuration again.
pub fn offer<L: Lender>() {
    let offer = |name: &CStr, function: *const ()| {
        // SAFETY: only kept; its callers know the real type by the header.
        let function = unsafe { transmute::<*const (), unsafe extern "C" fn()>(function) };
        // SAFETY: httpd copies the name.
        unsafe { ffi::apr_dynamic_fn_register(name.as_ptr(), Some(function)) };
    };
    offer(c"mp_acquire_interpreter", acquire::<L> as *const ());
    offer(c"mp_release_interpreter", release::<L> as *const ());
    offer(c"mp_get_request_object", request::<L> as *const ());
    offer(c"mp_get_server_object", server::<L> as *const ());
    offer(c"mp_get_connection_object", connection::<L> as *const ());
}

unsafe extern "C" fn acquire<L: Lender>(name: *const c_char) -> *mut c_void {
    // SAFETY: the header asks for null or a NUL-terminated name.
    let name = unsafe { c_bytes(name) };
    guard("mp_acquire_interpreter", null_mut(), || L::acquire(name))
}

unsafe extern "C" fn release<L: Lender>() {
    guard("mp_release_interpreter", (), L::release);
}

unsafe extern "C" fn request<L: Lender>(r: *mut ffi::request_rec) -> *mut c_void {
    // SAFETY: the header asks for a live request.
    let r = unsafe { Request::from_raw(r) };
    guard("mp_get_request_object", null_mut(), || L::request(r))
}

unsafe extern "C" fn server<L: Lender>(s: *mut ffi::server_rec) -> *mut c_void {
    // SAFETY: servers live as long as the child.
    let s = unsafe { Server::from_raw(s) };
    guard("mp_get_server_object", null_mut(), || L::server(s))
}

unsafe extern "C" fn connection<L: Lender>(c: *mut ffi::conn_rec) -> *mut c_void {
    // SAFETY: the header asks for a live connection.
    let c = unsafe { Connection::from_raw(c) };
    guard("mp_get_connection_object", null_mut(), || L::connection(c))
}
