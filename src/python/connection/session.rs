//! An `async def` connection handler at work: stepped when something came of what it waits for, by
//! the MPM's workers at its begin and end and by the reactor between them; parked meanwhile where the
//! MPM can, else on its thread.
//!
//! The MPM has a parked connection, but sees none of its socket: the reactor steps it. Only what is
//! for the MPM to do goes back there: the end, and what HTTP takes over. And since it closes what
//! is parked for a `Timeout`, each connection is shown to it before that.
#![expect(
    unsafe_code,
    reason = "a connection between httpd's calls, under its turn"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::coroutine::Coroutine;
use super::future::{Stepped, stepping};
use crate::httpd::connection::RequestTimeouts;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::connection::parking;
use crate::httpd::connection::parking::ClientMark;
use crate::httpd::{Connection, Status};
use crate::metrics::Counted;
use crate::parking::io_state::{Input, Lost, Needs};
use crate::parking::lingering_close::LingeringClose;
use crate::parking::shutdown;
use crate::parking::task::{Run, Task, Wakeup};
use crate::parking::timer;
use crate::parking::transport::Transport;
use crate::parking::watch::Watch;

/// One connection with an `async def` handler.
pub struct Session {
    c: NonNull<Connection>,
    transport: Box<Transport>,
    coroutine: Coroutine,
    timeouts: Option<RequestTimeouts>,
    phase: Phase,
    mark: ClientMark,
    watch: Watch,
    lingering_close: LingeringClose,
    /// For mod_status: that it is open.
    _open: Option<Counted>,
}

// SAFETY: what it refers to of httpd is used only by who has the task's turn, and the connection's
// end takes it out of there.
unsafe impl Send for Session {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The handler is at work.
    Working,
    /// It is done; the rest of its output goes out.
    Sending,
    /// All is sent and our side closed; the peer's end is awaited.
    Leaving,
    /// It is the MPM's.
    Closed,
    /// The handler left the connection to HTTP.
    Declined,
}

/// What comes next.
enum Next {
    Waits(Needs),
    Over,
    Declined,
}

impl Session {
    /// Begins with the handler of a connection.
    pub fn begin(
        c: &Connection,
        task: &Arc<Task>,
        transport: Box<Transport>,
        coroutine: Coroutine,
        timeouts: Option<RequestTimeouts>,
        parked_socket: Option<ParkedSocket>,
    ) -> Status {
        transport.become_async();
        if task.parks {
            c.use_own_timeout();
        }
        task.turn().begin(Self {
            c: NonNull::from(c),
            transport,
            coroutine,
            timeouts,
            phase: Phase::Working,
            mark: c.client_mark(),
            watch: Watch::new(parked_socket),
            lingering_close: LingeringClose::default(),
            _open: Counted::open(),
        });
        Self::called(c, task)
    }

    /// The MPM calls.
    pub fn called(c: &Connection, task: &Arc<Task>) -> Status {
        let mut turn = task.turn();
        let wakeup = task.unpark();
        if let Some(session) = turn.run::<Self>() {
            session.watch.unpark();
            session.hear(wakeup);
            c.set_client_mark(Some(session.mark));
        }
        loop {
            let Some(session) = turn.run::<Self>() else {
                return c.linger();
            };
            match session.go_on(c, task) {
                Next::Over => {
                    session.phase = Phase::Closed;
                    task.set_due(None);
                    return c.linger();
                }
                Next::Declined => {
                    task.set_due(None);
                    if session.watch.is_resting() {
                        // HTTP would have a descriptor that closes with us.
                        return c.linger();
                    }
                    let session = turn.take::<Self>();
                    drop(turn);
                    if let Some(mut session) = session {
                        session.leave_to_http(c);
                    }
                    return Status::DECLINED;
                }
                Next::Waits(needs) if task.parks => {
                    session.watch.park(c, task, needs);
                    return c.park();
                }
                Next::Waits(needs) => {
                    let io = &session.transport.io;
                    if io.input() == Input::Broken && io.lost.get().is_none() {
                        io.lost.set(Some(Lost::broken(c)));
                    } else {
                        // Nobody else wants the turn but the end of a child, on this thread.
                        drop(turn);
                        wait_here(c, task, needs);
                        turn = task.turn();
                    }
                }
            }
        }
    }

    fn hear(&self, wakeup: Wakeup) {
        let io = &self.transport.io;
        if wakeup.ready.ends {
            io.expect_end();
        }
        io.writable.set(wakeup.ready.writable);
    }

    fn call_mpm(&self, c: &Connection, task: &Task) {
        let declined = self.phase == Phase::Declined;
        self.watch.call_mpm(c, task, declined);
    }

    /// Whether what comes of the socket is awaited. Some of what is not is read, to see the end.
    fn is_concerned(&self, c: &Connection) -> bool {
        let needs = self.transport.io.needs.get();
        if self.phase != Phase::Working || needs.read || needs.write || self.transport.has_unsent(c)
        {
            return true;
        }
        self.transport.look_again();
        self.transport.read_ahead(c);
        let io = &self.transport.io;
        let broken = io.input() == Input::Broken && io.lost.get().is_none();
        if broken {
            io.lost.set(Some(Lost::broken(c)));
        }
        broken
    }

