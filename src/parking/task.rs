//! The task of an async connection: what stays when it is parked, and outlives it. Whoever has an
//! answer for a connection holds its task and wakes it; whoever steps it has its turn.
//!
//! Order of locks (`locks`): first a turn, then Python. Waking takes neither.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use super::timer;
use crate::httpd::connection::poller::Ready;
use crate::locks::{Guard, Lock, Signal};

/// One async connection.
pub struct Task {
    /// Under which the timer and the reactor know it.
    pub number: u64,
    /// Whether it waits without a thread.
    pub parks: bool,
    /// The connection itself, until it is over. Whoever has this lock may use httpd's `conn_rec`.
    turn: Lock<Option<Box<dyn Run>>>,
    /// [`Run::step`] of what is run.
    step: fn(&Arc<Self>),
    wake_state: Lock<WakeState>,
    wakeup: Signal,
}

/// Why a connection is stepped.
#[derive(Clone, Copy, Default)]
pub struct Wakeup {
    /// Something came of its socket.
    pub socket: bool,
    /// What was so of that.
    pub ready: Ready,
    /// Something else: a deadline, an answer from elsewhere.
    pub other: bool,
}

impl Wakeup {
    fn any(self) -> bool {
        self.socket || self.other
    }
}

#[derive(Default)]
struct WakeState {
    /// What nobody has heard yet.
    wakeup: Wakeup,
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
    /// When the timer will ask.
    noted: Option<Instant>,
}

impl WakeState {
    fn must_queue(&mut self) -> bool {
        let must = self.wakeup.any() && self.parked && !self.queued && !self.taken;
        self.queued |= must;
        must
    }
}

/// What a task runs: the session of a connection, which lives above this layer.
pub trait Run: Any + Send {
    /// Steps the task. Called by a reactor thread without the task's turn; takes it by
    /// [`Task::next_turn`].
    fn step(task: &Arc<Task>)
    where
        Self: Sized;

    /// The connection goes without having been closed by httpd. Called with the turn.
    fn gone(&mut self, task: &Arc<Task>);
}

/// The right to step a connection.
pub struct Turn<'a> {
    run: Guard<'a, Option<Box<dyn Run>>>,
    /// Dropped behind it.
    _end: EndOfTurn<'a>,
}

impl Turn<'_> {
    /// Gives the task what it runs.
    pub fn begin<R: Run>(&mut self, run: R) {
        *self.run = Some(Box::new(run));
    }

    /// What the task runs; `None` when that is over.
    pub fn run<R: Run>(&mut self) -> Option<&mut R> {
        let run: &mut dyn Any = self.run.as_deref_mut()?;
        run.downcast_mut()
    }

    /// Takes what the task runs: the task is over.
    pub fn take<R: Run>(&mut self) -> Option<Box<R>> {
        let run: Box<dyn Any> = self.run.take()?;
        run.downcast().ok()
    }
}

/// Who rang meanwhile is heard when the turn is over.
struct EndOfTurn<'a>(&'a Arc<Task>);

impl Drop for EndOfTurn<'_> {
    fn drop(&mut self) {
        let mut wake_state = self.0.wake_state();
        wake_state.taken = false;
        if wake_state.must_queue() {
            drop(wake_state);
            timer::enqueue(self.0.clone());
        }
    }
}

impl Task {
    /// A task; `None` where there is no thread for timers.
    pub fn new<R: Run>(parks: bool) -> Option<Arc<Self>> {
        timer::enter(|number| {
            Arc::new(Self {
                number,
                parks,
                turn: Lock::turn(None),
                step: R::step,
                wake_state: Lock::default(),
                wakeup: Signal::new(),
            })
        })
    }

