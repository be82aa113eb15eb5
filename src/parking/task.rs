//! The task of an async connection. It outlives the connection: a thread that will have an answer for the
//! connection, such as asyncio's, holds the task and wakes it. The thread that steps the task holds its turn.
//!
//! Order of locks (`locks`): first a turn, then Python. Waking a task takes neither; it takes the task's wake
//! state, and then the reactor's queue, for a few instructions each.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Instant;

use super::shutdown;
use super::timer;
use crate::httpd::Connection;
use crate::httpd::connection::poller::Ready;
use crate::httpd::connection::thread_event;
use crate::httpd::connection::thread_event::{SocketChange, ThreadEvent};
use crate::locks::{Guard, Lock};

/// One async connection.
pub struct Task {
    /// The number by which the timer and the reactor find the task.
    pub number: u64,
    /// Whether the connection waits without a thread. Else one thread of httpd has it all the time.
    pub parks: bool,
    /// What the task runs, until it is over. The thread that holds this lock may use httpd's `conn_rec`.
    turn: Lock<Option<Box<dyn Run>>>,
    /// The type of what is run.
    kind: TypeId,
    /// [`Run::step`] of what is run.
    step: fn(&Arc<Self>, &mut NextTask<'_>),
    wake_state: Lock<WakeState>,
}

/// Why a task is stepped.
#[derive(Clone, Copy, Default)]
pub struct Wakeup {
    /// epoll has reported the socket as ready.
    pub socket: bool,
    /// The readiness flags that epoll has reported.
    pub ready: Ready,
    /// Another cause: a deadline, or another thread has called [`Task::wake`].
    pub other: bool,
}

impl Wakeup {
    fn any(self) -> bool {
        self.socket || self.other
    }
}

/// Which thread steps the task next, and why. Any thread locks it, for a few instructions.
#[derive(Default)]
struct WakeState {
    /// The causes that no step has taken yet.
    wakeup: Wakeup,
    /// The connection has no thread: the reactor steps the task.
    parked: bool,
    /// The task stands in the reactor's queue.
    queued: bool,
    /// A thread holds the turn, and looks here again when the turn ends.
    taken: bool,
    /// The event of the thread that waits for the task (`wait`).
    waiter: Option<ThreadEvent>,
    /// When the task must be woken at the latest.
    due: Option<Instant>,
    /// When the timer will look at the task; it is not told again of later times.
    noted: Option<Instant>,
}

impl WakeState {
    fn must_queue(&mut self) -> bool {
        let must = self.wakeup.any() && self.parked && !self.queued && !self.taken;
        self.queued |= must;
        must
    }
}

/// The next task of the reactor's queue, which a step can step, too.
pub type NextTask<'a> = dyn FnMut() -> Option<Arc<Task>> + 'a;

/// What a task runs: the session of a connection, which lives above this layer.
pub trait Run: Any + Send {
    /// Steps the task. Called by a reactor thread without the task's turn; takes it by
    /// [`Task::next_turn`]. May step the tasks that `next` gives as well.
    fn step(task: &Arc<Task>, next: &mut NextTask<'_>)
    where
        Self: Sized;

    /// The connection goes without having been closed by httpd. Called with the turn.
    fn gone(&mut self, task: &Arc<Task>);
}

/// The right to step a connection.
pub struct Turn<'a> {
    run: Guard<'a, Option<Box<dyn Run>>>,
    /// Dropped after the lock was given back.
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

/// Queues the task at the end of a turn, if it was woken meanwhile.
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
    /// A task; `None` if the timer's thread could not be started.
    pub fn new<R: Run>(parks: bool) -> Option<Arc<Self>> {
        timer::enter(|number| {
            Arc::new(Self {
                number,
                parks,
                turn: Lock::turn(None),
                kind: TypeId::of::<R>(),
                step: R::step,
                wake_state: Lock::default(),
            })
        })
    }

    /// The right to step the task. Waits for the thread that has it; must not be called with the GIL.
    pub fn turn(self: &Arc<Self>) -> Turn<'_> {
        self.taken_by(self.turn.lock())
    }

    /// The right to step the task, if no thread has it.
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