    /// httpd is about to close the connection.
    pub fn closing(c: &Connection, task: &Arc<Task>) {
        let mut turn = task.turn();
        let wakeup = task.unpark();
        if let Some(session) = turn.run::<Self>() {
            session.watch.unpark();
            session.hear(wakeup);
            let lost = if c.is_aborted() {
                Lost::broken(c)
            } else if shutdown::is_closing() {
                Lost::Stopping
            } else {
                Lost::TimedOut
            };
            session.finish(c, task, lost);
            task.set_due(None);
        }
    }

    /// The child stops at once: ends every connection that waits without a thread.
    pub fn stop_all() {
        // Those that keep a thread are told there.
        for task in timer::stop().into_iter().filter(|task| task.parks) {
            let begin = Instant::now();
            let mut turn = loop {
                match task.try_turn() {
                    Some(turn) => break Some(turn),
                    None if begin.elapsed() > timer::POLL_INTERVAL => break None,
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            if let Some(session) = turn.as_mut().and_then(|turn| turn.run::<Self>()) {
                // SAFETY: as in `step`.
                let c = unsafe { session.c.as_ref() };
                session.finish(c, &task, Lost::Stopping);
            }
        }
    }

    /// Steps the handler as far as it goes, and sends what it wrote.
    fn go_on(&mut self, c: &Connection, task: &Arc<Task>) -> Next {
        self.transport.look_again();
        if self.phase == Phase::Working {
            let done = stepping(self.stepped(task), || {
                self.coroutine.step(c, &self.transport.io)
            });
            self.transport.send(c);
            match done {
                None => {
                    let mut needs = self.transport.io.needs.get();
                    needs.write |= self.transport.has_unsent(c);
                    return Next::Waits(needs);
                }
                Some(Status::DECLINED) => self.phase = Phase::Declined,
                Some(_) => self.phase = Phase::Sending,
            }
        } else {
            self.transport.send(c);
        }
        match self.phase {
            Phase::Declined => Next::Declined,
            Phase::Sending => match self.lingering_close.send(c, &self.transport) {
                Some(needs) => Next::Waits(needs),
                None => self.leave(c, task),
            },
            _ => self.leave(c, task),
        }
    }

    fn leave(&mut self, c: &Connection, task: &Task) -> Next {
        self.phase = Phase::Leaving;
        let parks = task.parks.then_some(&mut self.lingering_close);
        let needs = parks.and_then(|lingering_close| lingering_close.leave(c, &self.transport));
        needs.map_or(Next::Over, Next::Waits)
    }

    fn stepped(&self, task: &Arc<Task>) -> Option<Stepped> {
        Some(Stepped {
            task: task.clone(),
            lost: self.transport.io.lost.get(),
        })
    }

    /// Ends a handler that waits: its waits raise, and what it still awaits then closes it.
    fn finish(&mut self, c: &Connection, task: &Arc<Task>, lost: Lost) {
        if self.phase != Phase::Working {
            // A worker may be closing it at this moment.
            return;
        }
        self.transport.io.lost.set(Some(lost));
        let stepped = self.stepped(task);
        let step = || self.coroutine.step(c, &self.transport.io);
        if stepping(stepped, step).is_none() {
            self.coroutine.close(c, &self.transport.io);
        }
        self.phase = Phase::Closed;
        self.transport.send(c);
    }

    /// What was read so far is for HTTP.
    fn leave_to_http(&mut self, c: &Connection) {
        self.watch.give_back();
        let unread = self.transport.io.unread.take();
        c.give_back(unread.bytes());
        if let Some(timeouts) = self.timeouts.take() {
            c.take_request_timeouts(timeouts);
        }
    }
}

impl Run for Session {
    fn step(task: &Arc<Task>) {
        let Some((mut turn, wakeup)) = task.next_turn() else {
            return;
        };
        let Some(session) = turn.run::<Self>() else {
            return;
        };
        // SAFETY: the connection's end takes `session` out from under the turn that we have.
        let c = unsafe { session.c.as_ref() };
        session.hear(wakeup);
        if wakeup.socket {
            session.watch.note(task);
        }
        if session.phase == Phase::Closed {
            return;
        }
        if session.watch.must_go_back() {
            return session.call_mpm(c, task);
        }
        if !wakeup.other && !session.is_concerned(c) {
            return;
        }
        c.set_client_mark(Some(session.mark));
        let next = session.go_on(c, task);
        c.set_client_mark(None);
        match next {
            Next::Waits(needs) => session.watch.wait_for(task, needs),
            Next::Over | Next::Declined => session.call_mpm(c, task),
        }
    }

    fn gone(&mut self, task: &Arc<Task>) {
        // SAFETY: its pool is about to go.
        let c = unsafe { self.c.as_ref() };
        let lost = match parking::is_stopping() {
            true => Lost::Stopping,
            false => Lost::broken(c),
        };
        self.finish(c, task, lost);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: dropped before its connection's pool is.
        let c = unsafe { self.c.as_ref() };
        self.coroutine.close(c, &self.transport.io);
    }
}

/// Waits on this thread.
fn wait_here(c: &Connection, task: &Task, needs: Needs) {
    if parking::is_stopping() && !shutdown::is_closing() {
        timer::close(super::call::grace());
    }
    if !needs.read && !needs.write {
        return task.wait(needs.until);
    }
    let until = needs
        .until
        .map(|until| until.saturating_duration_since(Instant::now()));
    let time = until.map_or(timer::POLL_INTERVAL, |time| time.min(timer::POLL_INTERVAL));
    c.wait(needs.read, needs.write, time);
}
