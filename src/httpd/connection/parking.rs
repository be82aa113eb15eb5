//! Parking: a connection that waits without a thread. The event MPM of httpd 2.4.63 and later takes
//! a connection back in the state `ASYNC_WAITIO`, and calls `process_connection` again when its
//! socket is ready. Elsewhere a connection has its thread for all its life.

use std::ffi::c_void;
use std::io;
use std::os::fd::RawFd;
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use super::{Connection, KeepAlive};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::server::process::mpm_query;
use crate::httpd::status::{Error, Status};

/// Whether the MPM parks connections.
pub fn mpm_parks() -> bool {
    mpm_query(ffi::AP_MPMQ_CAN_WAITIO as i32).is_some_and(|answer| answer != 0)
}

/// Whether this child has been told to stop.
pub fn is_stopping() -> bool {
    mpm_query(ffi::AP_MPMQ_MPM_STATE as i32) == Some(ffi::AP_MPMQ_STOPPING as i32)
}

/// The most threads that a child of the MPM has for connections.
pub fn threads_per_child() -> usize {
    let threads = mpm_query(ffi::AP_MPMQ_MAX_THREADS as i32).unwrap_or(1);
    usize::try_from(threads).unwrap_or(0).max(1)
}

/// What the MPM watches the descriptor of a parked connection for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// That it can be read.
    Input,
    /// That it can be written.
    Room,
}

/// The mark by which httpd knows a connection as one of a client. httpd removes it while the connection is parked,
/// and its log would call the client a remote server then.
#[derive(Clone, Copy)]
pub struct ClientMark(*mut c_void);

impl Connection {
    /// The mark of this connection, in a hook of the MPM's.
    pub fn client_mark(&self) -> ClientMark {
        ClientMark(self.raw().sbh)
    }

    /// Sets the mark of this connection, or removes it.
    pub fn set_client_mark(&self, mark: Option<ClientMark>) {
        let mark = mark.map_or(null_mut(), |mark| mark.0);
        // SAFETY: the connection's own handle, which lives as long as it; only its turn's holder.
        unsafe { (*self.as_ptr()).sbh = mark };
    }

    /// Calls `f`, which logs, with the mark of a client's connection, also while the connection is parked. Only its turn's
    /// holder, or a thread that has the lease.
    pub fn marked_while<R>(&self, f: impl FnOnce() -> R) -> R {
        if !self.raw().sbh.is_null() {
            return f();
        }
        // It is only compared with null by who logs.
        self.set_client_mark(Some(ClientMark(NonNull::dangling().as_ptr())));
        let result = f();
        self.set_client_mark(None);
        result
    }

    /// Whether this connection can wait without a thread.
    pub fn can_park(&self) -> bool {
        !self.raw().cs.is_null() && !self.is_stream() && mpm_parks()
    }

    /// Has the MPM call `process_connection` again when what it watches is readable, or writable. Returns what the hook
    /// that runs must return.
    pub fn park(&self, sense: Sense) -> Status {
        let cs = self.raw().cs;
        let sense = match sense {
            Sense::Input => ffi::CONN_SENSE_WANT_READ,
            Sense::Room => ffi::CONN_SENSE_WANT_WRITE,
        };
        // SAFETY: `can_park` found it; this thread runs the connection's hook.
        unsafe { (*cs).sense = sense };
        // SAFETY: as above.
        unsafe { (*cs).state = ffi::CONN_STATE_ASYNC_WAITIO };
        Status::OK
    }

    /// Whether httpd serves its requests one by one in calls that the MPM can go on with. Where a filter holds input
    /// back, it serves all of them in one call, which reads on.
    pub fn is_asynchronous(&self) -> bool {
        self.can_park() && self.raw().clogging_input_filters() == 0
    }

    /// Whether httpd has left the connection to the module that suspended a request of it.
    pub fn is_suspended(&self) -> bool {
        // SAFETY: null, or the MPM's state of a live connection.
        unsafe { self.raw().cs.as_ref() }.is_some_and(|cs| cs.state == ffi::CONN_STATE_SUSPENDED)
    }

