//! An `async def` connection handler at work: stepped when something came of what it waits for,
//! on whatever thread of httpd that is; parked in between where the MPM can, else on its thread.
//!
//! The MPM has a parked connection, but sees none of its socket: the reactor steps it. Only what is
//! for the MPM to do goes back there: the end, and what HTTP takes over. And since it closes what
//! is parked for a `Timeout`, each connection is shown to it before that.
#![expect(
    unsafe_code,
    reason = "a connection between httpd's calls, under its turn"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alarm;
use super::crowd;
use super::duplex::{Input, Lost, Needs};
use super::pending::{Stepped, stepping};
use super::seat::{Rung, Seat};
use super::speaker::Speaker;
use super::wire::Wire;
use crate::engine::capacity::Room;
use crate::httpd::connection::RequestTimeouts;
use crate::httpd::parking::{self, ClientMark};
use crate::httpd::stand_in::StandIn;
use crate::httpd::{Connection, Status};
use crate::python::meter::Counted;

/// How long a peer may take to close its side after we have closed ours: as long as httpd waits.
const LEAVE: Duration = Duration::from_secs(30);
/// The same while the child stops gracefully.
const HURRY: Duration = Duration::from_secs(2);

/// One connection with an `async def` handler.
pub struct Talk {
    c: NonNull<Connection>,
    wire: Box<Wire>,
    speaker: Speaker,
    timeouts: Option<RequestTimeouts>,
    phase: Phase,
    mark: ClientMark,
    /// What the MPM watches while the connection is parked.
    stand_in: Option<StandIn>,
    /// When the MPM must have been shown that the connection is in use.
    back_by: Option<Instant>,
    /// When the peer last took some of what the handler left behind, and how much that still was.
    rest: Option<(Instant, usize)>,
    /// When our side was closed.
    left: Option<Instant>,
    /// For mod_status: that it is open, and whether it is parked.
    _open: Option<Counted>,
    parked: Option<Counted>,
}

// SAFETY: what it refers to of httpd is used only by who has the seat's turn, and the connection's
// end takes it out of there.
unsafe impl Send for Talk {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The handler is at work.
    Working,
    /// It is done; the rest of its output goes out.
    Sending,
    /// All is sent and our side closed; the peer's end is awaited.
    Leaving,
    /// It is the MPM's.
    Closed,
    /// The handler left the connection to HTTP.
    Declined,
}

/// What comes next.
enum Next {
    Waits(Needs),
    Over,
    Declined,
}

impl Talk {
    /// Begins with the handler of a connection.
    pub fn begin(
        c: &Connection,
        seat: &Arc<Seat>,
        wire: Box<Wire>,
        speaker: Speaker,
        timeouts: Option<RequestTimeouts>,
        stand_in: Option<StandIn>,
    ) -> Status {
        wire.become_async();
        if seat.parks {
            c.use_own_timeout();
        }
        *seat.turn() = Some(Box::new(Self {
            c: NonNull::from(c),
            wire,
            speaker,
            timeouts,
            phase: Phase::Working,
            mark: c.client_mark(),
            stand_in,
            back_by: None,
            rest: None,
            left: None,
            _open: Counted::open(),
            parked: None,
        }));
        Self::called(c, seat)
    }

    /// The MPM calls.
    pub fn called(c: &Connection, seat: &Arc<Seat>) -> Status {
        let mut turn = seat.turn();
        let rung = seat.unpark();
        if let Some(talk) = turn.as_mut() {
            talk.unpark(rung);
            c.set_client_mark(Some(talk.mark));
        }
        loop {
            let Some(talk) = turn.as_mut() else {
                return c.linger();
            };
            match talk.go_on(c, seat) {
                Next::Over => {
                    talk.phase = Phase::Closed;
                    seat.set_due(None);
                    return c.linger();
                }
                Next::Declined => {
                    seat.set_due(None);
                    if talk.stand_in.as_ref().is_some_and(StandIn::is_resting) {
                        // HTTP would have a descriptor that closes with us.
                        return c.linger();
                    }
                    let talk = turn.take();
                    drop(turn);
                    if let Some(mut talk) = talk {
                        talk.leave_to_http(c);
                    }
                    return Status::DECLINED;
                }
                Next::Waits(needs) if seat.parks => {
                    talk.park(c, seat, needs);
                    return c.park();
                }
                Next::Waits(needs) => {
                    let duplex = &talk.wire.duplex;
                    if duplex.input() == Input::Broken && duplex.lost.get().is_none() {
                        duplex.lost.set(Some(Lost::broken(c)));
                    } else {
                        // Nobody else wants the turn but the end of a child, on this thread.
                        drop(turn);
                        wait_here(c, seat, needs);
                        turn = seat.turn();
                    }
                }
            }
        }
    }

