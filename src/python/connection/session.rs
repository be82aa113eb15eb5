//! The session of an `async def` connection handler. MPM workers step the handler at its begin and its end, reactor
//! threads between these. Where the MPM cannot park connections, the connection's own thread does all of it.
//!
//! The MPM holds a parked connection but does not watch its socket, which the reactor does. The MPM is called again
//! only for what it must do itself: the end of the connection, and handing it to HTTP. Since the MPM closes what was
//! parked for a `Timeout`, each connection is given back to it before that, and parked again.
//!
//! Order of locks: the task's turn first, then the GIL, which each step takes and gives back.
#![expect(
    unsafe_code,
    reason = "uses a connection between httpd's calls, under its task's turn"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use super::coroutine::Coroutine;
use super::future::stepping;
use super::thread_wait::wait_here;
use crate::engine::phases::Phase;
use crate::httpd::connection::RequestTimeouts;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::connection::parking::ClientMark;
use crate::httpd::{Connection, Status};
use crate::metrics;
use crate::metrics::{Counted, Running};
use crate::parking::io_state::{Lost, Needs};
use crate::parking::lingering_close::LingeringClose;
use crate::parking::reactor::Reactor;
use crate::parking::task::{NextTask, Run, Task, Turn, Wakeup};
use crate::parking::timer;
use crate::parking::transport::Transport;
use crate::parking::watch::{SocketUser, Watch};
use crate::python::runtime::gil_turns;
use crate::python::runtime::interpreter::between_entries;

/// One connection with an `async def` handler.
pub struct Session {
    c: NonNull<Connection>,
    transport: Box<Transport>,
    coroutine: Coroutine,
    timeouts: Option<RequestTimeouts>,
    phase: SessionPhase,
    mark: ClientMark,
    watch: Watch,
    lingering_close: LingeringClose,
    /// Counts the connection as open for mod_status.
    _open: Option<Counted>,
    _running: Option<Running>,
}

// SAFETY: only the thread that has the task's turn uses the connection, and the connection's end takes the session
// out of the task first.
unsafe impl Send for Session {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionPhase {
    /// The handler has not returned yet.
    Working,
    /// The handler has returned; the rest of its output is sent.
    Sending,
    /// All output is sent and our side of the connection shut; the session waits for the peer's end.
    Leaving,
    /// The MPM closes the connection.
    Closed,
    /// The handler left the connection to HTTP.
    Declined,
}

/// What a step came to.
enum StepResult {
    Waits(Needs),
    Over,
    Declined,
}

impl Session {
    /// Begins the session in httpd's hook, on the connection's thread, and takes the first step. Returns what the hook
    /// returns. Called without the turn and without the GIL.
    pub fn begin(
        c: &Connection,
        task: &Arc<Task>,
        transport: Box<Transport>,
        coroutine: Coroutine,
        timeouts: Option<RequestTimeouts>,
        parked_socket: Option<ParkedSocket>,
    ) -> Status {
        transport.become_async(c);
        if task.parks {
            c.use_own_timeout();
        }
        task.turn().begin(Self {
            c: NonNull::from(c),
            transport,
            coroutine,
            timeouts,
            phase: SessionPhase::Working,
            mark: c.client_mark(),
            watch: Watch::new(parked_socket),
            lingering_close: LingeringClose::default(),
            _open: Counted::open(),
            _running: Running::begin(metrics::phase(Phase::Connection)),
        });
        Self::called(c, task)
    }

    /// Goes on with the session in httpd's hook `process_connection`, and returns what the hook returns. Called without
    /// the turn and without the GIL; waits for the turn.
    pub fn called(c: &Connection, task: &Arc<Task>) -> Status {
        let mut turn = task.turn();
        let wakeup = task.unpark();
        if let Some(session) = turn.run::<Self>() {
            session.coroutine.lease.take_back();
            session.watch.unpark();
            session.hear(c, wakeup);
            c.set_client_mark(Some(session.mark));
        }
        loop {
            let Some(session) = turn.run::<Self>() else {
                return c.linger();
            };
            match session.go_on(c, task) {
                StepResult::Over => {
                    session.phase = SessionPhase::Closed;
                    task.set_due(None);
                    return c.linger();
                }
                StepResult::Declined => {
                    task.set_due(None);
                    if session.watch.is_resting() {
                        // HTTP would use a descriptor that is closed with the parked socket.
                        return c.linger();
                    }
                    let session = turn.take::<Self>();
                    drop(turn);
                    if let Some(mut session) = session {
                        session.leave_to_http(c);
                    }
                    return Status::DECLINED;
                }
                StepResult::Waits(needs) if task.parks => {
                    let time = c.base_server().timeout();
                    session.watch.park(task, needs, time, SocketUser::Steps);
                    session.coroutine.lease.lend_to_loop();
                    return c.park(session.watch.sense());
                }
                StepResult::Waits(needs) => {
                    let watched = session.transport.io.watched();
                    // Nothing else takes this turn but the end of the child, on this thread.
                    let lease = session.coroutine.lease.clone();
                    lease.lend_to_loop();
                    drop(turn);
                    let wakeup = wait_here(c, task, needs, watched, lease.lends());
                    turn = task.turn();
                    lease.take_back();
                    if let Some(session) = turn.run::<Self>() {
                        session.hear(c, wakeup);
                    }
                }
            }
        }
    }

