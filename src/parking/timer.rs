//! The timer of parked connections: one thread in each child wakes their tasks at their deadlines. While no reactor
//! thread is at work, the same thread waits for the reactor's sockets and calls a reactor thread when one of them is
//! ready; while one is, it watches for steps that take long.
//!
//! The lock of the known tasks is held for a few instructions; no task is woken under it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::late_signals;
use super::mpm_calls;
use super::reactor;
use super::reactor::Reactor;
use super::shutdown;
use super::task::{Run, Task};
use crate::engine::deadlines::Deadlines;
use crate::httpd::connection::poller::Poller;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::locks::{Guard, Lock};

/// The stack of the timer's thread, in bytes.
const STACK: usize = 256 * 1024;
/// The number of the reactor's set of sockets in the timer's own set.
const SOCKETS: u64 = 0;
/// The pause after which a reactor thread that could not be started is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// How often a thread that waits for a connection, and has no socket to wait for, looks whether the child stops.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The timer of this child, made when its first connection needs it; the parent has none.
static TIMER: OnceLock<&'static Timer> = OnceLock::new();
/// A timer whose thread could not be started; the next connection tries again.
static IDLE: Lock<Option<&'static Timer>> = Lock::short(None);

/// The timer. Its thread runs `work`; all other methods may be called on any thread.
struct Timer {
    poller: Poller,
    reactor: Reactor,
    known: Lock<Tasks>,
}

/// The tasks of this child, and when each must be woken. Any thread locks them, for a few instructions.
#[derive(Default)]
struct Tasks {
    deadlines: Deadlines,
    tasks: HashMap<u64, Weak<Task>>,
    last: u64,
    /// Whether all tasks were woken because the time of handlers is over.
    all_woken: bool,
}

/// The timer of this child, whose thread is started by the first call. `None` if that failed, which is logged.
fn timer() -> Option<&'static Timer> {
    if let Some(timer) = existing() {
        return Some(timer);
    }
    let mut idle = IDLE.lock();
    // Another thread may have started it meanwhile.
    let started = existing().map_or_else(|| start(&mut idle), Ok);
    drop(idle);
    let failed = |error: std::io::Error| {
        let text = format!("cannot start the thread for the deadlines of connections: {error}");
        server::log(Level::Critical, &text);
    };
    started.map_err(failed).ok()
}

/// Makes the timer and starts its thread. Called with the lock `IDLE`, so by one thread at a time.
fn start(idle: &mut Option<&'static Timer>) -> std::io::Result<&'static Timer> {
    let timer = match *idle {
        Some(timer) => timer,
        None => {
            let made = Timer {
                poller: Poller::new()?,
                reactor: Reactor::new()?,
                known: Lock::default(),
            };
            made.poller.watch_set(made.reactor.sockets(), SOCKETS)?;
            idle.insert(Box::leak(Box::new(made)))
        }
    };
    let builder = thread::Builder::new()
        .name("timer".into())
        .stack_size(STACK);
    builder.spawn(|| timer.work())?;
    Ok(TIMER.get_or_init(|| timer))
}

fn existing() -> Option<&'static Timer> {
    TIMER.get().copied()
}

impl Timer {
    fn known(&self) -> Guard<'_, Tasks> {
        self.known.lock()
    }

    /// The main function of the timer's thread.
    fn work(&'static self) {
        let mut seen = (None, Instant::now());
        let mut tried = Instant::now();
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            let mut known = self.known();
            while let Some(number) = known.deadlines.due(now) {
                due.extend(known.tasks.get(&number).and_then(Weak::upgrade));
            }
            let over = shutdown::over_at().filter(|_| !known.all_woken);
            if over.is_some_and(|over| over <= now) {
                known.all_woken = true;
                due.extend(known.tasks.values().filter_map(Weak::upgrade));
            }
            let over = over.filter(|_| !known.all_woken);
            let next = known.deadlines.next().into_iter().chain(over).min();
            drop(known);
            for task in due {
                task.is_due(now);
            }
            if self.reactor.lacks_thread() && now >= tried + RETRY_INTERVAL {
                tried = now;
                self.reactor.try_again();
            }
            let progress = self.reactor.progress();
            if progress != seen.0 {
                seen = (progress, now);
            }
            let stuck = progress.is_some() && now >= seen.1 + reactor::LONG_STEP;
            if stuck {
                self.help_out();
            }
            let time = next.map(|next| next.saturating_duration_since(Instant::now()));
            let look = self.reactor.has_workers().then_some(reactor::LONG_STEP);
            let again = self.reactor.lacks_thread().then_some(RETRY_INTERVAL);
            let calls = mpm_calls::look(Instant::now());
            let time = [time, look, again, calls].into_iter().flatten().min();
            self.poller.wait(time, |_, _| self.reactor.help(stuck));
        }
    }

    /// All working reactor threads are in long steps: calls another one if tasks are queued, else waits for the sockets
    /// in their place. What they would have told others after their steps is told now.
    fn help_out(&'static self) {
        late_signals::signal_now();
        match self.reactor.has_ready() {
            true => self.reactor.help(true),
            false => self.watch_sockets(),
        }
    }

    /// Has this thread's next wait end, once, when one of the reactor's sockets is ready.
    fn watch_sockets(&self) {
        if let Err(error) = self.poller.watch_set(self.reactor.sockets(), SOCKETS) {
            let text = format!("the sockets of parked connections cannot be watched: {error}");
            server::log(Level::Critical, &text);
        }
    }
}

