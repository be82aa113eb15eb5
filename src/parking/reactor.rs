//! The reactor steps the tasks of parked connections: tasks whose socket epoll has reported as ready, and tasks that
//! another thread has woken (`Task::wake`), in the order in which that happened. One thread steps all of them, so that
//! under load no thread is woken for each message and none waits for the GIL. While a step takes long, further threads
//! help, at most `ThreadsPerChild` of them.
//!
//! These threads are not the MPM's. The MPM can run a job on one of its workers, but counts the worker as idle
//! meanwhile, and hands connections to workers that are busy.
//!
//! The queue's lock is held for a few instructions, never while a task is stepped.

use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::task::Task;
use super::timer;
use crate::httpd::connection::parking::threads_per_child;
use crate::httpd::connection::poller::{Poller, Ready};
use crate::httpd::guard::guard;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::locks::{Guard, Lock, Signal};

/// How long a reactor thread with an empty queue waits in epoll before it rests. An event within that time is handled
/// by the thread that waits, and wakes no other.
const LINGER: Duration = Duration::from_millis(10);
/// A step that takes longer than this is long: another thread steps the other tasks meanwhile.
pub const LONG_STEP: Duration = Duration::from_millis(5);

/// The tasks that are to be stepped, and the threads that step them.
pub struct Reactor {
    /// The sockets of all parked connections.
    sockets: Poller,
    /// The queue and its threads. Any thread locks it, for a few instructions, with or without a turn or the GIL.
    line: Lock<TaskQueue>,
    /// Given to a resting thread that is called to work; goes with `line`.
    call: Signal,
    /// How many steps were taken; the timer's thread compares it to see whether a step takes long.
    steps: AtomicUsize,
}

/// The queue, and the threads that work on it.
#[derive(Default)]
struct TaskQueue {
    /// The tasks to step, the next one first.
    ready: VecDeque<Arc<Task>>,
    /// How many threads are at work, or have been called to work.
    workers: usize,
    /// How many of them are in a long step.
    stuck: usize,
    /// How many threads rest.
    resting: usize,
    /// How many of those have been called to work.
    called: usize,
    /// Whether one of the threads waits in epoll.
    polls: bool,
    /// Whether a thread that was called for could not be started: the timer's thread tries again.
    lacks_thread: bool,
}

impl TaskQueue {
    /// One of the working threads stops working.
    fn leave(&mut self) {
        self.workers -= 1;
        // A thread that was taken for stuck may only have been waiting for a processor.
        self.stuck = self.stuck.min(self.workers);
    }
}

