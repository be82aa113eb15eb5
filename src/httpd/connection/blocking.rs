//! Connections whose handler blocks its thread while it waits for its peer. An MPM with threads that stops at once only
//! closes its descriptors of them, which no waiting thread notices; one that stops gracefully waits for them. So each has
//! a second descriptor here, by which the socket is shut then; that of the filters where they have their own, which the
//! MPM does not close.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use super::Connection;
use super::bytes_moved::bytes_moved;
use super::parked_socket::ParkedSocket;
use crate::httpd::server::stop;
use crate::locks::Lock;

/// The sockets, and the number of the last one.
static SOCKETS: Lock<(u64, Vec<BlockedSocket>)> = Lock::short((0, Vec::new()));

struct BlockedSocket {
    number: u64,
    socket: Socket,
    /// Whether a request reads or writes by it once, and it is here for that time.
    is_once: bool,
}

/// A descriptor of a connection's socket, which is open while it stands in the list.
enum Socket {
    Second(OwnedFd),
    OfFilters(RawFd),
}

impl Socket {
    fn descriptor(&self) -> RawFd {
        match self {
            Self::Second(socket) => socket.as_raw_fd(),
            Self::OfFilters(socket) => *socket,
        }
    }

    fn shut(&self) {
        // SAFETY: an open descriptor.
        unsafe { libc::shutdown(self.descriptor(), libc::SHUT_RDWR) };
    }
}

fn add(socket: Socket, is_once: bool) -> Blocking {
    let mut sockets = SOCKETS.lock();
    sockets.0 += 1;
    let number = sockets.0;
    sockets.1.push(BlockedSocket {
        number,
        socket,
        is_once,
    });
    Blocking(Some(number))
}

/// Whether this is a descriptor of filters that is open until the hook has returned in which it is used.
fn is_of_filters(descriptor: RawFd) -> bool {
    let is =
        |entry: &BlockedSocket| matches!(entry.socket, Socket::OfFilters(own) if own == descriptor);
    SOCKETS.lock().1.iter().any(is)
}

/// A connection whose handler may block its thread, until this is dropped.
pub struct Blocking(Option<u64>);

impl Connection {
    /// The handler of this connection, which may block its thread, is about to be called. On an MPM without threads,
    /// and where descriptors are short, nothing is done about it.
    pub fn blocks(&self) -> Blocking {
        static HAS_THREADS: OnceLock<bool> = OnceLock::new();
        match *HAS_THREADS.get_or_init(stop::has_threads) {
            true => self.add_second(false),
            false => Blocking(None),
        }
    }

    /// A request of this connection is about to read or write, and may block its thread by that. Nothing is done about
    /// a stream of HTTP/2, which has no socket of its own.
    pub fn blocks_once(&self) -> Blocking {
        match self.is_stream() {
            true => Blocking(None),
            false => self.add_second(true),
        }
    }

    fn add_second(&self, is_once: bool) -> Blocking {
        let Some(descriptor) = self.descriptor() else {
            return Blocking(None);
        };
        if is_once && is_of_filters(descriptor) {
            return add(Socket::OfFilters(descriptor), true);
        }
        // SAFETY: the connection's descriptor, which is open while its handler is called.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let Ok(second) = descriptor.try_clone_to_owned() else {
            return Blocking(None);
        };
        add(Socket::Second(second), is_once)
    }
}

impl ParkedSocket {
    /// HTTP is served on the connection of this socket from now on, in a hook that drops the value before it returns.
    pub fn blocks(&self) -> Blocking {
        match self.is_resting() {
            // The MPM may close the one descriptor.
            true => Blocking(None),
            false => add(Socket::OfFilters(self.socket()), false),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        let Some(number) = self.0 else {
            return;
        };
        let mut sockets = SOCKETS.lock();
        let at = sockets.1.iter().position(|entry| entry.number == number);
        let socket = at.map(|at| sockets.1.swap_remove(at));
        drop(sockets);
        // Closed without the lock.
        drop(socket);
    }
}

/// Shuts the sockets of all these connections, since the child stops at once.
pub fn shut_all() {
    for entry in &SOCKETS.lock().1 {
        entry.socket.shut();
    }
}

/// Shuts the sockets of requests that are stuck. The function is given the number of what may block, and how many bytes
/// the peer has taken and sent so far.
pub fn shut_requests(mut is_stuck: impl FnMut(u64, u64) -> bool) {
    for entry in SOCKETS.lock().1.iter().filter(|entry| entry.is_once) {
        let moved = bytes_moved(entry.socket.descriptor()).unwrap_or_default();
        if is_stuck(entry.number, moved) {
            entry.socket.shut();
        }
    }
}