    /// Notes in the transport what has happened to the socket. While the handler waits for something else than its
    /// peer, some input is read ahead, to notice its end.
    fn hear(&self, c: &Connection, wakeup: Wakeup) {
        let io = &self.transport.io;
        io.note(wakeup.ready);
        if wakeup.socket && self.phase == SessionPhase::Working && !io.awaits_peer() {
            self.transport.read_ahead(c);
        }
    }

    fn call_mpm(&self, c: &Connection, task: &Task) {
        let declined = self.phase == SessionPhase::Declined;
        self.watch.call_mpm(c, task, declined);
    }

    /// Whether the handler must be stepped for an event of its socket.
    fn is_concerned(&self, c: &Connection) -> bool {
        let io = &self.transport.io;
        self.phase != SessionPhase::Working
            || io.awaits_peer()
            || self.transport.has_unsent(c)
            || io.is_departing()
    }

    /// Ends the handler of a connection that httpd is about to close, on the connection's thread. Called without the
    /// GIL; waits for the turn.
    pub fn closing(c: &Connection, task: &Arc<Task>) {
        let mut turn = task.turn();
        let wakeup = task.unpark();
        if let Some(session) = turn.run::<Self>() {
            session.watch.unpark();
            session.transport.io.note(wakeup.ready);
            session.finish(c, task, Lost::closing(c));
            task.set_due(None);
        }
    }

    /// Ends the handlers of all parked connections, because the child stops at once. Called on the child's main thread
    /// without the GIL. Handlers that keep a thread notice it there.
    pub fn stop_all() {
        timer::stop(|session: &mut Self, task| {
            // SAFETY: as in `step_one`; `stop` has the turn.
            let c = unsafe { session.c.as_ref() };
            session.finish(c, task, Lost::Stopping);
        });
    }

    /// Steps the handler until it waits or ends, and sends what it wrote. Called with the turn, without the GIL.
    fn go_on(&mut self, c: &Connection, task: &Arc<Task>) -> StepResult {
        self.transport.look_again();
        if self.phase == SessionPhase::Working {
            match self.step_handler(c, task) {
                None => {
                    let mut needs = self.transport.io.needs.get();
                    needs.write |= self.transport.has_unsent(c);
                    return StepResult::Waits(needs);
                }
                Some(Status::DECLINED) => self.phase = SessionPhase::Declined,
                Some(_) => self.phase = SessionPhase::Sending,
            }
        } else {
            self.send(c);
        }
        match self.phase {
            SessionPhase::Declined => StepResult::Declined,
            SessionPhase::Sending => match self.lingering_close.send(c, &self.transport) {
                Some(needs) => StepResult::Waits(needs),
                None => self.leave(c, task),
            },
            _ => self.leave(c, task),
        }
    }

    /// Steps the handler once, and sends what it wrote. If the peer turns out to have left, and the handler waits for
    /// something else, it is stepped once more, so that it is told.
    fn step_handler(&mut self, c: &Connection, task: &Arc<Task>) -> Option<Status> {
        loop {
            let done = stepping(c, task, &self.transport.io, || {
                self.coroutine.step(c, &self.transport.io)
            });
            self.send(c);
            let io = &self.transport.io;
            if done.is_some() || io.awaits_peer() || !io.must_tell() {
                return done;
            }
        }
    }

    /// Sends what the handler wrote. In a batch of steps that shares the GIL, lets go of it for that, unless another
    /// thread computes and each wait for the GIL is long.
    fn send(&self, c: &Connection) {
        match self.transport.has_unsent(c) && !gil_turns::had_to_ask() {
            true => between_entries(|| self.transport.send(c)),
            false => self.transport.send(c),
        }
    }

