//! The hooks in which a connection's protocol is agreed upon: by TLS (ALPN, RFC 7301) before any data, or by a
//! request with an `Upgrade` field (RFC 9110 §7.8).

use std::ffi::{CStr, c_char, c_int};

use super::Module;
use crate::hook_order::Order;
use crate::httpd::connection::Connection;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::request::Request;
use crate::httpd::server::Server;
use crate::httpd::status::Status;

/// Registers the hooks of a module.
pub(in crate::httpd) fn register<M: Module>() {
    let none = std::ptr::null::<*const c_char>();
    let middle = Order::Middle.number();
    // SAFETY: called while httpd collects hooks.
    unsafe { ffi::ap_hook_protocol_propose(Some(propose::<M>), none, none, middle) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_protocol_switch(Some(switch::<M>), none, none, middle) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_protocol_get(Some(get::<M>), none, none, middle) };
}

/// Proposes those of a peer's protocols that the module can serve. httpd chooses one by `Protocols`.
unsafe extern "C" fn propose<M: Module>(
    c: *mut ffi::conn_rec,
    r: *mut ffi::request_rec,
    s: *mut ffi::server_rec,
    offers: *const ffi::apr_array_header_t,
    proposals: *mut ffi::apr_array_header_t,
) -> c_int {
    // SAFETY: null, or an array of texts that lives through the call.
    let Some(offers) = (unsafe { offers.as_ref() }) else {
        return Status::DECLINED.0;
    };
    // SAFETY: httpd calls with a live connection.
    let c = unsafe { Connection::from_raw(c) };
    // SAFETY: null, or live.
    let r = (!r.is_null()).then(|| unsafe { Request::from_raw(r) });
    // SAFETY: a server of this configuration.
    let server = unsafe { Server::from_raw(s) };
    guard("protocol_propose", Status::DECLINED, || {
        let names: &[*const c_char] = match usize::try_from(offers.nelts) {
            // SAFETY: httpd's array of so many pointers.
            Ok(count) if count > 0 => unsafe {
                std::slice::from_raw_parts(offers.elts.cast(), count)
            },
            _ => &[],
        };
        // SAFETY: NUL-terminated.
        let names = names.iter().filter_map(|name| unsafe { c_bytes(*name) });
        let names: Vec<&[u8]> = names.collect();
        let proposed = M::propose_protocols(c, r, server, &names);
        for name in &proposed {
            let name = c.pool().copy_text(name.to_bytes());
            // SAFETY: httpd's array of texts.
            let place: *mut *const c_char = unsafe { ffi::apr_array_push(proposals) }.cast();
            // SAFETY: a place for one of them.
            unsafe { place.write(name) };
        }
        match proposed.is_empty() {
            true => Status::DECLINED,
            false => Status::OK,
        }
    })
    .0
}

unsafe extern "C" fn switch<M: Module>(
    c: *mut ffi::conn_rec,
    r: *mut ffi::request_rec,
    s: *mut ffi::server_rec,
    protocol: *const c_char,
) -> c_int {
    // SAFETY: httpd calls with a live connection.
    let c = unsafe { Connection::from_raw(c) };
    // SAFETY: null, or live.
    let r = (!r.is_null()).then(|| unsafe { Request::from_raw(r) });
    // SAFETY: a text.
    let name = unsafe { c_bytes(protocol) }.unwrap_or_default();
    // SAFETY: null, or a server of this configuration.
    let server = (!s.is_null()).then(|| unsafe { Server::from_raw(s) });
    let server = server.unwrap_or_else(|| c.base_server());
    guard("protocol_switch", Status::INTERNAL_SERVER_ERROR, || {
        M::switch_protocol(c, r, server, name)
    })
    .0
}

unsafe extern "C" fn get<M: Module>(c: *const ffi::conn_rec) -> *const c_char {
    // SAFETY: httpd calls with a live connection.
    let c = unsafe { Connection::from_raw(c.cast_mut()) };
    guard("protocol_get", std::ptr::null(), || {
        M::protocol(c).map_or(std::ptr::null(), CStr::as_ptr)
    })
}

/// The protocol of a parked connection, for the MPM.
const PARKED: &CStr = c"mod_python";

/// The hook in which a protocol says that it knows its name: that one is known here. Outside of `guard`: it compares
/// two texts, which cannot panic.
pub(in crate::httpd) unsafe extern "C" fn switched(
    _c: *mut ffi::conn_rec,
    _r: *mut ffi::request_rec,
    _s: *mut ffi::server_rec,
    protocol: *const c_char,
) -> c_int {
    // SAFETY: httpd calls with a text.
    match unsafe { c_bytes(protocol) } == Some(PARKED.to_bytes()) {
        true => Status::OK.0,
        false => Status::DECLINED.0,
    }
}

impl Server {
    /// Whether `Protocols` names a protocol.
    pub fn allows_protocol(&self, name: &CStr) -> bool {
        let (no_connection, no_request) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: with a server, httpd asks for neither of the other two.
        let allowed = unsafe {
            ffi::ap_is_allowed_protocol(no_connection, no_request, self.as_ptr(), name.as_ptr())
        };
        allowed != 0
    }
}

impl Connection {
    /// The name of the connection's protocol: `http/1.1` unless another one was agreed upon.
    pub fn protocol(&self) -> Option<&[u8]> {
        // SAFETY: a live connection; the answer lives as long as it.
        let name = unsafe { ffi::ap_get_protocol(self.as_ptr()) };
        // SAFETY: null or NUL-terminated.
        unsafe { c_bytes(name) }
    }

    /// From now on the MPM closes the parked connection after the `Timeout` of its virtual host. Before, it takes that
    /// of the main server: for HTTP, the virtual host's is used only when a request is read.
    pub fn use_own_timeout(&self) {
        let (no_request, server) = (std::ptr::null_mut(), self.base_server().as_ptr());
        // SAFETY: a live connection and server; `switched` knows the name, and the MPM listens in.
        unsafe { ffi::ap_switch_protocol(self.as_ptr(), no_request, server, PARKED.as_ptr()) };
    }

    /// From now on the connection belongs to this virtual host: its log, its settings, its `Timeout`.
    pub fn belong_to(&self, server: &Server) {
        // SAFETY: httpd looks for another one only when it reads a request.
        unsafe { (*self.as_ptr()).base_server = server.as_ptr() };
        // SAFETY: a live connection.
        let socket = unsafe { ffi::ap_get_conn_socket(self.as_ptr()) };
        if !socket.is_null() {
            // SAFETY: the connection's own.
            unsafe { ffi::apr_socket_timeout_set(socket, server.raw().timeout) };
        }
    }
}

impl Request {
    /// Whether the request's headers announce a body.
    pub fn announces_body(&self) -> bool {
        let headers = self.headers_in();
        let length = headers.get(c"Content-Length");
        let is_empty = |length: &[u8]| length == b"0";
        length.is_some_and(|length| !is_empty(length))
            || headers.get(c"Transfer-Encoding").is_some()
    }

    /// Removes HTTP's filters: what follows on the connection is of another protocol.
    pub fn leave_http(&self) {
        let c = self.connection().raw();
        let r = self.as_ptr();
        // SAFETY: the connection's live chain; the request's is not read or written any more.
        unsafe { (*r).input_filters = c.input_filters };
        // SAFETY: as above.
        unsafe { (*r).proto_input_filters = c.input_filters };
        // SAFETY: as above.
        unsafe { (*r).output_filters = c.output_filters };
        // SAFETY: as above.
        unsafe { (*r).proto_output_filters = c.output_filters };
    }
}