    /// The turn for a reactor thread that has taken the task from the queue, and why it was queued. `None`
    /// if another thread has the turn (it queues the task again when it was woken), or if the task is not
    /// parked.
    pub fn next_turn(self: &Arc<Self>) -> Option<(Turn<'_>, Wakeup)> {
        let mut turn = self.try_turn();
        if turn.is_none() {
            self.wake_state().queued = false;
            // The other thread may have looked at the wake state for the last time before that.
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

    /// The connection is over: waits for the turn, drops what the task runs, and forgets the task.
    pub fn leave(self: &Arc<Self>) {
        self.wake_state().parked = false;
        let run = self.turn().run.take();
        if let Some(mut run) = run {
            run.gone(self);
        }
        timer::forget(self.number);
    }

    /// Whether the task runs this type.
    pub fn runs<R: Run>(&self) -> bool {
        self.kind == TypeId::of::<R>()
    }

    /// Steps the task, on a reactor thread, and perhaps some that `next` gives.
    pub fn step(self: &Arc<Self>, next: &mut NextTask<'_>) {
        (self.step)(self, next);
    }

    fn wake_state(&self) -> Guard<'_, WakeState> {
        self.wake_state.lock()
    }

    /// Has the task stepped soon. May be called on any thread, at any time and any number of times; after the
    /// end of the connection it does nothing.
    pub fn wake(self: &Arc<Self>) {
        self.wake_because(|wake_state| wake_state.wakeup.other = true);
    }

    /// Has the task stepped soon, because epoll has reported the socket as ready. Called on reactor threads.
    pub fn socket_ready(self: &Arc<Self>, ready: Ready) {
        self.wake_because(|wake_state| {
            wake_state.wakeup.socket = true;
            wake_state.wakeup.ready.ends |= ready.ends;
            wake_state.wakeup.ready.broken |= ready.broken;
            // The thread that has the turn may fill the send buffer that had room.
            wake_state.wakeup.ready.writable |= ready.writable && !wake_state.taken;
        });
    }

    fn wake_because(self: &Arc<Self>, note: impl FnOnce(&mut WakeState)) {
        let mut wake_state = self.wake_state();
        note(&mut wake_state);
        if let Some(waiter) = wake_state.waiter {
            // With the lock: the waiting thread, whose event it is, takes it before it goes on.
            waiter.ring();
        } else if self.parks && wake_state.must_queue() {
            drop(wake_state);
            timer::enqueue(self.clone());
        }
    }

    /// Leaves the connection without a thread. Called with the turn.
    pub fn park(&self) {
        self.wake_state().parked = true;
    }

    /// The calling thread, which has the turn, is the connection's thread from now on. Returns the causes that no
    /// step has taken.
    pub fn unpark(&self) -> Wakeup {
        let mut wake_state = self.wake_state();
        wake_state.parked = false;
        std::mem::take(&mut wake_state.wakeup)
    }

    /// Sets when the task must be woken at the latest.
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

    /// Whether the time set by `set_due` has passed.
    pub fn is_late(&self) -> bool {
        self.wake_state()
            .due
            .is_some_and(|due| due <= Instant::now())
    }

    /// Wakes the task if its time has come. Called by the timer's thread, with no lock held.
    pub fn is_due(self: &Arc<Self>, now: Instant) {
        let mut wake_state = self.wake_state();
        if wake_state.noted.is_some_and(|noted| noted <= now) {
            wake_state.noted = None;
        }
        match wake_state.due {
            Some(due) if due > now && !shutdown::is_over() => {
                if wake_state.noted.is_none() {
                    wake_state.noted = Some(due);
                    drop(wake_state);
                    timer::note(due, self.number);
                }
            }
            None if !shutdown::is_over() => {}
            _ => {
                drop(wake_state);
                self.wake();
            }
        }
    }

    /// Waits on this thread until the task is woken, until what is `watched` of the connection's socket has happened,
    /// until `until`, or for one poll interval, whichever comes first. Returns why it ended. Called without the turn
    /// and without the GIL.
    pub fn wait(
        &self,
        watched: Option<(&Connection, SocketChange)>,
        until: Option<Instant>,
    ) -> Wakeup {
        let event = ThreadEvent::of_this_thread();
        let now = Instant::now();
        let time = until.map_or(timer::POLL_INTERVAL, |until| {
            until
                .saturating_duration_since(now)
                .min(timer::POLL_INTERVAL)
        });
        let mut wake_state = self.wake_state();
        let mut ready = None;
        if !wake_state.wakeup.any() && !time.is_zero() {
            wake_state.waiter = event;
            drop(wake_state);
            ready = thread_event::wait(event, watched, time);
            wake_state = self.wake_state();
            wake_state.waiter = None;
        }
        let mut wakeup = std::mem::take(&mut wake_state.wakeup);
        drop(wake_state);
        if let Some(event) = event.filter(|_| wakeup.other) {
            event.silence();
        }
        if let Some(ready) = ready {
            wakeup.socket = true;
            wakeup.ready = ready;
        }
        wakeup
    }
}