impl Reactor {
    /// A reactor that has no threads yet.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            sockets: Poller::new()?,
            line: Lock::default(),
            call: Signal::new(),
            steps: AtomicUsize::new(0),
        })
    }

    fn line(&self) -> Guard<'_, TaskQueue> {
        self.line.lock()
    }

    /// The set of watched sockets, which the timer's thread waits for while no reactor thread is at work.
    pub fn sockets(&self) -> &Poller {
        &self.sockets
    }

    /// Has epoll report when the socket can be read; then task `number` is stepped. An error is logged.
    pub fn watch(&self, socket: RawFd, number: u64) {
        told(self.sockets.watch(socket, number));
    }

    /// As `watch`, and also reports when the socket's send buffer has room.
    pub fn watch_output(&self, socket: RawFd, number: u64) {
        told(self.sockets.watch_output(socket, number));
    }

    /// Removes a socket from the set of watched ones.
    pub fn forget(&self, socket: RawFd) {
        self.sockets.forget(socket);
    }

    /// Queues a task to be stepped. Called on any thread; the task's wake state sees to it that it is queued once.
    pub fn enqueue(&'static self, task: Arc<Task>) {
        let mut line = self.line();
        line.ready.push_back(task);
        if line.workers == 0 {
            self.call_worker(line);
        } else if line.polls {
            drop(line);
            self.sockets.interrupt();
        }
    }

    /// Calls a thread if none is at work, or if all that are at work are in long steps (`stuck`). Called by the timer's
    /// thread, with no lock held.
    pub fn help(&'static self, stuck: bool) {
        let mut line = self.line();
        if stuck {
            line.stuck = line.workers;
        }
        if line.workers <= line.stuck && line.workers < threads_per_child() {
            self.call_worker(line);
        }
    }

    /// Tries again to start a thread that could not be started, if it is still needed. Called by the timer's thread,
    /// with no lock held.
    pub fn try_again(&'static self) {
        let mut line = self.line();
        match line.workers > line.stuck {
            true => line.lacks_thread = false,
            false => self.call_worker(line),
        }
    }

    /// Wakes a resting thread, or starts one. Gives the lock back before a thread is started.
    fn call_worker(&'static self, mut line: Guard<'_, TaskQueue>) {
        line.workers += 1;
        let rests = line.resting > line.called;
        if rests {
            line.lacks_thread = false;
            line.called += 1;
            self.call.give_one();
        }
        drop(line);
        if !rests {
            let thread = thread::Builder::new().name("reactor".into());
            let started = thread.spawn(|| self.live());
            self.note_start(started.err());
        }
        // The timer's thread watches for long steps, and for a thread that did not start.
        timer::interrupt();
    }

    /// Notes whether a thread could be started. The first of several failures in a row is logged.
    fn note_start(&self, failure: Option<io::Error>) {
        let mut line = self.line();
        let lacked = std::mem::replace(&mut line.lacks_thread, failure.is_some());
        if failure.is_some() {
            line.leave();
        }
        drop(line);
        if let Some(error) = failure.filter(|_| !lacked) {
            let text = format!(
                "cannot start a thread for parked connections, which wait until one can be started: {error}"
            );
            server::log(Level::Critical, &text);
        }
    }

    /// Whether a thread that was called for could not be started.
    pub fn lacks_thread(&self) -> bool {
        self.line().lacks_thread
    }

    /// The main function of a reactor thread: works, then rests until it is called.
    fn live(&'static self) {
        loop {
            self.work();
            let mut line = self.line();
            line.resting += 1;
            while line.called == 0 {
                line = self.call.wait(line);
            }
            line.called -= 1;
            line.resting -= 1;
        }
    }

    /// How many steps this child has taken so far. `None` while no thread steps tasks.
    pub fn progress(&self) -> Option<usize> {
        let line = self.line();
        (line.workers > 0 && !line.polls).then(|| self.steps.load(Ordering::Relaxed))
    }

    /// Whether a thread is at work.
    pub fn has_workers(&self) -> bool {
        self.line().workers > 0
    }

    /// Whether a task is queued.
    pub fn has_ready(&self) -> bool {
        !self.line().ready.is_empty()
    }

    /// Steps tasks as long as there are any, and polls the sockets.
    fn work(&'static self) {
        loop {
            let mut line = self.line();
            if line.workers > line.stuck + 1 {
                // One thread is enough where no step takes long: more would only wait for the GIL.
                return line.leave();
            }
            if let Some(task) = line.ready.pop_front() {
                drop(line);
                self.step(&task);
                continue;
            }
            if line.polls {
                return line.leave();
            }
            line.polls = true;
            drop(line);
            let came = self.poll();
            self.line().polls = false;
            let found = !came.is_empty();
            for (task, ready) in timer::tasks(came) {
                task.socket_ready(ready);
            }
            let mut line = self.line();
            if !found && line.ready.is_empty() {
                line.leave();
                let last = line.workers == 0;
                drop(line);
                if last {
                    timer::watch_sockets();
                }
                return;
            }
        }
    }

    /// Steps one task, and those that its step takes from the queue. Called on a reactor thread with no lock held; a task
    /// takes its turn, and then the GIL.
    fn step(&self, task: &Arc<Task>) {
        let begin = Instant::now();
        let mut next = || {
            self.steps.fetch_add(1, Ordering::Relaxed);
            self.line().ready.pop_front()
        };
        guard("a step", (), || task.step(&mut next));
        self.steps.fetch_add(1, Ordering::Relaxed);
        if begin.elapsed() >= LONG_STEP {
            let mut line = self.line();
            line.stuck = line.stuck.saturating_sub(1);
        }
    }

    /// Waits for sockets, at most [`LINGER`]. Returns the numbers of the tasks whose sockets are ready, and the
    /// readiness flags of each.
    fn poll(&self) -> Vec<(u64, Ready)> {
        let mut came = Vec::new();
        let take = |number, ready| came.push((number, ready));
        self.sockets.wait(Some(LINGER), take);
        came
    }
}

/// Logs that epoll does not watch a socket.
fn told(watched: io::Result<()>) {
    if let Err(error) = watched {
        let text = format!("a connection cannot be watched, and waits for its deadline: {error}");
        server::log(Level::Error, &text);
    }
}