    /// The right to step the connection; waits for who has it. Never with the GIL.
    pub fn turn(self: &Arc<Self>) -> Turn<'_> {
        self.taken_by(self.turn.lock())
    }

    /// The same, if nobody has it.
    pub fn try_turn(self: &Arc<Self>) -> Option<Turn<'_>> {
        self.turn.try_lock().map(|run| self.taken_by(run))
    }

    fn taken_by<'a>(self: &'a Arc<Self>, run: Guard<'a, Option<Box<dyn Run>>>) -> Turn<'a> {
        self.wake_state().taken = true;
        Turn {
            run,
            _end: EndOfTurn(self),
        }
    }

    /// The turn of who comes from the reactor's line, and why it stood there. `None`: whoever has
    /// the turn queues it again, if need be.
    pub fn next_turn(self: &Arc<Self>) -> Option<(Turn<'_>, Wakeup)> {
        let mut turn = self.try_turn();
        if turn.is_none() {
            self.wake_state().queued = false;
            // Who had it may have looked for the last time before that.
            turn = self.try_turn();
        }
        let turn = turn?;
        let mut wake_state = self.wake_state();
        wake_state.queued = false;
        if !wake_state.parked {
            return None;
        }
        let wakeup = std::mem::take(&mut wake_state.wakeup);
        drop(wake_state);
        Some((turn, wakeup))
    }

    /// The connection is over: waits for who has its turn, and lets go of it.
    pub fn leave(self: &Arc<Self>) {
        self.wake_state().parked = false;
        let run = self.turn().run.take();
        if let Some(mut run) = run {
            run.gone(self);
        }
        timer::forget(self.number);
    }

    /// Steps the task, on a reactor thread.
    pub fn step(self: &Arc<Self>) {
        (self.step)(self);
    }

    fn wake_state(&self) -> Guard<'_, WakeState> {
        self.wake_state.lock()
    }

    /// Has the connection stepped soon. Any thread, at any time, as often as one likes; after the
    /// connection's end it does nothing.
    pub fn wake(self: &Arc<Self>) {
        self.ring(|wake_state| wake_state.wakeup.other = true);
    }

    /// The same, because something came of its socket.
    pub fn socket_ready(self: &Arc<Self>, ready: Ready) {
        self.ring(|wake_state| {
            wake_state.wakeup.socket = true;
            wake_state.wakeup.ready.ends |= ready.ends;
            // Who has the turn may fill the room that there was.
            wake_state.wakeup.ready.writable |= ready.writable && !wake_state.taken;
        });
    }

    fn ring(self: &Arc<Self>, note: impl FnOnce(&mut WakeState)) {
        let mut wake_state = self.wake_state();
        note(&mut wake_state);
        if wake_state.held || !self.parks {
            self.wakeup.give_one();
        } else if wake_state.must_queue() {
            drop(wake_state);
            timer::enqueue(self.clone());
        }
    }

    /// Who has the turn leaves the connection without a thread.
    pub fn park(&self) {
        self.wake_state().parked = true;
    }

    /// Who has the turn is its thread from now on; answers what has wakeup.
    pub fn unpark(&self) -> Wakeup {
        let mut wake_state = self.wake_state();
        wake_state.parked = false;
        std::mem::take(&mut wake_state.wakeup)
    }

    /// When it must be woken at the latest.
    pub fn set_due(&self, due: Option<Instant>) {
        let mut wake_state = self.wake_state();
        wake_state.due = due;
        let Some(due) = due.filter(|_| self.parks) else {
            return;
        };
        if wake_state.noted.is_none_or(|noted| due < noted) {
            wake_state.noted = Some(due);
            drop(wake_state);
            timer::note(due, self.number);
        }
    }

    /// Whether its time has passed.
    pub fn is_late(&self) -> bool {
        self.wake_state()
            .due
            .is_some_and(|due| due <= Instant::now())
    }

    /// The timer asks.
    pub fn is_due(self: &Arc<Self>, now: Instant) {
        let mut wake_state = self.wake_state();
        if wake_state.noted.is_some_and(|noted| noted <= now) {
            wake_state.noted = None;
        }
        match wake_state.due {
            Some(due) if due > now && !timer::is_over() => {
                if wake_state.noted.is_none() {
                    wake_state.noted = Some(due);
                    drop(wake_state);
                    timer::note(due, self.number);
                }
            }
            None if !timer::is_over() => {}
            _ => {
                drop(wake_state);
                self.wake();
            }
        }
    }

    /// Waits on this thread until somebody rings, or until then. A glance at the world comes first.
    pub fn hold(&self, until: Option<Instant>) {
        let mut wake_state = self.wake_state();
        let until = until
            .into_iter()
            .chain(Instant::now().checked_add(timer::POLL_INTERVAL))
            .min();
        let time = until.map_or(timer::POLL_INTERVAL, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if !wake_state.wakeup.any() && !time.is_zero() {
            wake_state.held = true;
            wake_state = self.wakeup.wait_for(wake_state, time);
        }
        wake_state.held = false;
        wake_state.wakeup = Wakeup::default();
    }
}
