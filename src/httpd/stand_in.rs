//! A stand-in: what the event MPM watches in place of a parked connection's socket, so that whoever
//! serves the connection can watch the socket itself.
//!
//! To hand a connection over to the MPM and back for each message costs more than what most protocols
//! do with one, and what the MPM watches for cannot be changed while it has the connection. But the
//! MPM watches the descriptor that it has accepted, whatever that refers to. So httpd's filters get a
//! descriptor of their own for the same socket before they are made, and while we serve the
//! connection the MPM's refers to an event: it is rung when there is something for the MPM to do.
//! Whoever closes one of the two does not close the other.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::{NonNull, null, null_mut};

use super::hooks::{Module, guard};
use super::{Connection, Status, ffi, poller};

/// The stand-in of one connection.
pub struct StandIn {
    /// The MPM's object.
    watched: NonNull<ffi::apr_socket_t>,
    /// The filters' descriptor.
    socket: RawFd,
    event: RefCell<Option<OwnedFd>>,
    stands: Cell<bool>,
}

impl StandIn {
    /// # Safety
    /// `watched` is the socket that the MPM has accepted for this connection.
    unsafe fn new(c: &Connection, watched: *mut ffi::apr_socket_t) -> Option<(Self, Filters)> {
        let watched = NonNull::new(watched)?;
        let mut socket = poller::duplicate(descriptor(watched)?).ok()?;
        // SAFETY: an accepted connection has its address.
        let family = unsafe { (*c.raw().local_addr).family };
        let mut info = ffi::apr_os_sock_info_t {
            os_sock: &raw mut socket,
            local: null_mut(),
            remote: null_mut(),
            family,
            type_: libc::SOCK_STREAM,
            protocol: libc::IPPROTO_TCP,
        };
        let mut used = null_mut();
        // SAFETY: what APR asks for; it copies the values. The pool closes the descriptor.
        unsafe { ffi::apr_os_sock_make(&raw mut used, &raw mut info, c.pool().as_ptr()) };
        let stand_in = Self {
            watched,
            socket,
            event: RefCell::default(),
            stands: Cell::new(false),
        };
        Some((stand_in, Filters(used)))
    }

    /// The connection's own descriptor.
    pub fn socket(&self) -> RawFd {
        self.socket
    }

    /// Gets ready, before a connection is to be parked. Answers the highest of its descriptors.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn prepare(&self) -> io::Result<RawFd> {
        let event = poller::event()?;
        let number = event.as_raw_fd().max(self.socket);
        self.event.replace(Some(event));
        Ok(number)
    }

    /// Takes the socket's place, if it has not yet: the MPM does not see any more what comes of the
    /// connection. Called in its hook.
    pub fn step_in(&self) -> bool {
        let (Some(event), Some(watched)) = (self.event.take(), descriptor(self.watched)) else {
            return false;
        };
        poller::replace(watched, event.as_raw_fd());
        self.stands.set(true);
        true
    }

    /// Has the MPM call `process_connection`, when it has parked the connection. Any thread.
    pub fn call(&self) {
        if let Some(watched) = self.standing() {
            poller::ring(watched);
        }
    }

    /// The MPM has called.
    pub fn answer(&self) {
        if let Some(watched) = self.standing() {
            poller::silence(watched);
        }
    }

    /// Gives the MPM its socket back. Called in its hooks.
    pub fn step_back(&self) {
        if let Some(watched) = self.standing() {
            poller::replace(watched, self.socket);
            self.stands.set(false);
        }
    }

    /// The MPM's descriptor while it is the stand-in's: a child that stops may have closed it.
    fn standing(&self) -> Option<RawFd> {
        descriptor(self.watched).filter(|_| self.stands.get())
    }
}

/// The socket that httpd's filters get.
struct Filters(*mut ffi::apr_socket_t);

fn descriptor(socket: NonNull<ffi::apr_socket_t>) -> Option<RawFd> {
    let mut descriptor = -1;
    // SAFETY: a socket object of a live connection; a place for the answer.
    unsafe { ffi::apr_os_sock_get(&raw mut descriptor, socket.as_ptr()) };
    (descriptor >= 0).then_some(descriptor)
}

/// Registers the hook that makes them: before all others, which get the filters' object.
pub(super) fn register<M: Module>() {
    let none = null::<*const c_char>();
    let first = ffi::APR_HOOK_REALLY_FIRST as c_int;
    // SAFETY: called while httpd collects hooks; the function is static.
    unsafe { ffi::ap_hook_pre_connection(Some(pre_connection::<M>), none, none, first) };
}

unsafe extern "C" fn pre_connection<M: Module>(
    c: *mut ffi::conn_rec,
    socket: *mut c_void,
) -> c_int {
    // SAFETY: httpd calls with a live connection.
    let connection = unsafe { Connection::from_raw(c) };
    let place = guard("pre_connection", None, || M::stand_in(connection));
    let Some(place) = place.filter(|place| place.borrow().is_none()) else {
        return Status::DECLINED.0;
    };
    // SAFETY: the MPM's socket, before any hook has made filters of it.
    let Some((stand_in, filters)) = (unsafe { StandIn::new(connection, socket.cast()) }) else {
        return Status::DECLINED.0;
    };
    place.replace(Some(stand_in));
    // SAFETY: as httpd has called it, with an object for the same socket.
    match unsafe { ffi::ap_run_pre_connection(c, filters.0.cast()) } {
        // The hooks have run: httpd need not call the others again.
        status if status == Status::OK.0 => Status::DONE.0,
        status => status,
    }
}
