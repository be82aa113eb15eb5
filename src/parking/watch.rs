//! What is watched for a connection that waits without a thread: by the MPM, and by the reactor. All functions
//! are called with the task's turn.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::io_state::Needs;
use super::limits;
use super::task::Task;
use super::timer;
use crate::engine::capacity::Room;
use crate::httpd::Connection;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::connection::parking::Sense;
use crate::metrics::Counted;

/// What is watched for one connection.
pub struct Watch {
    /// What the MPM watches in place of the socket; `None` where connections cannot be parked.
    parked_socket: Option<ParkedSocket>,
    /// When the MPM must get the connection back at the latest: it closes what was parked for a `Timeout`.
    back_by: Option<Instant>,
    /// How many times epoll has reported the socket as ready, up to [`CHATTY`].
    came: u8,
    /// Whether the reactor watches the filters' descriptor.
    is_watched: Cell<bool>,
    /// The count of parked connections for mod_status.
    parked: Option<Counted>,
}

/// From this many reports on, epoll is also asked whether the send buffer has room: the first such report is
/// an event of its own that has no use, so short conversations do without.
const CHATTY: u8 = 4;
/// After so long the MPM is called again for a socket that could get no descriptor.
const RETRY: Duration = Duration::from_millis(100);

/// Who uses the socket of a parked connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketUser {
    /// The steps of its task.
    Steps,
    /// Nobody, until the MPM has called the hook.
    Hook,
}

impl Watch {
    /// A watch for a connection that does not wait yet.
    pub fn new(parked_socket: Option<ParkedSocket>) -> Self {
        Self {
            parked_socket,
            back_by: None,
            came: 0,
            is_watched: Cell::new(false),
            parked: None,
        }
    }

    /// What the MPM watches in place of the socket.
    pub fn socket(&self) -> Option<&ParkedSocket> {
        self.parked_socket.as_ref()
    }

    /// Takes what the MPM watches in place of the socket. Called in a hook of the MPM's, after `leave_reactor`.
    pub fn take_socket(&mut self) -> Option<ParkedSocket> {
        self.parked_socket.take()
    }

    /// Leaves the connection to the MPM, which closes it after `timeout`, and to the reactor, as soon as the hook that is
    /// running has returned.
    pub fn park(&mut self, task: &Task, needs: Needs, timeout: Duration, user: SocketUser) {
        self.parked = Counted::parked();
        self.back_by = Instant::now().checked_add(timeout / 2);
        if let Some(parked_socket) = &self.parked_socket {
            let is_scarce = limits::room(parked_socket.socket()) != Room::Plenty;
            let rests = is_scarce && user == SocketUser::Steps && needs.read && !needs.write;
            let is_stowed =
                is_scarce && user == SocketUser::Hook && self.stow(parked_socket, task, needs);
            if is_stowed {
                // The MPM is called for it as for others.
            } else if !rests && parked_socket.step_in().is_ok() {
                if let Some(reactor) = timer::reactor().filter(|_| !self.is_watched.get()) {
                    reactor.watch(parked_socket.socket(), task.number);
                    self.is_watched.set(true);
                }
            } else {
                self.leave_reactor();
                parked_socket.rest();
                self.back_by = None;
            }
        }
        self.wait_for(task, needs);
        task.park();
    }

    /// Has the connection wait with one descriptor, until the MPM is called. Returns whether it does.
    fn stow(&self, parked_socket: &ParkedSocket, task: &Task, needs: Needs) -> bool {
        let Some(reactor) = timer::reactor() else {
            return false;
        };
        self.leave_reactor();
        let watch = |socket| match needs.write {
            true => reactor.watch_output(socket, task.number),
            false => reactor.watch(socket, task.number),
        };
        parked_socket.stow(watch).is_ok()
    }

    /// The MPM has called `process_connection` again.
    pub fn unpark(&mut self) {
        self.parked = None;
        if let Some(parked_socket) = &self.parked_socket {
            let was_stowed = parked_socket.is_stowed();
            parked_socket.answer();
            if let (true, Some(socket)) = (was_stowed, parked_socket.watched()) {
                if let Some(reactor) = timer::reactor() {
                    reactor.forget(socket);
                }
            }
        }
    }

    /// What the MPM must watch its descriptor for while the connection is parked.
    pub fn sense(&self) -> Sense {
        self.socket().map_or(Sense::Input, ParkedSocket::sense)
    }

    /// Has the reactor step the task when what it needs has come, or at the deadline.
    pub fn wait_for(&self, task: &Task, needs: Needs) {
        let due = needs.until.into_iter().chain(self.back_by).min();
        task.set_due(due);
        if needs.write {
            self.watch_output(task);
        }
    }

    /// epoll has reported the socket as ready: counts that.
    pub fn note(&mut self, task: &Task) {
        if self.came < CHATTY {
            self.came += 1;
            if self.came == CHATTY && !self.is_resting() {
                self.watch_output(task);
            }
        }
    }

    fn watch_output(&self, task: &Task) {
        let own = self.parked_socket.as_ref();
        // One that is stowed is watched for it already.
        let own = own.filter(|parked_socket| !parked_socket.is_stowed());
        if let (Some(parked_socket), Some(reactor)) = (own, timer::reactor()) {
            reactor.watch_output(parked_socket.socket(), task.number);
            self.is_watched.set(true);
        }
    }

    /// Whether the MPM must be called now, since it would close the connection otherwise.
    pub fn must_go_back(&self) -> bool {
        self.back_by
            .is_some_and(|back_by| back_by <= Instant::now())
    }

    /// Whether the MPM watches the socket itself.
    pub fn is_resting(&self) -> bool {
        self.parked_socket
            .as_ref()
            .is_some_and(ParkedSocket::is_resting)
    }

    /// Has the MPM call `process_connection`, for the end of the connection or for HTTP. Returns whether it will; else the
    /// task is stepped again soon.
    pub fn call_mpm(&self, c: &Connection, task: &Task, declined: bool) -> bool {
        let is_late = task.is_late();
        task.set_due(None);
        match &self.parked_socket {
            // The MPM sees what comes next of the socket. HTTP may wait for that, for at most a `Timeout`.
            Some(parked_socket) if parked_socket.is_resting() => match declined && !is_late {
                true => task.set_due(Instant::now().checked_add(c.base_server().timeout())),
                false => c.end_input(),
            },
            Some(parked_socket) if parked_socket.call().is_err() => {
                task.set_due(Instant::now().checked_add(RETRY));
                return false;
            }
            _ => {}
        }
        true
    }

    /// Gives the socket back to the MPM, for HTTP.
    pub fn give_back(&self) {
        self.leave_reactor();
        if let Some(parked_socket) = &self.parked_socket {
            parked_socket.step_back();
        }
    }

    /// Has the reactor watch the socket no more.
    pub fn leave_reactor(&self) {
        if let (Some(parked_socket), Some(reactor)) = (&self.parked_socket, timer::reactor()) {
            if self.is_watched.replace(false) {
                reactor.forget(parked_socket.socket());
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.leave_reactor();
    }
}
