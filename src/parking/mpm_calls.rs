//! How many parked connections the MPM is called for at once. When all of its threads are busy, the event MPM closes
//! connections that are kept alive. So a burst of waiting requests that go on at the same time is given to it a few at a
//! time.
//!
//! The lock is held for a few instructions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::task::Task;
use crate::httpd::connection::parking::threads_per_child;
use crate::locks::Lock;

/// After so long, a task that stands in the line asks again: the task before it may be gone.
pub const RETRY: Duration = Duration::from_millis(200);

/// The calls that are under way, and the tasks that wait for one.
static LINE: Lock<MpmLine> = Lock::short(MpmLine {
    under_way: 0,
    waiting: VecDeque::new(),
});

struct MpmLine {
    under_way: usize,
    waiting: VecDeque<Arc<Task>>,
}

/// The right to have the MPM called for one connection, until this is dropped. Then the next one in the line is woken.
pub struct MpmCall(());

impl MpmCall {
    /// The right for a task, if there is one; else the task is woken when there is.
    pub fn ask(task: &Arc<Task>) -> Option<Self> {
        let most = (threads_per_child() / 2).max(1);
        let mut line = LINE.lock();
        if line.under_way >= most {
            line.waiting.push_back(task.clone());
            return None;
        }
        line.under_way += 1;
        Some(Self(()))
    }
}

impl Drop for MpmCall {
    fn drop(&mut self) {
        let mut line = LINE.lock();
        line.under_way -= 1;
        // Nobody else knows a task that is over.
        let mut next = line.waiting.pop_front();
        while next
            .as_ref()
            .is_some_and(|task| Arc::strong_count(task) == 1)
        {
            next = line.waiting.pop_front();
        }
        drop(line);
        if let Some(task) = next {
            task.wake();
        }
    }
}
