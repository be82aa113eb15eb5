//! Where a connection waits without a thread: what the MPM watches of it, and what the reactor does.

use std::time::Instant;

use super::alarm;
use super::crowd;
use super::duplex::Needs;
use super::seat::Seat;
use crate::engine::capacity::Room;
use crate::httpd::Connection;
use crate::httpd::stand_in::StandIn;
use crate::python::meter::Counted;

/// The post of one connection.
pub struct Post {
    /// What the MPM watches in place of the socket, where connections can be parked.
    stand_in: Option<StandIn>,
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

impl Post {
    /// Nobody waits yet.
    pub fn new(stand_in: Option<StandIn>) -> Self {
        Self {
            stand_in,
            back_by: None,
            came: 0,
            parked: None,
        }
    }

    /// Leaves the connection to the MPM and the reactor, when the hook that runs has returned.
    pub fn park(&mut self, c: &Connection, seat: &Seat, needs: Needs) {
        self.parked = Counted::parked();
        let timeout = c.base_server().timeout();
        self.back_by = Instant::now().checked_add(timeout / 2);
        if let Some(stand_in) = &self.stand_in {
            let only_reads = needs.read && !needs.write;
            let is_scarce = only_reads && crowd::room(stand_in.socket()) != Room::Plenty;
            if !is_scarce && stand_in.step_in().is_ok() {
                if let Some(reactor) = alarm::reactor() {
                    reactor.watch(stand_in.socket(), seat.number);
                }
            } else {
                self.leave_reactor();
                stand_in.rest();
                self.back_by = None;
            }
        }
        self.wait_for(seat, needs);
        seat.park();
    }

    /// The MPM has called.
    pub fn unpark(&mut self) {
        self.parked = None;
        if let Some(stand_in) = &self.stand_in {
            stand_in.answer();
        }
    }

    /// Has the reactor step the connection when there is what it waits for.
    pub fn wait_for(&self, seat: &Seat, needs: Needs) {
        let due = needs.until.into_iter().chain(self.back_by).min();
        seat.set_due(due);
        if needs.write {
            self.watch_output(seat);
        }
    }

    /// Something came of the socket.
    pub fn note(&mut self, seat: &Seat) {
        if self.came < CHATTY {
            self.came += 1;
            if self.came == CHATTY && !self.is_resting() {
                self.watch_output(seat);
            }
        }
    }

    fn watch_output(&self, seat: &Seat) {
        if let (Some(stand_in), Some(reactor)) = (&self.stand_in, alarm::reactor()) {
            reactor.watch_output(stand_in.socket(), seat.number);
        }
    }

    /// Whether the MPM would close the connection before long, because it has seen nothing of it.
    pub fn must_go_back(&self) -> bool {
        self.back_by
            .is_some_and(|back_by| back_by <= Instant::now())
    }

    /// Whether the MPM watches the socket itself.
    pub fn is_resting(&self) -> bool {
        self.stand_in.as_ref().is_some_and(StandIn::is_resting)
    }

    /// Has the MPM call.
    pub fn call_mpm(&self, c: &Connection, seat: &Seat, declined: bool) {
        let is_late = seat.is_late();
        seat.set_due(None);
        match &self.stand_in {
            // The MPM sees what comes next. If that is for HTTP, it may, but not for ever.
            Some(stand_in) if stand_in.is_resting() => match declined && !is_late {
                true => seat.set_due(Instant::now().checked_add(c.base_server().timeout())),
                false => c.end_input(),
            },
            Some(stand_in) => stand_in.call(),
            None => {}
        }
    }

    /// The MPM has the socket again, for HTTP.
    pub fn give_back(&self) {
        self.leave_reactor();
        if let Some(stand_in) = &self.stand_in {
            stand_in.step_back();
        }
    }

    fn leave_reactor(&self) {
        if let (Some(stand_in), Some(reactor)) = (&self.stand_in, alarm::reactor()) {
            reactor.forget(stand_in.socket());
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.leave_reactor();
    }
}
