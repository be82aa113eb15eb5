//! An `async def` connection handler at work: stepped when something came of what it waits for, by
//! the MPM's workers at its begin and end and by the reactor between them; parked meanwhile where the
//! MPM can, else on its thread.
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
use super::duplex::{Input, Lost, Needs};
use super::farewell::Farewell;
use super::pending::{Stepped, stepping};
use super::post::Post;
use super::seat::{Rung, Seat};
use super::speaker::Speaker;
use super::wire::Wire;
use crate::httpd::connection::RequestTimeouts;
use crate::httpd::parking::{self, ClientMark};
use crate::httpd::stand_in::StandIn;
use crate::httpd::{Connection, Status};
use crate::python::meter::Counted;

/// One connection with an `async def` handler.
pub struct Talk {
    c: NonNull<Connection>,
    wire: Box<Wire>,
    speaker: Speaker,
    timeouts: Option<RequestTimeouts>,
    phase: Phase,
    mark: ClientMark,
    post: Post,
    farewell: Farewell,
    /// For mod_status: that it is open.
    _open: Option<Counted>,
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
            post: Post::new(stand_in),
            farewell: Farewell::default(),
            _open: Counted::open(),
        }));
        Self::called(c, seat)
    }

    /// The MPM calls.
    pub fn called(c: &Connection, seat: &Arc<Seat>) -> Status {
        let mut turn = seat.turn();
        let rung = seat.unpark();
        if let Some(talk) = turn.as_mut() {
            talk.post.unpark();
            talk.hear(rung);
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
                    if talk.post.is_resting() {
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
                    talk.post.park(c, seat, needs);
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

    /// The reactor is here, because somebody woke the connection.
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
        if rung.socket {
            talk.post.note(seat);
        }
        if talk.phase == Phase::Closed {
            return;
        }
        if talk.post.must_go_back() {
            return talk.call_mpm(c, seat);
        }
        if !rung.other && !talk.is_concerned(c) {
            return;
        }
        c.set_client_mark(Some(talk.mark));
        let next = talk.go_on(c, seat);
        c.set_client_mark(None);
        match next {
            Next::Waits(needs) => talk.post.wait_for(seat, needs),
            Next::Over | Next::Declined => talk.call_mpm(c, seat),
        }
    }

    fn hear(&self, rung: Rung) {
        let duplex = &self.wire.duplex;
        if rung.ready.ends {
            duplex.expect_end();
        }
        duplex.writable.set(rung.ready.writable);
    }

    fn call_mpm(&self, c: &Connection, seat: &Seat) {
        let declined = self.phase == Phase::Declined;
        self.post.call_mpm(c, seat, declined);
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
            talk.post.unpark();
            talk.hear(rung);
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
            let mut turn = loop {
                match seat.try_turn() {
                    Some(turn) => break Some(turn),
                    None if begin.elapsed() > alarm::GLANCE => break None,
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            if let Some(talk) = turn.as_mut().and_then(|turn| turn.as_mut()) {
                // SAFETY: as in `step`.
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
            Phase::Sending => match self.farewell.send(c, &self.wire) {
                Some(needs) => Next::Waits(needs),
                None => self.leave(c, seat),
            },
            _ => self.leave(c, seat),
        }
    }

    fn leave(&mut self, c: &Connection, seat: &Seat) -> Next {
        self.phase = Phase::Leaving;
        let parks = seat.parks.then_some(&mut self.farewell);
        let needs = parks.and_then(|farewell| farewell.leave(c, &self.wire));
        needs.map_or(Next::Over, Next::Waits)
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
        self.post.give_back();
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
