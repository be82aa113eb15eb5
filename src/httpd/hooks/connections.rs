//! The hooks about connections: `pre_connection`, `process_connection`, `pre_close_connection`.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null;

use super::Module;
use crate::hook_order::Order;
use crate::httpd::connection::Connection;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::server::{fork, stop};
use crate::httpd::status::Status;

/// Registers the hooks about connections. The one that makes parked sockets comes before all others, which
/// get the filters' socket object.
pub(in crate::httpd) fn register<M: Module>() {
    let none = null::<*const c_char>();
    let (first, middle) = (Order::First.number(), Order::Middle.number());
    let before_all = Order::ReallyFirst.number();
    // SAFETY: called while httpd collects hooks; the function is static.
    unsafe { ffi::ap_hook_pre_connection(Some(make_parked_socket::<M>), none, none, before_all) };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_pre_connection(Some(pre_connection::<M>), none, none, middle) };
    let itk = [c"mpm_itk.c".as_ptr(), null()];
    // SAFETY: as above; httpd sorts the hooks after this, but keeps the list, which lives as long as the process.
    unsafe {
        ffi::ap_hook_process_connection(
            Some(before_fork),
            none,
            Box::leak(Box::new(itk)).as_ptr(),
            before_all,
        )
    };
    // SAFETY: as above.
    unsafe { ffi::ap_hook_pre_close_connection(Some(pre_close::<M>), none, none, first) };
}

unsafe extern "C" fn make_parked_socket<M: Module>(
    c: *mut ffi::conn_rec,
    socket: *mut c_void,
) -> c_int {
    // SAFETY: httpd calls with a live connection.
    let connection = unsafe { Connection::from_raw(c) };
    guard("pre_connection", Status::DECLINED, || {
        let Some(place) = M::parked_socket(connection).filter(|place| place.borrow().is_none())
        else {
            return Status::DECLINED;
        };
        // SAFETY: the MPM's socket, before any hook has made filters of it.
        let parked_socket = unsafe { ParkedSocket::new(connection, socket.cast()) };
        let Some(parked_socket) = parked_socket else {
            return Status::DECLINED;
        };
        let used = parked_socket.used;
        place.replace(Some(parked_socket));
        // SAFETY: as httpd has called it, with an object for the same socket.
        match Status(unsafe { ffi::ap_run_pre_connection(c, used.as_ptr().cast()) }) {
            // The hooks have run: httpd need not call the others again.
            Status::OK => Status::DONE,
            status => status,
        }
    })
    .0
}

unsafe extern "C" fn pre_connection<M: Module>(
    c: *mut ffi::conn_rec,
    socket: *mut c_void,
) -> c_int {
    // SAFETY: httpd calls with a live connection.
    let c = unsafe { Connection::from_raw(c) };
    guard("pre_connection", (), || {
        if !c.is_stream() && !c.is_outgoing() {
            stop::serves(socket.cast());
        }
        M::pre_connection(c);
    });
    Status::OK.0
}

/// The hook before that of mpm-itk, which forks a process for the connection.
unsafe extern "C" fn before_fork(_c: *mut ffi::conn_rec) -> c_int {
    guard("process_connection", (), fork::is_to_serve);
    Status::DECLINED.0
}

pub(in crate::httpd) unsafe extern "C" fn process_connection<M: Module>(
    c: *mut ffi::conn_rec,
) -> c_int {
    // SAFETY: httpd calls with a live connection.
    let c = unsafe { Connection::from_raw(c) };
    guard("process_connection", Status::DONE, || {
        M::process_connection(c)
    })
    .0
}

unsafe extern "C" fn pre_close<M: Module>(c: *mut ffi::conn_rec) -> c_int {
    // SAFETY: httpd calls with a live connection.
    let c = unsafe { Connection::from_raw(c) };
    guard("pre_close_connection", (), || M::pre_close_connection(c));
    Status::OK.0
}
