//! Where a connection waits without a thread: what the MPM watches of it, and what the reactor does.

use std::time::Instant;

use super::io_state::Needs;
use super::limits;
use super::task::Task;
use super::timer;
use crate::engine::capacity::Room;
use crate::httpd::Connection;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::metrics::Counted;

/// The watch of one connection.
pub struct Watch {
    /// What the MPM watches in place of the socket, where connections can be parked.
    parked_socket: Option<ParkedSocket>,
    /// When the MPM must have been shown that the connection is in use.
    back_by: Option<Instant>,
    /// How often something came of the socket.
    came: u8,
    /// For mod_status.
    parked: Option<Counted>,
}

/// From this many messages on, each tells whether there is room for the answer: the first such look is
/// an event of its own, in vain.
const CHATTY: u8 = 4;

impl Watch {
    /// Nobody waits yet.
    pub fn new(parked_socket: Option<ParkedSocket>) -> Self {
        Self {
            parked_socket,
            back_by: None,
            came: 0,
            parked: None,
        }
    }

    /// Leaves the connection to the MPM and the reactor, when the hook that runs has returned.
    pub fn park(&mut self, c: &Connection, task: &Task, needs: Needs) {
        self.parked = Counted::parked();
        let timeout = c.base_server().timeout();
        self.back_by = Instant::now().checked_add(timeout / 2);
        if let Some(parked_socket) = &self.parked_socket {
            let only_reads = needs.read && !needs.write;
            let is_scarce = only_reads && limits::room(parked_socket.socket()) != Room::Plenty;
            if !is_scarce && parked_socket.step_in().is_ok() {
                if let Some(reactor) = timer::reactor() {
                    reactor.watch(parked_socket.socket(), task.number);
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

    /// The MPM has called.
    pub fn unpark(&mut self) {
        self.parked = None;
        if let Some(parked_socket) = &self.parked_socket {
            parked_socket.answer();
        }
    }

    /// Has the reactor step the connection when there is what it waits for.
    pub fn wait_for(&self, task: &Task, needs: Needs) {
        let due = needs.until.into_iter().chain(self.back_by).min();
        task.set_due(due);
        if needs.write {
            self.watch_output(task);
        }
    }

    /// Something came of the socket.
    pub fn note(&mut self, task: &Task) {
        if self.came < CHATTY {
            self.came += 1;
            if self.came == CHATTY && !self.is_resting() {
                self.watch_output(task);
            }
        }
    }

    fn watch_output(&self, task: &Task) {
        if let (Some(parked_socket), Some(reactor)) = (&self.parked_socket, timer::reactor()) {
            reactor.watch_output(parked_socket.socket(), task.number);
        }
    }

    /// Whether the MPM would close the connection before long, because it has seen nothing of it.
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

    /// Has the MPM call.
    pub fn call_mpm(&self, c: &Connection, task: &Task, declined: bool) {
        let is_late = task.is_late();
        task.set_due(None);
        match &self.parked_socket {
            // The MPM sees what comes next. If that is for HTTP, it may, but not for ever.
            Some(parked_socket) if parked_socket.is_resting() => match declined && !is_late {
                true => task.set_due(Instant::now().checked_add(c.base_server().timeout())),
                false => c.end_input(),
            },
            Some(parked_socket) => parked_socket.call(),
            None => {}
        }
    }

    /// The MPM has the socket again, for HTTP.
    pub fn give_back(&self) {
        self.leave_reactor();
        if let Some(parked_socket) = &self.parked_socket {
            parked_socket.step_back();
        }
    }

    fn leave_reactor(&self) {
        if let (Some(parked_socket), Some(reactor)) = (&self.parked_socket, timer::reactor()) {
            reactor.forget(parked_socket.socket());
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.leave_reactor();
    }
}
