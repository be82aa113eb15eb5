//! How many parked connections the MPM is called for at once. When all of its threads are busy, the event MPM closes
//! connections that are kept alive. So a burst of waiting requests that go on at the same time is given to it a few at a
//! time. A call counts until the MPM's thread is done with it, but not for longer than [`LONG`]: requests that hold their
//! threads for long keep no others waiting.
//!
//! The lock is held for a few instructions.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use super::task::Task;
use crate::httpd::connection::parking::threads_per_child;
use crate::locks::Lock;

/// A call that takes longer than this does not count any more.
pub(super) const LONG: Duration = Duration::from_millis(100);

static LINE: LazyLock<Lock<MpmLine>> = LazyLock::new(Lock::default);

/// The calls that are under way, and the tasks that wait for one.
#[derive(Default)]
pub(super) struct MpmLine {
    /// When each call began, by the numbers of the tasks.
    under_way: HashMap<u64, Instant>,
    /// The tasks that wait for a call, the next one first.
    waiting: VecDeque<Arc<Task>>,
    /// The numbers of those.
    in_line: HashSet<u64>,
}

impl MpmLine {
    fn has_room(&self) -> bool {
        self.under_way.len() < (threads_per_child() / 2).max(1)
    }

    /// Whether the MPM is called for a task now; else the task stands in the line.
    pub(super) fn ask(&mut self, task: &Arc<Task>, now: Instant) -> bool {
        let number = task.number;
        if self.waiting.is_empty() && self.has_room() {
            self.under_way.insert(number, now);
        }
        let is_called = self.under_way.contains_key(&number);
        if !is_called && self.in_line.insert(number) {
            self.waiting.push_back(task.clone());
        }
        is_called
    }

    /// A call is over. Returns the tasks that get one now.
    pub(super) fn end(&mut self, number: u64, now: Instant) -> Vec<Arc<Task>> {
        self.under_way.remove(&number);
        self.grant(now)
    }

    /// Gives calls to the first tasks of the line, as far as there is room when long calls are not counted.
    pub(super) fn look(&mut self, now: Instant) -> Vec<Arc<Task>> {
        if !self.waiting.is_empty() {
            self.under_way
                .retain(|_, began| now.saturating_duration_since(*began) < LONG);
        }
        self.grant(now)
    }

    /// When the first call becomes a long one, if a task waits for that.
    fn next_look(&self) -> Option<Instant> {
        let first = self.under_way.values().min().map(|began| *began + LONG);
        first.filter(|_| !self.waiting.is_empty())
    }

    fn grant(&mut self, now: Instant) -> Vec<Arc<Task>> {
        let mut granted = Vec::new();
        while self.has_room() {
            let Some(task) = self.waiting.pop_front() else {
                break;
            };
            self.in_line.remove(&task.number);
            self.under_way.insert(task.number, now);
            granted.push(task);
        }
        granted
    }
}

/// A call of the MPM for one connection; it is over when this is dropped.
pub struct MpmCall(u64);

impl MpmCall {
    /// The call for a task, if there is room for one; else the task is woken when there is.
    pub fn ask(task: &Arc<Task>) -> Option<Self> {
        let is_called = LINE.lock().ask(task, Instant::now());
        is_called.then_some(Self(task.number))
    }
}

impl Drop for MpmCall {
    fn drop(&mut self) {
        let granted = LINE.lock().end(self.0, Instant::now());
        granted.iter().for_each(Task::wake);
    }
}

/// Makes room for the tasks of the line where calls take long. Returns how long it takes until the next look. Called by
/// the timer's thread, which looks often while tasks are stepped, with no lock held.
pub fn look(now: Instant) -> Option<Duration> {
    let mut line = LINE.lock();
    let granted = line.look(now);
    let next = line.next_look();
    drop(line);
    granted.iter().for_each(Task::wake);
    next.map(|next| next.saturating_duration_since(now))
}
