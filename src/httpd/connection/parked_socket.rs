//! The parked socket: what the event MPM watches in place of a parked connection's socket, so that the reactor
//! can watch the socket itself.
//!
//! To hand a connection over to the MPM and back for each message costs more than what most protocols
//! do with one, and what the MPM watches for cannot be changed while it has the connection. But the
//! MPM watches the descriptor that it has accepted, whatever that refers to. So httpd's filters get a
//! descriptor of their own for the same socket before they are made, and while we serve the
//! connection the MPM's refers to an event: it is signalled when there is something for the MPM to do.
//! To close one of the two descriptors does not close the other.
//!
//! Where descriptors are short, an idle connection has only one. One whose handler reads rests: the MPM watches its
//! socket. One that nobody uses until the MPM has called the hook is stowed: its socket has no descriptor, and the MPM's
//! refers to the store (`stowed_socket`), which is writable when the socket has been taken out.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::ptr::{NonNull, null_mut};

use super::parking::Sense;
use super::{Connection, poller, stowed_socket};
use crate::httpd::ffi;

/// The parked socket of one connection.
pub struct ParkedSocket {
    /// The MPM's socket object.
    watched: NonNull<ffi::apr_socket_t>,
    /// The filters' socket object.
    pub(in crate::httpd) used: NonNull<ffi::apr_socket_t>,
    socket: Cell<RawFd>,
    descriptors: Cell<Descriptors>,
}

/// What the descriptors of the MPM and of the filters refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Descriptors {
    /// Both refer to the socket, by a descriptor each.
    Separate,
    /// The MPM's descriptor refers to an event, that of the filters to the socket.
    Event,
    /// The MPM and the filters use one descriptor, of the socket.
    Shared,
    /// The MPM's descriptor refers to the store of the socket, which has no other.
    Stowed,
    /// As `Event`, with the store from which the socket was taken in place of the event.
    TakenOut,
}

impl ParkedSocket {
    /// # Safety
    /// `watched` is the socket that the MPM has accepted for this connection.
    pub(in crate::httpd) unsafe fn new(
        c: &Connection,
        watched: *mut ffi::apr_socket_t,
    ) -> Option<Self> {
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
        Some(Self {
            watched,
            used: NonNull::new(used)?,
            socket: Cell::new(socket),
            descriptors: Cell::new(Descriptors::Separate),
        })
    }

    /// The filters' descriptor; -1 while the socket is stowed.
    pub fn socket(&self) -> RawFd {
        self.socket.get()
    }

    /// The MPM's descriptor; `None` once a child that stops has closed it.
    pub fn watched(&self) -> Option<RawFd> {
        descriptor(self.watched)
    }

    /// What the MPM must watch its descriptor for.
    pub fn sense(&self) -> Sense {
        match self.descriptors.get() {
            Descriptors::Stowed | Descriptors::TakenOut => Sense::Room,
            _ => Sense::Input,
        }
    }

    /// Whether the socket is stowed, or was taken out since the MPM has called the hook.
    pub fn is_stowed(&self) -> bool {
        self.sense() == Sense::Room
    }

    /// Whether the MPM and the filters use one descriptor.
    pub fn is_resting(&self) -> bool {
        self.descriptors.get() == Descriptors::Shared
    }

    /// Puts the event in the place of the socket: from now on the MPM does not see input of the connection. Called
    /// in a hook of the MPM's.
    ///
    /// # Errors
    /// There are no more descriptors, or a child that stops has closed the MPM's.
    pub fn step_in(&self) -> io::Result<()> {
        match self.descriptors.get() {
            Descriptors::Separate => {
                let event = poller::event()?;
                poller::replace(self.open()?, event.as_raw_fd());
                self.descriptors.set(Descriptors::Event);
                Ok(())
            }
            Descriptors::Event => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        }
    }