    /// Goes on with the lingering close of a parked connection; a thread's connection is over at once.
    fn leave(&mut self, c: &Connection, task: &Task) -> StepResult {
        self.phase = SessionPhase::Leaving;
        let parks = task.parks.then_some(&mut self.lingering_close);
        let needs = parks.and_then(|lingering_close| lingering_close.leave(c, &self.transport));
        needs.map_or(StepResult::Over, StepResult::Waits)
    }

    /// Ends a handler that waits: the wait raises the exception of `lost`, and a handler that then awaits something
    /// else is closed. Called with the turn, without the GIL.
    fn finish(&mut self, c: &Connection, task: &Arc<Task>, lost: Lost) {
        if self.phase != SessionPhase::Working {
            // An MPM worker may be closing the connection at this moment.
            return;
        }
        self.coroutine.lease.take_back();
        let io = &self.transport.io;
        io.lost.set(Some(lost));
        if stepping(c, task, io, || self.coroutine.step(c, io)).is_none() {
            self.coroutine.close(c, &self.transport.io);
        }
        self.phase = SessionPhase::Closed;
        self.transport.send(c);
    }

    /// Gives the connection to HTTP, with what was read of it so far and with httpd's timeouts.
    fn leave_to_http(&mut self, c: &Connection) {
        self.watch.give_back();
        let unread = self.transport.io.unread.take();
        c.give_back(unread.bytes());
        if let Some(timeouts) = self.timeouts.take() {
            c.take_request_timeouts(timeouts);
        }
    }
}

impl Session {
    /// Steps the task whose turn this is. Called without the GIL, or in a batch of entries; waits for nothing.
    fn step_one(mut turn: Turn<'_>, wakeup: Wakeup, task: &Arc<Task>) {
        let Some(session) = turn.run::<Self>() else {
            return;
        };
        // SAFETY: the connection's end takes the session out of the task under its turn, which this thread has.
        let c = unsafe { session.c.as_ref() };
        let lease = session.coroutine.lease.clone();
        if lease.lends() {
            // Without the GIL: asyncio's loop may need it.
            between_entries(|| lease.take_back());
        }
        session.step_for(wakeup, c, task);
        lease.lend_to_loop();
    }

    /// Steps a parked connection for what has happened.
    fn step_for(&mut self, wakeup: Wakeup, c: &Connection, task: &Arc<Task>) {
        self.hear(c, wakeup);
        if wakeup.socket {
            self.watch.note(task);
        }
        if self.phase == SessionPhase::Closed {
            return;
        }
        if self.watch.must_go_back() {
            return self.call_mpm(c, task);
        }
        if !wakeup.other && !self.is_concerned(c) {
            return;
        }
        c.set_client_mark(Some(self.mark));
        let next = self.go_on(c, task);
        c.set_client_mark(None);
        match next {
            StepResult::Waits(needs) => self.watch.wait_for(task, needs),
            StepResult::Over | StepResult::Declined => self.call_mpm(c, task),
        }
    }
}

impl Run for Session {
    /// Tasks that are ready together share the GIL for up to the switch interval, unless another thread of httpd's waits
    /// for it. Where another thread computes for long, each step would wait for it, so that they share it in any case.
    fn step(task: &Arc<Task>, next: &mut NextTask<'_>) {
        let Some((mut turn, wakeup)) = task.next_turn() else {
            return;
        };
        let Some(interpreter) = turn
            .run::<Self>()
            .map(|session| session.coroutine.interpreter)
        else {
            return;
        };
        let asked = gil_turns::had_to_ask();
        let several = || timer::reactor().is_some_and(Reactor::has_ready);
        if !asked && !several() {
            return Self::step_one(turn, wakeup, task);
        }
        interpreter.batch(|| {
            let begin = Instant::now();
            Self::step_one(turn, wakeup, task);
            while begin.elapsed() < gil_turns::interval() && (asked || !gil_turns::threads_wait()) {
                let Some(task) = next() else { break };
                if !task.runs::<Self>() {
                    task.step(&mut || None);
                    continue;
                }
                if let Some((turn, wakeup)) = task.next_turn() {
                    Self::step_one(turn, wakeup, &task);
                }
            }
        });
    }

    fn gone(&mut self, task: &Arc<Task>) {
        // SAFETY: called before the connection's pool is destroyed.
        let c = unsafe { self.c.as_ref() };
        self.finish(c, task, Lost::gone(c));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: dropped before the connection's pool is destroyed.
        let c = unsafe { self.c.as_ref() };
        self.coroutine.close(c, &self.transport.io);
    }
}