    /// The reactor's worker is here, because somebody woke the connection.
    pub fn step(seat: &Arc<Seat>) {
        let Some((mut turn, rung)) = seat.next_turn() else {
            return;
        };
        let Some(talk) = turn.as_mut() else {
            return;
        };
        // SAFETY: the connection's end takes `talk` out from under the turn that we have.
        let c = unsafe { talk.c.as_ref() };
        talk.hear(rung);
        if talk.phase == Phase::Closed {
            return;
        }
        if talk.must_go_back() {
            return talk.call_mpm(c, seat);
        }
        if !rung.other && !talk.is_concerned(c) {
            return;
        }
        c.set_client_mark(Some(talk.mark));
        let next = talk.go_on(c, seat);
        c.set_client_mark(None);
        match next {
            Next::Waits(needs) => talk.wait_for(seat, needs),
            Next::Over | Next::Declined => talk.call_mpm(c, seat),
        }
    }

    fn hear(&self, rung: Rung) {
        if rung.ends {
            self.wire.duplex.expect_end();
        }
    }

    fn must_go_back(&self) -> bool {
        self.back_by
            .is_some_and(|back_by| back_by <= Instant::now())
    }

    /// Leaves the connection to the MPM and the reactor, when the hook that runs has returned.
    fn park(&mut self, c: &Connection, seat: &Seat, needs: Needs) {
        self.parked = Counted::parked();
        let timeout = c.base_server().timeout();
        self.back_by = Instant::now().checked_add(timeout / 2);
        if let Some(stand_in) = &self.stand_in {
            let only_reads = needs.read && !needs.write;
            let is_scarce = only_reads && crowd::room(stand_in.socket()) != Room::Plenty;
            if is_scarce || !stand(stand_in, seat) {
                leave_reactor(stand_in);
                stand_in.rest();
                self.back_by = None;
            }
        }
        self.wait_for(seat, needs);
        seat.park();
    }

    /// The MPM has called.
    fn unpark(&mut self, rung: Rung) {
        self.parked = None;
        self.hear(rung);
        if let Some(stand_in) = &self.stand_in {
            stand_in.answer();
        }
    }

    /// Has the MPM call.
    fn call_mpm(&self, c: &Connection, seat: &Seat) {
        let is_late = seat.is_late();
        seat.set_due(None);
        match &self.stand_in {
            // The MPM watches the socket. What comes next of it is for HTTP, but not for ever.
            Some(stand_in) if stand_in.is_resting() => {
                match self.phase == Phase::Declined && !is_late {
                    true => seat.set_due(Instant::now().checked_add(c.base_server().timeout())),
                    false => c.end_input(),
                }
            }
            Some(stand_in) => stand_in.call(),
            None => {}
        }
    }

    /// Has the reactor step the connection when there is what it waits for.
    fn wait_for(&self, seat: &Seat, needs: Needs) {
        let due = needs.until.into_iter().chain(self.back_by).min();
        seat.set_due(due);
        if let (true, Some(stand_in), Some(reactor)) =
            (needs.write, &self.stand_in, alarm::reactor())
        {
            reactor.watch_output(stand_in.socket(), seat.number);
        }
    }

    /// Whether what comes of the socket is awaited. Some of what is not is read, to see the end.
    fn is_concerned(&self, c: &Connection) -> bool {
        let needs = self.wire.duplex.needs.get();
        if self.phase != Phase::Working || needs.read || needs.write || self.wire.has_unsent(c) {
            return true;
        }
        self.wire.look_again();
        self.wire.read_ahead(c);
        let duplex = &self.wire.duplex;
        let broken = duplex.input() == Input::Broken && duplex.lost.get().is_none();
        if broken {
            duplex.lost.set(Some(Lost::broken(c)));
        }
        broken
    }

    /// httpd is about to close the connection.
    pub fn closing(c: &Connection, seat: &Arc<Seat>) {
        let mut turn = seat.turn();
        let rung = seat.unpark();
        if let Some(talk) = turn.as_mut() {
            talk.unpark(rung);
            let lost = if c.is_aborted() {
                Lost::broken(c)
            } else if alarm::is_closing() {
                Lost::Stopping
            } else {
                Lost::TimedOut
            };
            talk.finish(c, seat, lost);
            seat.set_due(None);
        }
    }

    /// The connection goes without a word of httpd's that it is about to be closed: its socket failed
    /// the MPM, or the child ends.
    pub fn gone(&mut self, seat: &Arc<Seat>) {
        // SAFETY: its pool is about to go.
        let c = unsafe { self.c.as_ref() };
        let lost = match parking::is_stopping() {
            true => Lost::Stopping,
            false => Lost::broken(c),
        };
        self.finish(c, seat, lost);
    }