    /// Stows the socket: nobody can use it until the MPM has called the hook. `watch` is given the descriptor by which epoll
    /// can know the socket all the same, and forget it once `answer` was called. Called in a hook of the MPM's.
    ///
    /// # Errors
    /// As those of `stowed_socket::stow`, or a child that stops has closed the MPM's descriptor. All is as it was.
    pub fn stow(&self, watch: impl FnOnce(RawFd)) -> io::Result<()> {
        let (watched, socket) = (self.open()?, self.socket.get());
        let store = stowed_socket::stow(socket)?;
        // epoll knows a socket by the descriptor with which it was added, too: this number stays the connection's.
        poller::replace(watched, socket);
        watch(watched);
        poller::replace(watched, store.as_raw_fd());
        put(self.used, -1);
        poller::close(self.socket.replace(-1));
        self.descriptors.set(Descriptors::Stowed);
        Ok(())
    }

    /// Has the MPM watch the socket, with one descriptor for both. Called in a hook of the MPM's.
    pub fn rest(&self) {
        self.step_back();
        if let Some(watched) = self.watched().filter(|_| !self.is_resting()) {
            put(self.used, watched);
            poller::close(self.socket.replace(watched));
            self.descriptors.set(Descriptors::Shared);
        }
    }

    /// Has the MPM call `process_connection` of the parked connection: signals the event, or takes the socket out. Any
    /// thread.
    ///
    /// # Errors
    /// There is no descriptor for the socket now.
    pub fn call(&self) -> io::Result<()> {
        match (self.descriptors.get(), self.watched()) {
            (Descriptors::Event, Some(watched)) => poller::signal(watched),
            (Descriptors::Stowed, Some(watched)) => self.take_out(watched)?,
            _ => {}
        }
        Ok(())
    }

    fn take_out(&self, store: RawFd) -> io::Result<()> {
        let socket = stowed_socket::take_out(store)?.into_raw_fd();
        put(self.used, socket);
        self.socket.set(socket);
        self.descriptors.set(Descriptors::TakenOut);
        Ok(())
    }

    /// The MPM has called `process_connection`: takes the signal back, and gives each its own descriptor.
    pub fn answer(&self) {
        let Some(watched) = self.watched() else {
            return;
        };
        if self.descriptors.get() == Descriptors::Stowed && self.take_out(watched).is_err() {
            // The MPM closes the connection, and has not been called for it.
            return;
        }
        match self.descriptors.get() {
            Descriptors::Event => poller::reset(watched),
            Descriptors::TakenOut => self.step_back(),
            // Without one more descriptor the connection goes on resting.
            Descriptors::Shared => {
                if let Ok(socket) = poller::duplicate(self.socket.get()) {
                    put(self.used, socket);
                    self.socket.set(socket);
                    self.descriptors.set(Descriptors::Separate);
                }
            }
            _ => {}
        }
    }

    /// Has the MPM's descriptor refer to the socket again. Called in a hook of the MPM's.
    pub fn step_back(&self) {
        let is_replaced = matches!(
            self.descriptors.get(),
            Descriptors::Event | Descriptors::TakenOut
        );
        if let Some(watched) = self.watched().filter(|_| is_replaced) {
            poller::replace(watched, self.socket.get());
            self.descriptors.set(Descriptors::Separate);
        }
    }

    /// The MPM's descriptor.
    fn open(&self) -> io::Result<RawFd> {
        self.watched()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
    }
}

impl Drop for ParkedSocket {
    fn drop(&mut self) {
        if self.is_resting() {
            // The MPM's object closes it.
            put(self.used, -1);
        }
    }
}

fn put(object: NonNull<ffi::apr_socket_t>, descriptor: RawFd) {
    let (mut object, mut descriptor) = (object.as_ptr(), descriptor);
    // SAFETY: a socket object of a live connection; APR copies the number.
    unsafe { ffi::apr_os_sock_put(&raw mut object, &raw mut descriptor, null_mut()) };
}

fn descriptor(socket: NonNull<ffi::apr_socket_t>) -> Option<RawFd> {
    let mut descriptor = -1;
    // SAFETY: a socket object of a live connection; a place for the answer.
    unsafe { ffi::apr_os_sock_get(&raw mut descriptor, socket.as_ptr()) };
    (descriptor >= 0).then_some(descriptor)
}
