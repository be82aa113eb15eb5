//! A request whose `async def` handler waits without a thread (`PythonMaxWaitingRequests`). All Python code of it, and
//! all of httpd's, runs in the hook `process_connection`, on a thread of the MPM's.
//!
//! The handler's hook returns `SUSPENDED`, and httpd's own hook leaves the connection alone. The function that has called
//! that one parks the connection, as those of connection handlers are: the MPM watches an event, and calls the hook again
//! when the event is signalled. The reactor signals it for a deadline, a value that has come, a client that has taken what
//! was sent to it, and one that leaves.
//! When the handler has ended, the request ends as httpd would have ended it, and the connection is kept alive
//! (`parking::kept_alive`).
//!
//! Order of locks: the task's turn first, then the GIL, which each call takes and gives back.
#![expect(
    unsafe_code,
    reason = "uses a request between httpd's calls, under its task's turn"
)]

use std::ptr::NonNull;
use std::sync::Arc;

use super::coroutine::{CallEnd, HandlerProgress, Steps};
use super::offers::serve;
use super::phase;
use super::resumes::Resumes;
use super::state::RequestState;
use super::waiting_limit;
use super::waiting_limit::Present;
use crate::engine::capacity::Room;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::connection::parking;
use crate::httpd::{Connection, Request, Status};
use crate::parking::io_state::{IoState, Lost, Needs};
use crate::parking::limits;
use crate::parking::mpm_calls::MpmCall;
use crate::parking::shutdown;
use crate::parking::task::{NextTask, Run, Task, Wakeup};
use crate::parking::timer;
use crate::parking::watch::{SocketUser, Watch};
use crate::python::connection::state::ConnectionState;
use crate::python::runtime::interpreter::Interpreter;

/// A request that waits without a thread.
pub struct WaitingRequest {
    c: NonNull<Connection>,
    r: NonNull<Request>,
    interpreter: &'static Interpreter,
    /// What goes on; `None` during a step and after its end.
    resumes: Option<Resumes>,
    io: IoState,
    watch: Watch,
    /// Whether the client has ended its side, behind bytes that nobody has read.
    has_unread_input: bool,
    /// The MPM was called for the request, and has not answered yet.
    called: Option<MpmCall>,
    _present: Present,
}

// SAFETY: only the thread that has the task's turn uses the request, and the connection's end takes this out of the task
// first.
unsafe impl Send for WaitingRequest {}

/// Whether a request, which is at its content handler, is one whose connection httpd would park.
pub(super) fn has_place(r: &Request) -> bool {
    let c = r.connection();
    let state = c.existing_state::<ConnectionState>();
    let is_served = state.is_some_and(|state| {
        state.serves_http.get() && state.waiting.borrow().is_none() && state.taken.get().is_none()
    });
    let is_first = !r.is_subrequest() && r.prev().is_none() && r.next().is_none();
    is_served && is_first && c.is_asynchronous() && waiting_limit::has_room(r.settings())
}

/// Whether a request whose handler has this task can wait without a thread.
pub fn can_wait(r: &Request, task: &Arc<Task>) -> bool {
    let Some(state) = r.connection().existing_state::<ConnectionState>() else {
        return false;
    };
    let place = state.parked_socket.borrow();
    let has_room = |socket: &ParkedSocket| limits::room(socket.socket()) != Room::None;
    goes_on(state, task) || (place.as_ref().is_some_and(has_room) && has_place(r))
}

/// Whether the request of this task has waited without a thread. Else it may be one that such a request is redirected to.
fn goes_on(state: &ConnectionState, task: &Arc<Task>) -> bool {
    let waiting = state.waiting.borrow();
    waiting
        .as_ref()
        .is_some_and(|waiting| Arc::ptr_eq(waiting, task))
}

/// Whether a request leaves its thread now, because its handler waits, whose task this is. Without the GIL.
pub fn can_leave(r: &Request, task: &Arc<Task>) -> bool {
    let c = r.connection();
    let Some(state) = c.existing_state::<ConnectionState>() else {
        return false;
    };
    if !can_wait(r, task) {
        return false;
    }
    if !goes_on(state, task) {
        let place = state.parked_socket.borrow();
        let steps_in = |socket: &ParkedSocket| socket.step_in().is_ok();
        // In a child that stops, the MPM's listener may have ended before it knew of this connection.
        return !parking::is_stopping() && place.as_ref().is_some_and(steps_in);
    }
    true
}

