//! mod_proxy's hook `scheme_handler`. Only there is it known which protocol a request is sent on with: a balancer has
//! chosen its member, and `SetHandler "proxy:…"` has been read.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null;

use super::Module;
use crate::hook_order::Order;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::status::Status;

/// Has the module hooked as soon as all modules are loaded.
pub(in crate::httpd) fn register<M: Module>() {
    let first = Order::First.number();
    // SAFETY: called while httpd collects hooks; the function is static.
    unsafe { ffi::ap_hook_pre_config(Some(pre_config::<M>), null(), null(), first) };
}

unsafe extern "C" fn pre_config<M: Module>(
    _configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
) -> c_int {
    guard("pre_config", (), || {
        // SAFETY: httpd sorts its hooks later; the function is static. Without mod_proxy nothing happens.
        unsafe { ffi::mp_hook_proxy_scheme(Some(scheme::<M>)) };
    });
    Status::OK.0
}

unsafe extern "C" fn scheme<M: Module>(
    r: *mut ffi::request_rec,
    _worker: *mut c_void,
    _configuration: *mut c_void,
    url: *mut c_char,
    _proxy: *const c_char,
    _port: ffi::apr_port_t,
) -> c_int {
    let bad = Status::INTERNAL_SERVER_ERROR;
    let status = guard("the hook of mod_proxy", bad, || {
        // SAFETY: mod_proxy calls with a live request.
        let r = unsafe { Request::from_raw(r) };
        // SAFETY: and a NUL-terminated URL.
        let url = unsafe { c_bytes(url) }.unwrap_or_default();
        M::proxied(r, url)
    });
    status.0
}