    /// The child stops at once: ends every connection that waits without a thread.
    pub fn stop_all() {
        // Those that keep a thread are told there.
        for seat in alarm::stop().into_iter().filter(|seat| seat.parks) {
            let begin = Instant::now();
            let turn = loop {
                match seat.try_turn() {
                    Some(turn) => break Some(turn),
                    None if begin.elapsed() > alarm::GLANCE => break None,
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            let mut turn = turn;
            if let Some(talk) = turn.as_mut().and_then(|turn| turn.as_mut()) {
                // SAFETY: as in `woken`.
                let c = unsafe { talk.c.as_ref() };
                talk.finish(c, &seat, Lost::Stopping);
            }
        }
    }

    /// Steps the handler as far as it goes, and sends what it wrote.
    fn go_on(&mut self, c: &Connection, seat: &Arc<Seat>) -> Next {
        self.wire.look_again();
        if self.phase == Phase::Working {
            let done = stepping(self.stepped(seat), || {
                self.speaker.step(c, &self.wire.duplex)
            });
            self.wire.send(c);
            match done {
                None => {
                    let mut needs = self.wire.duplex.needs.get();
                    needs.write |= self.wire.has_unsent(c);
                    return Next::Waits(needs);
                }
                Some(Status::DECLINED) => self.phase = Phase::Declined,
                Some(_) => self.phase = Phase::Sending,
            }
        } else {
            self.wire.send(c);
        }
        match self.phase {
            Phase::Declined => Next::Declined,
            Phase::Sending => self.send_rest(c, seat),
            _ => self.leave(c, seat),
        }
    }

    /// What the handler has written goes out, while the peer takes some of it in a `Timeout`.
    fn send_rest(&mut self, c: &Connection, seat: &Seat) -> Next {
        if !self.wire.has_unsent(c) || alarm::is_over() {
            return self.leave(c, seat);
        }
        let now = Instant::now();
        let queued = self.wire.duplex.queued();
        let (since, before) = *self.rest.get_or_insert((now, queued));
        let since = if queued < before { now } else { since };
        self.rest = Some((since, queued));
        let until = since + c.base_server().timeout();
        if until <= now {
            c.abort();
            return Next::Over;
        }
        Next::Waits(Needs {
            write: true,
            until: Some(until),
            ..Needs::default()
        })
    }

    /// Ends our side, and waits for the peer's, as httpd does: who closes before that takes from the
    /// peer what it has not read yet. The MPM, which cannot see the peer's end, closes then.
    fn leave(&mut self, c: &Connection, seat: &Seat) -> Next {
        if !seat.parks {
            return Next::Over;
        }
        let now = Instant::now();
        let begun = *self.left.get_or_insert(now);
        if self.phase != Phase::Leaving {
            self.phase = Phase::Leaving;
            self.wire.end_output(c);
            self.wire.duplex.unread.take();
        }
        let time = if alarm::is_closing() { HURRY } else { LEAVE };
        let until = begun + time;
        if c.discard_input() {
            return Next::Over;
        }
        if until <= now {
            c.abort();
            return Next::Over;
        }
        Next::Waits(Needs {
            read: true,
            until: Some(until),
            ..Needs::default()
        })
    }

    fn stepped(&self, seat: &Arc<Seat>) -> Option<Stepped> {
        Some(Stepped {
            seat: seat.clone(),
            lost: self.wire.duplex.lost.get(),
        })
    }

    /// Ends a handler that waits: its waits raise, and what it still awaits then closes it.
    fn finish(&mut self, c: &Connection, seat: &Arc<Seat>, lost: Lost) {
        if self.phase != Phase::Working {
            // A worker may be closing it at this moment.
            return;
        }
        self.wire.duplex.lost.set(Some(lost));
        let stepped = self.stepped(seat);
        let step = || self.speaker.step(c, &self.wire.duplex);
        if stepping(stepped, step).is_none() {
            self.speaker.close(c, &self.wire.duplex);
        }
        self.phase = Phase::Closed;
        self.wire.send(c);
    }

    /// What was read so far is for HTTP.
    fn leave_to_http(&mut self, c: &Connection) {
        if let Some(stand_in) = &self.stand_in {
            leave_reactor(stand_in);
            stand_in.step_back();
        }
        let unread = self.wire.duplex.unread.take();
        c.give_back(unread.bytes());
        if let Some(timeouts) = self.timeouts.take() {
            c.take_request_timeouts(timeouts);
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // SAFETY: dropped before its connection's pool is.
        let c = unsafe { self.c.as_ref() };
        self.speaker.close(c, &self.wire.duplex);
        if let Some(stand_in) = &self.stand_in {
            leave_reactor(stand_in);
        }
    }
}

/// The MPM watches an event from now on, and the reactor the socket. `false`: that cannot be.
fn stand(stand_in: &StandIn, seat: &Seat) -> bool {
    let stands = stand_in.step_in().is_ok();
    if let (true, Some(reactor)) = (stands, alarm::reactor()) {
        reactor.watch(stand_in.socket(), seat.number);
    }
    stands
}

fn leave_reactor(stand_in: &StandIn) {
    if let Some(reactor) = alarm::reactor() {
        reactor.forget(stand_in.socket());
    }
}

/// Waits on this thread.
fn wait_here(c: &Connection, seat: &Seat, needs: Needs) {
    if parking::is_stopping() && !alarm::is_closing() {
        alarm::close(super::call::grace());
    }
    if !needs.read && !needs.write {
        return seat.hold(needs.until);
    }
    let until = needs
        .until
        .map(|until| until.saturating_duration_since(Instant::now()));
    let time = until.map_or(alarm::GLANCE, |time| time.min(alarm::GLANCE));
    c.wait(needs.read, needs.write, time);
}