/// Makes the task of a connection from its number by `make`, under the lock of the known tasks, and returns it.
/// `None` if the timer's thread could not be started.
pub fn enter(make: impl FnOnce(u64) -> Arc<Task>) -> Option<Arc<Task>> {
    let mut known = timer()?.known();
    known.last += 1;
    let task = make(known.last);
    let number = known.last;
    known.tasks.insert(number, Arc::downgrade(&task));
    Some(task)
}

/// Forgets the task of this number.
pub fn forget(number: u64) {
    if let Some(timer) = existing() {
        timer.known().tasks.remove(&number);
    }
}

/// Has the timer's thread call [`Task::is_due`] of task `number` at `when`.
pub fn note(when: Instant, number: u64) {
    let sooner = timer().is_some_and(|timer| timer.known().deadlines.note(when, number));
    if sooner {
        interrupt();
    }
}

/// The reactor of this child; `None` before the first connection needed the timer.
pub fn reactor() -> Option<&'static Reactor> {
    existing().map(|timer| &timer.reactor)
}

/// Queues a task to be stepped by the reactor. Any thread.
pub fn enqueue(task: Arc<Task>) {
    if let Some(reactor) = reactor() {
        reactor.enqueue(task);
    }
}

/// Has the timer's thread wait for the reactor's sockets, and call a reactor thread when one of them is ready. Called
/// by the last reactor thread that stops working.
pub fn watch_sockets() {
    if let Some(timer) = existing() {
        timer.watch_sockets();
    }
}

/// Has the timer's thread look at its deadlines and the reactor again.
pub fn interrupt() {
    if let Some(timer) = existing() {
        timer.poller.interrupt();
    }
}

/// The tasks of these numbers; those that are over are left out.
pub fn tasks<T>(numbers: Vec<(u64, T)>) -> Vec<(Arc<Task>, T)> {
    let Some(timer) = existing() else {
        return Vec::new();
    };
    let known = timer.known();
    let known = |(number, with)| Some((known.tasks.get(&number)?.upgrade()?, with));
    numbers.into_iter().filter_map(known).collect()
}

/// The child stops gracefully: handlers are told, and their waits end when `grace` is over.
pub fn close(grace: Duration) {
    shutdown::begin(grace);
    interrupt();
}

/// The time of handlers is over at once, in a child that stops gracefully already.
pub fn end_waits() {
    shutdown::end();
    wake_all();
}

/// Wakes the tasks of all connections, so that each looks again whether its wait ends.
pub fn wake_all() {
    wake_those(|_| true);
}

/// Wakes the tasks that run this type.
pub fn wake<R: Run>() {
    wake_those(Task::runs::<R>);
}

fn wake_those(which: impl Fn(&Task) -> bool) {
    let tasks = existing().map(|timer| timer.known().tasks.values().cloned().collect::<Vec<_>>());
    let tasks = tasks.into_iter().flatten();
    for task in tasks.filter_map(|task| task.upgrade()) {
        if which(&task) {
            task.wake();
        }
    }
}

/// The child stops at once: calls `end` for all that tasks run of this type without a thread. Called on the child's main
/// thread without the GIL; waits at most [`POLL_INTERVAL`] for a turn that another thread has.
pub fn stop<R: Run>(mut end: impl FnMut(&mut R, &Arc<Task>)) {
    shutdown::end();
    let known = |timer: &Timer| {
        let known = timer.known();
        let tasks = known.tasks.values().filter_map(Weak::upgrade);
        tasks
            .filter(|task| task.parks && task.runs::<R>())
            .collect()
    };
    let tasks: Vec<_> = existing().map(known).unwrap_or_default();
    for task in tasks {
        let begin = Instant::now();
        let mut turn = loop {
            match task.try_turn() {
                Some(turn) => break Some(turn),
                None if begin.elapsed() > POLL_INTERVAL => break None,
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        if let Some(run) = turn.as_mut().and_then(|turn| turn.run::<R>()) {
            end(run, &task);
        }
    }
}