/// The handler of a request waits, and its hook is about to return: keeps what is needed to go on.
pub fn begin(
    r: &Request,
    task: Arc<Task>,
    io: IoState,
    resumes: Resumes,
    interpreter: &'static Interpreter,
) {
    let c = r.connection();
    let state = c.state(ConnectionState::default);
    let waiting = WaitingRequest {
        c: NonNull::from(c),
        r: NonNull::from(r),
        interpreter,
        resumes: Some(resumes),
        io,
        watch: Watch::new(state.parked_socket.take()),
        has_unread_input: false,
        called: None,
        _present: Present::begin(),
    };
    // No other thread has the turn of a new task.
    if let Some(mut turn) = task.try_turn() {
        turn.begin(waiting);
    }
    state.waiting.replace(Some(task));
}

impl WaitingRequest {
    /// Serves HTTP on a connection, in httpd's hook: runs the hook for the modules behind this one. Returns what the
    /// hook returns.
    pub fn serve(c: &Connection, state: &ConnectionState) -> Status {
        let blocks = state
            .parked_socket
            .borrow()
            .as_ref()
            .map(ParkedSocket::blocks);
        state.serves_http.set(true);
        let status = c.process_by_others();
        state.serves_http.set(false);
        drop(blocks);
        let task = state.waiting.borrow().clone();
        let Some(task) = task else {
            return status;
        };
        let mut turn = task.turn();
        let is_suspended = c.is_suspended();
        match turn.run::<Self>() {
            Some(waiting) if is_suspended => {
                waiting.park(c, &task);
                c.park(waiting.watch.sense())
            }
            // Another module has taken the request out of the hands of the one that suspended it.
            Some(waiting) => {
                waiting.drop_handler(c);
                waiting.watch.give_back();
                drop(turn.take::<Self>());
                c.linger()
            }
            None => c.linger(),
        }
    }

    fn park(&mut self, c: &Connection, task: &Task) {
        // SAFETY: the request waits, so it lives.
        let r = unsafe { self.r.as_ref() };
        let timeout = r.server().timeout().min(c.base_server().timeout());
        let needs = Needs {
            // The reactor watches the input in any case; a connection that rests could not be woken.
            read: false,
            ..self.io.needs.get()
        };
        self.watch.park(task, needs, timeout, SocketUser::Hook);
        RequestState::of(r).lease.lend_to_loop();
    }

    /// Takes the request back from asyncio's loop, whose code may use it while it is parked.
    fn take_back(&self) {
        // SAFETY: as in `park`.
        let r = unsafe { self.r.as_ref() };
        RequestState::of(r).lease.take_back();
    }

    /// Goes on with a request in httpd's hook `process_connection`. Returns what the hook returns. Called without the
    /// turn and without the GIL.
    pub fn called(c: &Connection, state: &ConnectionState, task: &Arc<Task>) -> Status {
        let mut turn = task.turn();
        let wakeup = task.unpark();
        let Some(waiting) = turn.run::<Self>() else {
            return c.linger();
        };
        waiting.take_back();
        waiting.watch.unpark();
        let _blocks = waiting.watch.socket().map(ParkedSocket::blocks);
        // Dropped when this thread is nearly free.
        let called = waiting.called.take();
        waiting.hear(c, wakeup);
        match waiting.go_on(task) {
            None => {
                drop(called);
                waiting.park(c, task);
                c.park(waiting.watch.sense())
            }
            Some(status) => {
                let waiting = turn.take::<Self>();
                drop(turn);
                waiting.map_or(Status::OK, |waiting| waiting.end(c, state, task, status))
            }
        }
    }

    /// Notes what has happened to the socket.
    fn hear(&mut self, c: &Connection, wakeup: Wakeup) {
        self.io.note(wakeup.ready);
        let is_handler = match &self.resumes {
            Some(Resumes::Coroutine(_)) => true,
            Some(Resumes::Offer(offer)) => offer.chain().is_some(),
            _ => false,
        };
        if is_handler && self.io.has_reported_end() && !self.has_unread_input {
            match c.is_at_end() {
                true => self.io.note_end(),
                false => self.has_unread_input = true,
            }
        }
    }

    /// Steps the handler, and calls those behind it. Returns the status for httpd; `None` if it waits again. Called with
    /// the turn, without the GIL.
    fn go_on(&mut self, task: &Arc<Task>) -> Option<Status> {
        // SAFETY: as in `park`.
        let r = unsafe { self.r.as_ref() };
        let handler = match self.resumes.take()? {
            Resumes::Offer(offer) => {
                match serve::go_on(r, self.interpreter, offer, self.must_end()) {
                    Ok(status) => return Some(status),
                    Err((handler, true)) => handler,
                    Err((handler, false)) => {
                        self.resumes = Some(handler);
                        return None;
                    }
                }
            }
            handler => handler,
        };
        r.note_worked_on();
        let status = phase::go_on(r, self.interpreter, |py| {
            let steps = Steps {
                r,
                state: RequestState::of(r),
                task,
                io: &self.io,
            };
            match steps.resume(py, self.interpreter, handler)? {
                HandlerProgress::Done(value) => Ok(CallEnd::Result(value)),
                HandlerProgress::Waits(handler) => {
                    self.resumes = Some(handler);
                    Ok(CallEnd::Waits)
                }
            }
        });
        let status = serve::ended(RequestState::of(r), status);
        (status != Status::SUSPENDED).then_some(status)
    }

