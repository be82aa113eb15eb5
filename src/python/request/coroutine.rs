//! The coroutine of an `async def` content handler, which is stepped to its end on the thread that httpd handles the
//! request on. While it waits, that thread lets go of the GIL, and looks whether the client leaves and the child stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

use super::awaitable::RequestWait;
use super::state::RequestState;
use crate::httpd::connection::parking;
use crate::httpd::connection::thread_event::SocketChange;
use crate::httpd::{Connection, Request};
use crate::parking::io_state::{InputState, IoState, Needs};
use crate::parking::shutdown;
use crate::parking::task::{NextTask, Run, Task};
use crate::parking::timer;
use crate::python::connection::call::{grace, is_coroutine};
use crate::python::connection::future::{Future, stepping};
use crate::python::object::class;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::stepper;
use crate::python::stepper::Step;
use crate::python::values::handler_result::close_coroutine;

/// How often a stream of HTTP/2, which has no socket of its own, is looked at while its handler waits.
const STREAM_LOOK: Duration = Duration::from_millis(250);

/// What the task of a request runs: nothing, since its thread does.
struct OnThread;

impl Run for OnThread {
    fn step(_: &Arc<Task>, _: &mut NextTask<'_>) {}

    fn gone(&mut self, _: &Arc<Task>) {}
}

/// The task by which others wake the thread of a request.
struct ThreadTask(Arc<Task>);

impl Drop for ThreadTask {
    fn drop(&mut self) {
        timer::forget(self.0.number);
    }
}

/// Says that the code of an `async def` handler runs, until this is dropped.
struct Stepping<'a>(&'a RequestState);

impl<'a> Stepping<'a> {
    fn begin(state: &'a RequestState) -> Self {
        state.is_stepped.set(true);
        Self(state)
    }
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        self.0.is_stepped.set(false);
    }
}

/// What a content handler has returned: for a coroutine, what that comes to. Called with the GIL.
///
/// # Errors
/// What the coroutine raises; `OSError` if there is no thread for deadlines.
pub fn awaited<'py>(
    interpreter: &'static Interpreter,
    r: &Request,
    state: &RequestState,
    result: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    if !is_coroutine(&result) {
        return Ok(result);
    }
    let Some(task) = Task::new::<OnThread>(false).map(ThreadTask) else {
        close_coroutine(&result);
        return Err(PyOSError::new_err(
            "the thread for deadlines could not be started",
        ));
    };
    state.is_async.set(true);
    let waiting = OnItsThread {
        r,
        state,
        task: &task.0,
        io: IoState::default(),
    };
    waiting.run(interpreter, &result)
}

/// A coroutine that is stepped on its request's thread.
struct OnItsThread<'a> {
    r: &'a Request,
    state: &'a RequestState,
    task: &'a Arc<Task>,
    io: IoState,
}

impl OnItsThread<'_> {
    fn run<'py>(
        &self,
        interpreter: &'static Interpreter,
        coroutine: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = coroutine.py();
        let is_ours = |what: &Bound<'_, PyAny>| {
            class::body::<RequestWait>(what, interpreter).is_some()
                || class::body::<Future>(what, interpreter).is_some()
        };
        let mut step = self.step(|| stepper::send(coroutine));
        loop {
            step = match step {
                Step::Waits(what) if is_ours(&what) => {
                    drop(what);
                    let needs = self.io.needs.take();
                    release(py, || self.wait(needs));
                    self.step(|| stepper::send(coroutine))
                }
                Step::Waits(_) => self.step(|| stepper::throw_here(coroutine, &foreign())),
                Step::Done(value) => return Ok(value),
                Step::Raised(error) => return Err(error),
            };
        }
    }

    fn step<'py>(&self, f: impl FnOnce() -> Step<'py>) -> Step<'py> {
        let _stepping = Stepping::begin(self.state);
        stepping(self.r.connection(), self.task, &self.io, f)
    }

    /// Waits until the task is woken, a time has come, the client is seen to have left, or the time of handlers is over.
    /// Called without the GIL.
    fn wait(&self, needs: Needs) {
        self.state.response.send_due(self.r);
        let c = self.r.connection();
        // Bytes that nobody has read come before the end of the client's side.
        let mut is_behind = false;
        loop {
            if parking::is_stopping() && !shutdown::is_closing() {
                timer::close(grace());
            }
            if c.is_aborted() {
                self.io.departure.note_broken();
            }
            let now = Instant::now();
            let is_late = needs.until.is_some_and(|until| until <= now);
            if is_late || self.io.must_tell() || shutdown::is_over() {
                return;
            }
            let look = c.is_stream().then(|| now + STREAM_LOOK);
            let until = needs.until.into_iter().chain(look).min();
            let wakeup = self.task.wait(self.watched(c, is_behind), until);
            self.io.note(wakeup.ready);
            if wakeup.ready.ends && !wakeup.ready.broken {
                match c.is_at_end() {
                    true => self.io.note_end(),
                    false => is_behind = true,
                }
            }
            if wakeup.other {
                return;
            }
        }
    }

    /// What is watched of the socket: nothing of a stream's, which shares it, and nothing once the handler knows.
    fn watched<'c>(
        &self,
        c: &'c Connection,
        is_behind: bool,
    ) -> Option<(&'c Connection, SocketChange)> {
        if c.is_stream() || self.io.is_departure_told() {
            return None;
        }
        let has_ended = is_behind || self.io.input() != InputState::Open;
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
