//! The coroutine of an `async def` content handler: its steps, on a thread that httpd handles the request on. Where the
//! request can wait without a thread, the handler's phase ends there, and goes on in a further call (`waiting`). Elsewhere
//! the thread waits: it lets go of the GIL, and looks whether the client leaves and the child stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use super::awaitable::RequestWait;
use super::offers::offer::Offer;
use super::offers::serve;
use super::resumes::Resumes;
use super::state::RequestState;
use super::waiting;
use super::waiting::WaitingRequest;
use super::waiting_limit;
use crate::httpd::connection::parking;
use crate::httpd::connection::thread_event::SocketChange;
use crate::httpd::{Connection, Request, Status};
use crate::parking::io_state::{InputState, IoState, Needs};
use crate::parking::shutdown;
use crate::parking::shutdown::StopStage;
use crate::parking::task::Task;
use crate::parking::timer;
use crate::python::connection::call::{grace, is_coroutine};
use crate::python::connection::future::{Future, stepping};
use crate::python::object::class;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::stepper;
use crate::python::stepper::Step;
use crate::python::values::handler_result::{close_coroutine, status_error};

/// How often a stream of HTTP/2, which has no socket of its own, is looked at while its handler waits.
const STREAM_LOOK: Duration = Duration::from_millis(250);

/// What the call of a handler came to.
pub enum CallEnd<'py> {
    /// Its result.
    Result(Bound<'py, PyAny>),
    /// The request waits without a thread, and the phase goes on later.
    Waits,
}

/// How far a handler has come.
pub enum HandlerProgress<'py> {
    /// It has returned this.
    Done(Bound<'py, PyAny>),
    /// It waits, and its request can do so without a thread.
    Waits(Resumes),
}

/// Forgets the task when the handler is at its end.
struct KnownTask(Option<Arc<Task>>);

impl Drop for KnownTask {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            timer::forget(task.number);
        }
    }
}

/// Says that the code of an `async def` handler runs, until this is dropped.
struct HandlerCode<'a>(&'a RequestState);

impl<'a> HandlerCode<'a> {
    fn begin(state: &'a RequestState) -> Self {
        state.is_stepped.set(true);
        Self(state)
    }
}

impl Drop for HandlerCode<'_> {
    fn drop(&mut self) {
        self.0.is_stepped.set(false);
    }
}

/// What a content handler has returned: for a coroutine, what that comes to. Called with the GIL.
///
/// # Errors
/// What the coroutine raises; `OSError` if there is no thread for deadlines; `SERVER_RETURN` with 503 where too many
/// requests wait.
pub fn awaited<'py>(
    interpreter: &'static Interpreter,
    r: &Request,
    state: &RequestState,
    result: Bound<'py, PyAny>,
) -> PyResult<CallEnd<'py>> {
    if !is_coroutine(&result) {
        return Ok(CallEnd::Result(result));
    }
    waiting_limit::note_use();
    // The code of a request that was offered runs already, or was let in.
    if state.offer.borrow().is_none() && waiting_limit::are_too_many(r) {
        close_coroutine(&result);
        let status = Status::SERVICE_UNAVAILABLE;
        return Err(status_error(result.py(), interpreter, status));
    }
    let Some(task) = Task::new::<WaitingRequest>(true) else {
        close_coroutine(&result);
        return Err(PyOSError::new_err(
            "the thread for deadlines could not be started",
        ));
    };
    let mut known = KnownTask(Some(task.clone()));
    state.is_async.set(true);
    let io = IoState::default();
    let steps = Steps {
        r,
        state,
        task: &task,
        io: &io,
    };
    match steps.run(interpreter, &result)? {
        HandlerProgress::Done(value) => Ok(CallEnd::Result(value)),
        HandlerProgress::Waits(handler) => {
            // It is forgotten when the request has ended.
            known.0 = None;
            waiting::begin(r, task, io, handler, interpreter);
            Ok(CallEnd::Waits)
        }
    }
}

/// The steps of a coroutine.
pub struct Steps<'a> {
    /// The request whose handler it is.
    pub r: &'a Request,
    /// The request's state.
    pub state: &'a RequestState,
    /// The task by which others wake the request.
    pub task: &'a Arc<Task>,
    /// What is known of the client, and what the coroutine waits for.
    pub io: &'a IoState,
}

