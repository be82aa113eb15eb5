//! Connections of HTTP that are kept alive after a request of theirs has waited without a thread. Where many have waited
//! together, their next requests come together, too; and when all of its threads are busy, the event MPM closes the
//! connections that it keeps alive. These are parked instead, so that their requests wait for a thread.
#![expect(
    unsafe_code,
    reason = "uses a connection between httpd's calls, under its task's turn"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::io_state::Needs;
use super::mpm_calls::MpmCall;
use super::shutdown;
use super::task::{NextTask, Run, Task};
use super::timer;
use super::watch::{SocketUser, Watch};
use crate::httpd::{Connection, Status};

/// A connection on which no request is under way.
pub struct KeptAlive {
    c: NonNull<Connection>,
    watch: Watch,
    /// When the time for the next request is over.
    until: Instant,
    /// The MPM was called for the connection, and has not answered yet.
    called: Option<MpmCall>,
}

// SAFETY: only the thread that has the task's turn uses the connection, and the connection's end takes this out of the
// task first.
unsafe impl Send for KeptAlive {}

/// What becomes of a connection that was kept alive.
pub enum AfterKeepAlive {
    /// It goes on waiting, or is gone. What the hook returns.
    Returns(Status),
    /// A request has come, or the client's end.
    Request(Watch, Option<MpmCall>),
    /// Nothing has come in time, or the child stops.
    Ends(Watch),
}

impl KeptAlive {
    /// Parks a connection in httpd's hook, for the time of `KeepAliveTimeout`. Returns its task.
    ///
    /// # Errors
    /// The watch, if there is no thread for deadlines.
    pub fn begin(c: &Connection, watch: Watch, time: Duration) -> Result<Arc<Task>, Watch> {
        let until = Instant::now().checked_add(time);
        let (Some(until), Some(task)) = (until, Task::new::<Self>(true)) else {
            return Err(watch);
        };
        watch.leave_reactor();
        let mut kept = Self {
            c: NonNull::from(c),
            watch,
            until,
            called: None,
        };
        let mut turn = task.turn();
        kept.park(c, &task);
        turn.begin(kept);
        drop(turn);
        Ok(task)
    }

    fn park(&mut self, c: &Connection, task: &Task) -> Status {
        let needs = Needs {
            until: Some(self.until),
            ..Needs::default()
        };
        let time = c.base_server().timeout();
        self.watch.park(task, needs, time, SocketUser::Hook);
        c.park(self.watch.sense())
    }

    /// The MPM has called the hook `process_connection` for the connection. Called without the turn.
    pub fn called(c: &Connection, task: &Arc<Task>) -> AfterKeepAlive {
        let mut turn = task.turn();
        task.unpark();
        let Some(kept) = turn.run::<Self>() else {
            return AfterKeepAlive::Returns(c.linger());
        };
        kept.watch.unpark();
        let call = kept.called.take();
        let has_come = c.has_input();
        if !has_come && kept.until > Instant::now() && !shutdown::is_closing() {
            drop(call);
            return AfterKeepAlive::Returns(kept.park(c, task));
        }
        task.set_due(None);
        let kept = turn.take::<Self>();
        drop(turn);
        timer::forget(task.number);
        match kept {
            Some(kept) if has_come => AfterKeepAlive::Request(kept.watch, call),
            Some(kept) => AfterKeepAlive::Ends(kept.watch),
            None => AfterKeepAlive::Returns(c.linger()),
        }
    }
}

impl Run for KeptAlive {
    fn step(task: &Arc<Task>, _: &mut NextTask<'_>) {
        let Some((mut turn, _)) = task.next_turn() else {
            return;
        };
        let Some(kept) = turn.run::<Self>().filter(|kept| kept.called.is_none()) else {
            return;
        };
        kept.called = MpmCall::ask(task);
        if kept.called.is_some() {
            // SAFETY: the connection's end takes this out of the task under its turn, which this thread has.
            let c = unsafe { kept.c.as_ref() };
            if !kept.watch.call_mpm(c, task, false) {
                kept.called = None;
            }
        }
    }

    fn gone(&mut self, _: &Arc<Task>) {}
}