    /// Whether httpd keeps the connection alive behind a request that has ended, and nothing is left to be sent or read.
    pub fn is_kept_alive(&self) -> bool {
        // SAFETY: null, or the MPM's state of a live connection.
        let cs = unsafe { self.raw().cs.as_ref() };
        cs.is_some_and(|cs| cs.state == ffi::CONN_STATE_WRITE_COMPLETION)
            && self.keep_alive() == KeepAlive::Keep
            && self.raw().data_in_input_filters == 0
            && self.nudge().is_ok()
            && !self.has_unsent()
            && !self.is_aborted()
    }

    /// Runs the hook `process_connection` once more, within itself. Returns what it returns.
    pub fn process_by_others(&self) -> Status {
        // SAFETY: a live connection, in its hook.
        Status(unsafe { ffi::ap_run_process_connection(self.as_ptr()) })
    }

    /// Has the MPM close the connection in order: it sends the remaining output, shuts our side, and waits a while for
    /// the peer's end. Returns what the hook that runs must return.
    pub fn linger(&self) -> Status {
        // SAFETY: null where the MPM keeps no state, and ends each connection after its hook.
        if let Some(cs) = unsafe { self.raw().cs.as_mut() } {
            cs.state = ffi::CONN_STATE_LINGER;
        }
        Status::OK
    }

    fn socket(&self) -> *mut ffi::apr_socket_t {
        // SAFETY: a live connection.
        unsafe { ffi::ap_get_conn_socket(self.as_ptr()) }
    }

    /// The descriptor of its socket.
    pub fn descriptor(&self) -> Option<RawFd> {
        let socket = self.socket();
        let mut descriptor = -1;
        if !socket.is_null() {
            // SAFETY: the connection's socket; a place for the answer.
            unsafe { ffi::apr_os_sock_get(&raw mut descriptor, socket) };
        }
        (descriptor >= 0).then_some(descriptor)
    }

    /// Waits on this thread until the socket can be read (`read`) or written (`write`), at most for `time`.
    pub fn wait(&self, read: bool, write: bool, time: Duration) {
        // Rounded up: after a wait that is too short the caller would wait once more.
        let time = time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
        let events = if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 };
        self.poll(events, time);
    }

    /// Whether the send buffer of the socket has room.
    pub(in crate::httpd) fn is_writable(&self) -> bool {
        self.poll(libc::POLLOUT, 0) == libc::POLLOUT
    }

    /// Whether the send buffer of the socket has room, or a write finds the connection broken.
    pub fn can_write(&self) -> bool {
        self.poll(libc::POLLOUT, 0) != 0
    }

    /// Whether something has come on the socket, be it its end.
    pub fn has_input(&self) -> bool {
        self.poll(libc::POLLIN, 0) != 0
    }

    fn poll(&self, events: i16, milliseconds: i32) -> i16 {
        let Some(fd) = self.descriptor() else {
            return 0;
        };
        let mut poll = libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        // SAFETY: one entry of ours.
        unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
        poll.revents
    }

    /// Shuts our side while the connection is parked: the peer reads the end of input at once, TLS's own end
    /// included. What the peer does then makes the socket ready.
    pub fn end_output(&self, passing: &Brigade) -> Result<(), Error> {
        // SAFETY: the connection's own list.
        let eoc = unsafe { ffi::ap_bucket_eoc_create(self.bucket_list()) };
        passing.append_raw(eoc);
        let status = self.write(passing);
        self.nudge()?;
        // SAFETY: the connection's socket.
        unsafe { ffi::apr_socket_shutdown(self.socket(), ffi::APR_SHUTDOWN_WRITE) };
        status
    }

    /// Drops what has arrived on the socket, below TLS. Returns whether the end of input has arrived, too.
    pub fn discard_input(&self) -> bool {
        let mut buffer = [0u8; 4096];
        let Some(fd) = self.descriptor() else {
            return true;
        };
        loop {
            let (data, size) = (buffer.as_mut_ptr().cast(), buffer.len());
            // SAFETY: the connection's socket, and a place for that many bytes.
            match unsafe { libc::recv(fd, data, size, libc::MSG_DONTWAIT) } {
                1.. => {}
                0 => return true,
                _ => return io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Shuts the input, so that each read finds its end and the socket stays ready.
    pub fn end_input(&self) {
        // SAFETY: the connection's socket.
        unsafe { ffi::apr_socket_shutdown(self.socket(), ffi::APR_SHUTDOWN_READ) };
    }
}
