//! Steps what is parked: connections of whose socket something came, or that somebody has woken, in
//! the order in which that happened. One thread does it for all of them, so that under load no thread
//! is woken for a message, and nobody waits for the GIL; another one comes to help where a step takes
//! long, as many as httpd has for others. Whoever has an answer for a connection comes in here, by
//! `Task::wake`.
//!
//! They are threads of ours. The MPM has a call that runs a job on one of its workers, but counts the
//! worker as idle meanwhile: it hands connections to workers that are not there.

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

/// So long a thread looks for more before it rests: what comes within that wakes nobody.
const LINGER: Duration = Duration::from_millis(10);
/// Steps that take longer than this keep nobody else from theirs.
pub const LONG_STEP: Duration = Duration::from_millis(5);

/// What waits for a step, and who takes the steps.
pub struct Reactor {
    /// The sockets of all that is parked.
    sockets: Poller,
    line: Lock<Line>,
    call: Signal,
    /// How many steps were taken: who looks twice sees whether there is progress.
    steps: AtomicUsize,
}

#[derive(Default)]
struct Line {
    ready: VecDeque<Arc<Task>>,
    /// How many threads are at work, or called to it.
    workers: usize,
    /// How many of them have a step that takes long.
    stuck: usize,
    /// How many rest, and how many of those are called.
    resting: usize,
    called: usize,
    /// One of them waits for sockets.
    polls: bool,
}

impl Line {
    /// One of the threads has nothing to do any more.
    fn leave(&mut self) {
        self.workers -= 1;
        // Who was thought to be stuck may only have been waiting for a processor.
        self.stuck = self.stuck.min(self.workers);
    }
}

impl Reactor {
    /// One without workers.
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

    fn line(&self) -> Guard<'_, Line> {
        self.line.lock()
    }

    /// The sockets, for who wants to be told when there is something.
    pub fn sockets(&self) -> &Poller {
        &self.sockets
    }

    /// From now on a connection is stepped when something comes of its socket.
    pub fn watch(&self, socket: RawFd, number: u64) {
        told(self.sockets.watch(socket, number));
    }

    /// The same, and when there is room for output.
    pub fn watch_output(&self, socket: RawFd, number: u64) {
        told(self.sockets.watch_output(socket, number));
    }

    /// Not any more.
    pub fn forget(&self, socket: RawFd) {
        self.sockets.forget(socket);
    }

    /// A connection is to be stepped. Any thread; the task sees to it that it stands here once.
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

    /// There is something to do: calls a worker if nobody is here, or all who are here are stuck.
    pub fn help(&'static self, stuck: bool) {
        let mut line = self.line();
        if stuck {
            line.stuck = line.workers;
        }
        if line.workers <= line.stuck && line.workers < threads_per_child() {
            self.call_worker(line);
        }
    }

    fn call_worker(&'static self, mut line: Guard<'_, Line>) {
        line.workers += 1;
        let rests = line.resting > line.called;
        if rests {
            line.called += 1;
            self.call.give_one();
        }
        drop(line);
        if !rests {
            let thread = thread::Builder::new().name("reactor".into());
            if let Err(error) = thread.spawn(|| self.live()) {
                self.line().leave();
                let text = format!("no thread for connections: {error}");
                server::log(Level::Critical, &text);
                return;
            }
        }
        // Somebody must see whether its steps take long.
        timer::interrupt();
    }

    /// A thread's life: work, and rest until it is called.
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

    /// How far the steps are, while somebody takes them.
    pub fn progress(&self) -> Option<usize> {
        let line = self.line();
        (line.workers > 0 && !line.polls).then(|| self.steps.load(Ordering::Relaxed))
    }

    /// Whether somebody is here.
    pub fn has_workers(&self) -> bool {
        self.line().workers > 0
    }

    /// Whether somebody waits for a step.
    pub fn has_ready(&self) -> bool {
        !self.line().ready.is_empty()
    }

    /// As long as there is something to do.
    fn work(&'static self) {
        loop {
            let mut line = self.line();
            if line.workers > line.stuck + 1 {
                // One is enough where no step takes long: more would only wait for the GIL.
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

    fn step(&self, task: &Arc<Task>) {
        let begin = Instant::now();
        guard("a step", (), || task.step());
        self.steps.fetch_add(1, Ordering::Relaxed);
        if begin.elapsed() >= LONG_STEP {
            let mut line = self.line();
            line.stuck = line.stuck.saturating_sub(1);
        }
    }

    /// Waits for sockets. Answers the numbers of those of which something came, and what is so.
    fn poll(&self) -> Vec<(u64, Ready)> {
        let mut came = Vec::new();
        let take = |number, ready| came.push((number, ready));
        self.sockets.wait(Some(LINGER), take);
        came
    }
}

fn told(watched: io::Result<()>) {
    if let Err(error) = watched {
        let text = format!("a connection cannot be watched, and waits for its deadline: {error}");
        server::log(Level::Error, &text);
    }
}