    /// Ends the request as httpd would have ended it, had the handler not waited. Returns what the hook returns.
    fn end(
        self: Box<Self>,
        c: &Connection,
        state: &ConnectionState,
        task: &Arc<Task>,
        status: Status,
    ) -> Status {
        state.waiting.take();
        task.set_due(None);
        timer::forget(task.number);
        let Self {
            r,
            watch,
            _present: present,
            ..
        } = *self;
        drop(present);
        // SAFETY: nobody else ends the request.
        let r = unsafe { r.as_ref() };
        let time = r.server().keep_alive_timeout();
        let status = match status {
            Status::DECLINED => {
                let own = RequestState::of(r);
                own.has_declined.set(true);
                r.handle_by_others()
            }
            status => status,
        };
        r.conclude(status);
        state.keep_alive_after_wait(c, watch, time);
        Status::OK
    }

    /// Ends the handler of a connection that httpd is about to close, on the connection's thread. Called without the
    /// GIL; waits for the turn.
    pub fn closing(c: &Connection, state: &ConnectionState) {
        let Some(task) = state.waiting.borrow().clone() else {
            return;
        };
        let mut turn = task.turn();
        task.unpark();
        let Some(waiting) = turn.run::<Self>() else {
            return;
        };
        waiting.watch.unpark();
        waiting.lose(&task, Lost::closing(c));
        let waiting = turn.take::<Self>();
        drop(turn);
        if let Some(waiting) = waiting {
            waiting.end(c, state, &task, Status::DONE);
        }
    }

    /// Steps a handler whose wait ends with an exception, and closes it if it waits again.
    fn lose(&mut self, task: &Arc<Task>, lost: Lost) {
        self.take_back();
        // SAFETY: as in `park`.
        let c = unsafe { self.c.as_ref() };
        // What it writes then waits for nobody.
        c.abort();
        self.io.lost.set(Some(lost));
        if self.resumes.is_some() && self.go_on(task).is_none() {
            self.drop_handler(c);
        }
    }

    /// Whether an application's request cannot wait any longer: its client has left, or the child stops.
    fn must_end(&self) -> bool {
        self.io.lost.get().is_some() || self.io.has_reported_end() || shutdown::is_over()
    }

    fn drop_handler(&mut self, c: &Connection) {
        if let Some(resumes) = self.resumes.take() {
            resumes.close(c, self.interpreter);
        }
    }

    /// Ends the handlers of all waiting requests, because the child stops at once. Called on the child's main thread
    /// without the GIL.
    pub fn stop_all() {
        timer::stop(|waiting: &mut Self, task| waiting.lose(task, Lost::Stopping));
    }

    /// Whether the MPM must be called: for the handler, or before it closes the connection.
    fn is_concerned(&self, wakeup: Wakeup) -> bool {
        let ends = wakeup.ready.broken || (wakeup.ready.ends && !self.has_unread_input);
        let needs = self.io.needs.get();
        let is_ready = wakeup.socket && (needs.read || needs.write);
        wakeup.other || is_ready || (ends && !self.io.is_departure_told())
    }
}

impl Run for WaitingRequest {
    fn step(task: &Arc<Task>, _: &mut NextTask<'_>) {
        let Some((mut turn, wakeup)) = task.next_turn() else {
            return;
        };
        let Some(waiting) = turn.run::<Self>() else {
            return;
        };
        waiting.io.note(wakeup.ready);
        if waiting.called.is_some() || !waiting.is_concerned(wakeup) {
            return;
        }
        waiting.called = MpmCall::ask(task);
        if waiting.called.is_some() {
            // SAFETY: the connection's end takes this out of the task under its turn, which this thread has.
            let c = unsafe { waiting.c.as_ref() };
            if !waiting.watch.call_mpm(c, task, false) {
                waiting.called = None;
            }
        }
    }

    fn gone(&mut self, task: &Arc<Task>) {
        // SAFETY: called before the connection's pool is destroyed.
        let c = unsafe { self.c.as_ref() };
        self.lose(task, Lost::gone(c));
    }
}