impl Steps<'_> {
    /// Goes on with a handler that has waited without a thread. As `run`.
    ///
    /// # Errors
    /// What the coroutine raises.
    pub fn resume<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        handler: Resumes,
    ) -> PyResult<HandlerProgress<'py>> {
        match handler {
            Resumes::Coroutine(coroutine) => self.run(interpreter, &coroutine.into_bound(py)),
            Resumes::Returned(value) => Ok(self.finish(value.into_bound(py))),
            Resumes::Offer(_) => {
                let result = serve::called(py, interpreter, self.r)?;
                match is_coroutine(&result) {
                    true => self.run(interpreter, &result),
                    false => Ok(HandlerProgress::Done(result)),
                }
            }
        }
    }

    /// Steps the coroutine until it has returned, or waits, and the request can do so without a thread: what it needs is in
    /// `io` then. Called with the GIL.
    ///
    /// # Errors
    /// What the coroutine raises.
    pub fn run<'py>(
        &self,
        interpreter: &'static Interpreter,
        coroutine: &Bound<'py, PyAny>,
    ) -> PyResult<HandlerProgress<'py>> {
        let py = coroutine.py();
        let is_ours = |what: &Bound<'_, PyAny>| {
            class::body::<RequestWait>(what, interpreter).is_some()
                || class::body::<Future>(what, interpreter).is_some()
        };
        let go_on = || {
            self.io.needs.take();
            self.state
                .heartbeat
                .beat(py, interpreter, self.r, self.state);
            self.step(|| stepper::send(coroutine))
        };
        let mut step = go_on();
        loop {
            step = match step {
                Step::Waits(what) if is_ours(&what) => {
                    drop(what);
                    if release(py, || self.wait()) {
                        let handler = Resumes::Coroutine(coroutine.clone().unbind());
                        return Ok(HandlerProgress::Waits(handler));
                    }
                    go_on()
                }
                Step::Waits(_) => self.step(|| stepper::throw_here(coroutine, &foreign())),
                Step::Done(value) => return Ok(self.finish(value)),
                Step::Raised(error) => return Err(error),
            };
        }
    }

    /// The coroutine has returned: waits until httpd takes what is left of what it wrote without waiting for the client.
    fn finish<'py>(&self, value: Bound<'py, PyAny>) -> HandlerProgress<'py> {
        let response = &self.state.response;
        response.queue_large(self.r);
        loop {
            let send = || match response.is_sending() {
                true => response.send_more(self.r),
                false => None,
            };
            let Some(late) = release(value.py(), send) else {
                return HandlerProgress::Done(value);
            };
            self.io.needs.set(Needs {
                write: true,
                until: Some(late),
                ..Needs::default()
            });
            if release(value.py(), || self.wait()) {
                return HandlerProgress::Waits(Resumes::Returned(value.unbind()));
            }
        }
    }

    fn step<'py>(&self, f: impl FnOnce() -> Step<'py>) -> Step<'py> {
        let _code = HandlerCode::begin(self.state);
        stepping(self.r.connection(), self.task, self.io, f)
    }

    /// Waits until the task is woken, a time has come, the client is seen to have left, or the time of handlers is over.
    /// Returns `true` where the request is to wait without a thread instead. Called without the GIL.
    fn wait(&self) -> bool {
        let awaited = self.io.needs.get();
        let mut needs = awaited;
        let response = &self.state.response;
        // Where it waits for something else, what it has written is sent meanwhile.
        let late = match awaited.write {
            true => None,
            false => response.send_due(self.r),
        };
        let heartbeat = self.state.heartbeat.due(response.total.get());
        needs.write |= late.is_some();
        needs.until = [needs.until, late, heartbeat].into_iter().flatten().min();
        self.io.needs.set(needs);
        let c = self.r.connection();
        if self.io.has_reported_end() && !c.is_stream() && c.is_at_end() {
            // What came before it was read meanwhile.
            self.io.note_end();
        }
        if self.must_go_on(awaited, needs.until) {
            return false;
        }
        if waiting::can_leave(self.r, self.task) {
            return true;
        }
        // Bytes that nobody has read come before the end of the client's side.
        let is_application = |offer: &Arc<Offer>| offer.chain().is_none();
        let is_exchange = self
            .state
            .offer
            .borrow()
            .as_ref()
            .is_some_and(is_application);
        let mut has_unread_input = is_exchange && self.io.has_reported_end();
        loop {
            if parking::is_stopping() && !shutdown::is_closing() {
                timer::close(grace());
                if needs.write {
                    return false; // The client is looked at from now on.
                }
            }
            let look = c.is_stream().then(|| Instant::now() + STREAM_LOOK);
            let until = needs.until.into_iter().chain(look).min();
            let watched = self.watched(c, has_unread_input);
            self.state.lease.lend_to_loop();
            let wakeup = self.task.wait(watched, until);
            self.state.lease.take_back();
            self.io.note(wakeup.ready);
            if wakeup.ready.ends && !wakeup.ready.broken {
                match c.is_at_end() {
                    true => self.io.note_end(),
                    false => has_unread_input = true,
                }
            }
            let tells_end = is_exchange && wakeup.ready.ends;
            let is_ready = tells_end || (wakeup.socket && (needs.read || needs.write));
            if wakeup.other || is_ready || self.must_go_on(awaited, needs.until) {
                return false;
            }
        }
    }

    /// Whether the handler, which waits for what is `awaited`, must be stepped now; at the latest, `until`.
    fn must_go_on(&self, awaited: Needs, until: Option<Instant>) -> bool {
        let is_aborted = self.r.connection().is_aborted();
        if is_aborted {
            self.io.departure.note_broken();
        }
        let is_late = until.is_some_and(|until| until <= Instant::now());
        let stops = shutdown::stage();
        is_late
            || stops == StopStage::AtOnce
            || match (awaited.write, awaited.read) {
                // A client that has ended its side may still take what is sent.
                (true, _) => is_aborted,
                // When the child stops, a client that sends or takes something has time for that.
                (_, true) => self.io.must_tell(),
                _ => self.io.must_tell() || stops == StopStage::Over,
            }
    }

    /// What is watched of the socket: nothing of a stream's, which shares it, and nothing once the handler knows.
    fn watched<'c>(
        &self,
        c: &'c Connection,
        has_unread_input: bool,
    ) -> Option<(&'c Connection, SocketChange)> {
        let needs = self.io.needs.get();
        match (needs.read && !c.is_stream(), needs.write) {
            (true, true) => return Some((c, SocketChange::InputOrRoom)),
            (true, false) => return Some((c, SocketChange::Input)),
            (false, true) => return Some((c, SocketChange::Room)),
            (false, false) => {}
        }
        if c.is_stream() || self.io.is_departure_told() {
            return None;
        }
        let has_ended = has_unread_input || self.io.input() != InputState::Open;
        Some(match has_ended {
            true => (c, SocketChange::Break),
            false => (c, SocketChange::End),
        })
    }
}

/// `RuntimeError` for an `await` of what needs an event loop of asyncio's.
fn foreign() -> PyErr {
    PyRuntimeError::new_err(
        "this is not for a handler to await: await apache.aio(...) runs it on asyncio's own loop",
    )
}
