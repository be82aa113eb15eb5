//! Parking: a connection that waits without a thread. The event MPM of httpd 2.4.63 and later takes
//! a connection back in the state `ASYNC_WAITIO`, and calls `process_connection` again when its
//! socket is ready. Elsewhere a connection has its thread for all its life.

use std::ffi::c_void;
use std::io;
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::time::Duration;

use super::Connection;
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

/// How httpd knows a connection as a client's, which it forgets while that is parked. Its log would
/// take the client for a server of ours then.
#[derive(Clone, Copy)]
pub struct ClientMark(*mut c_void);

impl Connection {
    /// Its mark, in the MPM's hooks.
    pub fn client_mark(&self) -> ClientMark {
        ClientMark(self.raw().sbh)
    }

    /// Gives it its mark back, or takes it away.
    pub fn set_client_mark(&self, mark: Option<ClientMark>) {
        let mark = mark.map_or(null_mut(), |mark| mark.0);
        // SAFETY: the connection's own handle, which lives as long as it; only its turn's holder.
        unsafe { (*self.as_ptr()).sbh = mark };
    }

    /// Whether it can wait without a thread.
    pub fn can_park(&self) -> bool {
        !self.raw().cs.is_null() && !self.is_stream() && mpm_parks()
    }

    /// Asks for `process_connection` to be called again when what the MPM watches is readable. The
    /// hook that runs answers what this answers.
    pub fn park(&self) -> Status {
        let cs = self.raw().cs;
        // SAFETY: `can_park` found it; this thread runs the connection's hook.
        unsafe { (*cs).sense = ffi::CONN_SENSE_WANT_READ };
        // SAFETY: as above.
        unsafe { (*cs).state = ffi::CONN_STATE_ASYNC_WAITIO };
        Status::OK
    }

    /// Asks for an orderly end: what is left goes out, then our end of input, then a while for the
    /// peer's. The hook that runs answers what this answers.
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

    /// Waits on this thread until the socket is ready for one of these, at most so long.
    pub fn wait(&self, read: bool, write: bool, time: Duration) {
        // Rounded up: a wait that is over too early is one more turn.
        let time = time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
        let events = if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 };
        self.poll(events, time);
    }

    /// Whether the socket has room for output.
    pub(in crate::httpd) fn is_writable(&self) -> bool {
        self.poll(libc::POLLOUT, 0) == libc::POLLOUT
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

    /// Ends our side while the MPM has the connection parked: the peer sees the end of input at
    /// once, TLS's own included. What the peer does then wakes the connection.
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

    /// Forgets what has come on the socket, TLS's part included. `true`: nothing more comes.
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

    /// Wakes the connection for good: whoever reads finds the end of input.
    pub fn end_input(&self) {
        // SAFETY: the connection's socket.
        unsafe { ffi::apr_socket_shutdown(self.socket(), ffi::APR_SHUTDOWN_READ) };
    }
}
