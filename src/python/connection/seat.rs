//! The seat of an async connection: what stays when it is parked, and outlives it. Whoever has an
//! answer for a connection holds its seat and wakes it; whoever steps it has its turn.
//!
//! Order of locks (`locks`): first a turn, then Python. Waking takes neither.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use super::alarm;
use super::talk::Talk;
use crate::httpd::poller::Ready;
use crate::locks::{Guard, Lock, Signal};

/// One async connection.
pub struct Seat {
    /// Under which the alarm and the reactor know it.
    pub number: u64,
    /// Whether it waits without a thread.
    pub parks: bool,
    /// The connection itself, until it is over. Whoever has this lock may use httpd's `conn_rec`.
    turn: Lock<Option<Box<Talk>>>,
    bell: Lock<Bell>,
    rung: Signal,
}

/// Why a connection is stepped.
#[derive(Clone, Copy, Default)]
pub struct Rung {
    /// Something came of its socket.
    pub socket: bool,
    /// What was so of that.
    pub ready: Ready,
    /// Something else: a deadline, an answer from elsewhere.
    pub other: bool,
}

impl Rung {
    fn any(self) -> bool {
        self.socket || self.other
    }
}

#[derive(Default)]
struct Bell {
    /// What nobody has heard yet.
    rung: Rung,
    /// It has no thread: the reactor steps it.
    parked: bool,
    /// It stands in the reactor's line.
    queued: bool,
    /// Somebody has its turn, and looks here again at the end of that.
    taken: bool,
    /// A thread waits here.
    held: bool,
    /// When it must be woken at the latest.
    due: Option<Instant>,
    /// When the alarm will ask.
    noted: Option<Instant>,
}

impl Bell {
    fn must_queue(&mut self) -> bool {
        let must = self.rung.any() && self.parked && !self.queued && !self.taken;
        self.queued |= must;
        must
    }
}

/// The right to step a connection.
pub struct Turn<'a> {
    talk: Guard<'a, Option<Box<Talk>>>,
    /// Dropped behind it.
    _end: EndOfTurn<'a>,
}

impl Deref for Turn<'_> {
    type Target = Option<Box<Talk>>;

    fn deref(&self) -> &Self::Target {
        &self.talk
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.talk
    }
}

/// Who rang meanwhile is heard when the turn is over.
struct EndOfTurn<'a>(&'a Arc<Seat>);

impl Drop for EndOfTurn<'_> {
    fn drop(&mut self) {
        let mut bell = self.0.bell();
        bell.taken = false;
        if bell.must_queue() {
            drop(bell);
            alarm::enqueue(self.0.clone());
        }
    }
}

impl Seat {
    /// A seat; `None` where there is no thread for alarms.
    pub fn new(parks: bool) -> Option<Arc<Self>> {
        alarm::enter(|number| {
            Arc::new(Self {
                number,
                parks,
                turn: Lock::turn(None),
                bell: Lock::default(),
                rung: Signal::new(),
            })
        })
    }

    /// The right to step the connection; waits for who has it. Never with the GIL.
    pub fn turn(self: &Arc<Self>) -> Turn<'_> {
        self.taken_by(self.turn.lock())
    }

    /// The same, if nobody has it.
    pub fn try_turn(self: &Arc<Self>) -> Option<Turn<'_>> {
        self.turn.try_lock().map(|talk| self.taken_by(talk))
    }

    fn taken_by<'a>(self: &'a Arc<Self>, talk: Guard<'a, Option<Box<Talk>>>) -> Turn<'a> {
        self.bell().taken = true;
        Turn {
            talk,
            _end: EndOfTurn(self),
        }
    }

    /// The turn of who comes from the reactor's line, and why it stood there. `None`: whoever has
    /// the turn queues it again, if need be.
    pub fn next_turn(self: &Arc<Self>) -> Option<(Turn<'_>, Rung)> {
        let mut turn = self.try_turn();
        if turn.is_none() {
            self.bell().queued = false;
            // Who had it may have looked for the last time before that.
            turn = self.try_turn();
        }
        let turn = turn?;
        let mut bell = self.bell();
        bell.queued = false;
        if !bell.parked {
            return None;
        }
        let rung = std::mem::take(&mut bell.rung);
        drop(bell);
        Some((turn, rung))
    }

    /// The connection is over: waits for who has its turn, and lets go of it.
    pub fn leave(self: &Arc<Self>) {
        self.bell().parked = false;
        let talk = self.turn().take();
        if let Some(mut talk) = talk {
            talk.gone(self);
        }
        alarm::forget(self.number);
    }

    fn bell(&self) -> Guard<'_, Bell> {
        self.bell.lock()
    }

    /// Has the connection stepped soon. Any thread, at any time, as often as one likes; after the
    /// connection's end it does nothing.
    pub fn wake(self: &Arc<Self>) {
        self.ring(|bell| bell.rung.other = true);
    }

    /// The same, because something came of its socket.
    pub fn socket_ready(self: &Arc<Self>, ready: Ready) {
        self.ring(|bell| {
            bell.rung.socket = true;
            bell.rung.ready.ends |= ready.ends;
            // Who has the turn may fill the room that there was.
            bell.rung.ready.writable |= ready.writable && !bell.taken;
        });
    }

    fn ring(self: &Arc<Self>, note: impl FnOnce(&mut Bell)) {
        let mut bell = self.bell();
        note(&mut bell);
        if bell.held || !self.parks {
            self.rung.give_one();
        } else if bell.must_queue() {
            drop(bell);
            alarm::enqueue(self.clone());
        }
    }

    /// Who has the turn leaves the connection without a thread.
    pub fn park(&self) {
        self.bell().parked = true;
    }

    /// Who has the turn is its thread from now on; answers what has rung.
    pub fn unpark(&self) -> Rung {
        let mut bell = self.bell();
        bell.parked = false;
        std::mem::take(&mut bell.rung)
    }

    /// When it must be woken at the latest.
    pub fn set_due(&self, due: Option<Instant>) {
        let mut bell = self.bell();
        bell.due = due;
        let Some(due) = due.filter(|_| self.parks) else {
            return;
        };
        if bell.noted.is_none_or(|noted| due < noted) {
            bell.noted = Some(due);
            drop(bell);
            alarm::note(due, self.number);
        }
    }

    /// Whether its time has passed.
    pub fn is_late(&self) -> bool {
        self.bell().due.is_some_and(|due| due <= Instant::now())
    }

    /// The alarm asks.
    pub fn is_due(self: &Arc<Self>, now: Instant) {
        let mut bell = self.bell();
        if bell.noted.is_some_and(|noted| noted <= now) {
            bell.noted = None;
        }
        match bell.due {
            Some(due) if due > now && !alarm::is_over() => {
                if bell.noted.is_none() {
                    bell.noted = Some(due);
                    drop(bell);
                    alarm::note(due, self.number);
                }
            }
            None if !alarm::is_over() => {}
            _ => {
                drop(bell);
                self.wake();
            }
        }
    }

    /// Waits on this thread until somebody rings, or until then. A glance at the world comes first.
    pub fn hold(&self, until: Option<Instant>) {
        let mut bell = self.bell();
        let until = until
            .into_iter()
            .chain(Instant::now().checked_add(alarm::GLANCE))
            .min();
        let time = until.map_or(alarm::GLANCE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if !bell.rung.any() && !time.is_zero() {
            bell.held = true;
            bell = self.rung.wait_for(bell, time);
        }
        bell.held = false;
        bell.rung = Rung::default();
    }
}
