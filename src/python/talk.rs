//! An `async def` connection handler at work: stepped when something came of what it waits for,
//! on whatever thread of httpd that is; parked in between where the MPM can, else on its thread.
#![expect(
    unsafe_code,
    reason = "a connection between httpd's calls, under its turn"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alarm;
use super::duplex::{Input, Lost, Needs};
use super::meter::Counted;
use super::pending::{Stepped, stepping};
use super::seat::Seat;
use super::speaker::Speaker;
use super::wire::Wire;
use crate::httpd::connection::RequestTimeouts;
use crate::httpd::parking::{self, Sense};
use crate::httpd::{Connection, Status};

/// How long a peer may take to close its side after we have closed ours.
const LEAVE: Duration = Duration::from_secs(2);

/// One connection with an `async def` handler.
pub struct Talk {
    c: NonNull<Connection>,
    wire: Box<Wire>,
    speaker: Speaker,
    timeouts: Option<RequestTimeouts>,
    phase: Phase,
    /// What the MPM was asked to watch.
    sense: Sense,
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
    ) -> Status {
        wire.become_async();
        if seat.parks {
            c.be_patient();
        }
        *seat.turn() = Some(Box::new(Self {
            c: NonNull::from(c),
            wire,
            speaker,
            timeouts,
            phase: Phase::Working,
            sense: Sense::Read,
            _open: Counted::open(),
            parked: None,
        }));
        Self::called(c, seat)
    }

    /// httpd calls: something came of what the connection waits for.
    pub fn called(c: &Connection, seat: &Arc<Seat>) -> Status {
        let mut turn = seat.turn();
        let Some(talk) = turn.as_mut() else {
            return c.linger();
        };
        seat.answer();
        talk.parked = None;
        loop {
            match talk.go_on(c, seat) {
                Next::Over => {
                    seat.set_due(None);
                    return c.linger();
                }
                Next::Declined => {
                    seat.set_due(None);
                    let talk = turn.take();
                    drop(turn);
                    if let Some(mut talk) = talk {
                        talk.leave_to_http(c);
                    }
                    return Status::DECLINED;
                }
                Next::Waits(needs) => {
                    seat.set_due(needs.until);
                    if seat.parks && talk.may_park(c, needs) {
                        talk.sense = needs.sense();
                        watch(c, seat, needs, talk.sense);
                        talk.parked = Counted::parked();
                        return c.park(talk.sense);
                    }
                    let duplex = &talk.wire.duplex;
                    if duplex.input() == Input::Broken && duplex.lost.get().is_none() {
                        duplex.lost.set(Some(Lost::Reset));
                    } else {
                        wait_here(c, seat, needs);
                    }
                }
            }
        }
    }

    /// A worker is here because somebody woke the connection.
    pub fn woken(seat: &Arc<Seat>) {
        let mut turn = loop {
            if !seat.is_called() {
                // Who has the turn has taken this one's errand over.
                return;
            }
            match seat.try_turn() {
                Some(turn) => break turn,
                None => std::thread::sleep(Duration::from_micros(100)),
            }
        };
        seat.answer();
        let Some(talk) = turn.as_mut() else {
            return;
        };
        // SAFETY: the connection's end takes `talk` out from under the turn that we have.
        let c = unsafe { talk.c.as_ref() };
        match talk.go_on(c, seat) {
            Next::Waits(needs) => {
                seat.set_due(needs.until);
                // The MPM goes on watching for what it was asked to.
                watch(c, seat, needs, talk.sense);
            }
            Next::Over if talk.phase == Phase::Leaving => c.end_input(),
            Next::Over => {
                talk.phase = Phase::Leaving;
                match talk.wire.end_output(c) {
                    true => seat.set_due(Instant::now().checked_add(LEAVE)),
                    false => c.end_input(),
                }
            }
            // The next of its input is for HTTP, or its end after some time.
            Next::Declined if talk.is_late(seat) => c.end_input(),
            Next::Declined => {
                seat.set_due(Instant::now().checked_add(c.base_server().timeout()));
            }
        }
    }

    fn is_late(&self, seat: &Seat) -> bool {
        self.phase == Phase::Declined && seat.is_late()
    }

    /// httpd is about to close the connection.
    pub fn closing(c: &Connection, seat: &Arc<Seat>) {
        let mut turn = seat.turn();
        if let Some(talk) = turn.as_mut() {
            let lost = if c.is_aborted() {
                Lost::Reset
            } else if alarm::is_closing() {
                Lost::Stopping
            } else {
                Lost::TimedOut
            };
            talk.finish(c, seat, lost);
        }
        seat.set_due(None);
    }

    /// The child stops at once: ends every connection that waits without a thread.
    pub fn stop_all() {
        for seat in alarm::stop() {
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
                    needs.flush = self.wire.has_unsent(c);
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
            Phase::Sending if self.wire.has_unsent(c) && !alarm::is_over() => Next::Waits(Needs {
                write: true,
                until: Instant::now().checked_add(c.base_server().timeout()),
                ..Needs::default()
            }),
            _ => Next::Over,
        }
    }

    fn stepped(&self, seat: &Arc<Seat>) -> Option<Stepped> {
        Some(Stepped {
            seat: seat.clone(),
            lost: self.wire.duplex.lost.get(),
        })
    }

    /// Whether the connection may wait without a thread. Input that nobody asks for would call it
    /// again and again, so some of it is read; what is more keeps the thread.
    fn may_park(&self, c: &Connection, needs: Needs) -> bool {
        if needs.read || needs.write || needs.flush {
            return true;
        }
        let duplex = &self.wire.duplex;
        // Before HTTP has what was peeked, it could only wait for more.
        let undecided = duplex.is_untouched() && !duplex.unread.borrow().is_empty();
        !undecided && self.wire.read_ahead(c)
    }

    /// Ends a handler that waits: its waits raise, and what it still awaits then closes it.
    fn finish(&mut self, c: &Connection, seat: &Arc<Seat>, lost: Lost) {
        self.wire.duplex.lost.set(Some(lost));
        let stepped = self.stepped(seat);
        let step = || self.speaker.step(c, &self.wire.duplex);
        if self.phase == Phase::Working && stepping(stepped, step).is_none() {
            self.speaker.close(c, &self.wire.duplex);
        }
        self.phase = Phase::Leaving;
        self.wire.send(c);
    }

    /// What was read so far is for HTTP.
    fn leave_to_http(&mut self, c: &Connection) {
        if c.can_park() {
            c.be_impatient();
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
    }
}

/// Waits on this thread.
fn wait_here(c: &Connection, seat: &Seat, needs: Needs) {
    if parking::is_stopping() && !alarm::is_closing() {
        alarm::close(super::call::grace());
    }
    let write = needs.write || needs.flush;
    if !needs.read && !write {
        return seat.hold(needs.until);
    }
    let until = needs
        .until
        .map(|until| until.saturating_duration_since(Instant::now()));
    let time = until.map_or(alarm::GLANCE, |time| time.min(alarm::GLANCE));
    c.wait(needs.read, write, time);
}

/// Has the alarm watch for what the MPM does not.
fn watch(c: &Connection, seat: &Seat, needs: Needs, watched: Sense) {
    if let (Some(sense), Some(descriptor)) = (needs.besides(watched), c.descriptor()) {
        alarm::watch(descriptor, sense, seat.number);
    }
}
