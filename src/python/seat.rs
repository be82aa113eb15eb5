//! The seat of an async connection: what stays when it is parked, and outlives it. Whoever has an
//! answer for a connection holds its seat and wakes it; whoever steps it holds its turn.
//!
//! Order of locks: first a turn, then the GIL. Waking takes neither.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::alarm;
use super::talk::Talk;
use crate::httpd::door;

/// One async connection.
pub struct Seat {
    /// Under which the alarm knows it.
    pub number: u64,
    /// Whether it waits without a thread.
    pub parks: bool,
    /// The connection itself, until it is over. Whoever has this lock may use httpd's `conn_rec`.
    turn: Mutex<Option<Box<Talk>>>,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Default)]
struct Bell {
    /// Somebody rang, and nobody has heard it yet.
    rung: bool,
    /// A worker is on its way.
    called: bool,
    /// A thread waits here.
    held: bool,
    /// When it must be woken at the latest.
    due: Option<Instant>,
    /// When the alarm will ask.
    noted: Option<Instant>,
}

impl Seat {
    /// A seat; `None` where there is no thread for alarms.
    pub fn new(parks: bool) -> Option<Arc<Self>> {
        alarm::enter(|number| {
            Arc::new(Self {
                number,
                parks,
                turn: Mutex::default(),
                bell: Mutex::default(),
                rung: Condvar::new(),
            })
        })
    }

    /// The right to step the connection; waits for who has it. Never with the GIL.
    pub fn turn(&self) -> MutexGuard<'_, Option<Box<Talk>>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, if nobody has it.
    pub fn try_turn(&self) -> Option<MutexGuard<'_, Option<Box<Talk>>>> {
        match self.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// The connection is over: waits for who has its turn, and lets go of it.
    pub fn leave(&self) {
        self.turn().take();
        alarm::forget(self.number);
    }

    fn bell(&self) -> MutexGuard<'_, Bell> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the connection stepped soon. Any thread, at any time, as often as one likes; after the
    /// connection's end it does nothing.
    pub fn wake(self: &Arc<Self>) {
        let mut bell = self.bell();
        bell.rung = true;
        if bell.held || !self.parks {
            self.rung.notify_one();
        } else if !bell.called {
            bell.called = true;
            drop(bell);
            let seat = self.clone();
            if door::on_worker(move || Talk::woken(&seat)).is_err() {
                self.bell().called = false;
            }
        }
    }

    /// Whether a worker is on its way.
    pub fn is_called(&self) -> bool {
        self.bell().called
    }

    /// Whether its time has passed.
    pub fn is_late(&self) -> bool {
        self.bell().due.is_some_and(|due| due <= Instant::now())
    }

    /// Whoever was called is here.
    pub fn answer(&self) {
        let mut bell = self.bell();
        bell.called = false;
        bell.rung = false;
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
        if !bell.rung && !bell.called && !time.is_zero() {
            bell.held = true;
            let waited = self.rung.wait_timeout(bell, time);
            bell = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        bell.held = false;
        bell.called = false;
        bell.rung = false;
    }
}
