//! Connections whose handler blocks its thread while it waits for its peer. An MPM with threads that stops at once only
//! closes its descriptors of them, which no waiting thread notices. So each has a second descriptor here, by which the
//! socket is shut then; that of the filters where they have their own, which the MPM does not close.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use super::Connection;
use super::parked_socket::ParkedSocket;
use crate::httpd::server::stop;
use crate::locks::Lock;

/// The sockets, each with its number.
static SOCKETS: Lock<(u64, Vec<(u64, Socket)>)> = Lock::short((0, Vec::new()));

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
}

fn add(socket: Socket) -> Blocking {
    let mut sockets = SOCKETS.lock();
    sockets.0 += 1;
    let number = sockets.0;
    sockets.1.push((number, socket));
    Blocking(Some(number))
}

/// A connection whose handler may block its thread, until this is dropped.
pub struct Blocking(Option<u64>);

impl Connection {
    /// The handler of this connection, which may block its thread, is about to be called. On an MPM without threads,
    /// and where descriptors are short, nothing is done about it.
    pub fn blocks(&self) -> Blocking {
        static HAS_THREADS: OnceLock<bool> = OnceLock::new();
        if !*HAS_THREADS.get_or_init(stop::has_threads) {
            return Blocking(None);
        }
        let Some(descriptor) = self.descriptor() else {
            return Blocking(None);
        };
        // SAFETY: the connection's descriptor, which is open while its handler is called.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let Ok(second) = descriptor.try_clone_to_owned() else {
            return Blocking(None);
        };
        add(Socket::Second(second))
    }
}

impl ParkedSocket {
    /// HTTP is served on the connection of this socket from now on, in a hook that drops the value before it returns.
    pub fn blocks(&self) -> Blocking {
        add(Socket::OfFilters(self.socket()))
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        let Some(number) = self.0 else {
            return;
        };
        let mut sockets = SOCKETS.lock();
        let at = sockets.1.iter().position(|(other, _)| *other == number);
        let socket = at.map(|at| sockets.1.swap_remove(at));
        drop(sockets);
        // Closed without the lock.
        drop(socket);
    }
}

/// Shuts the sockets of all these connections, since the child stops at once.
pub fn shut_all() {
    for (_, socket) in &SOCKETS.lock().1 {
        // SAFETY: an open descriptor.
        unsafe { libc::shutdown(socket.descriptor(), libc::SHUT_RDWR) };
    }
}
