//! The coroutine of an `async def` connection handler: its steps, its end, and what its result means. All functions
//! are called with the task's turn, by an MPM worker or a reactor thread; `step` and `close` enter Python themselves.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::awaitable::Wait;
use super::ends::is_of_peer;
use super::future::Future;
use super::role::Role;
use crate::engine::call_counters::Work;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::httpd::log::Level;
use crate::httpd::{Connection, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::parking::io_state::{IoState, Needs};
use crate::python::object::class;
use crate::python::runtime::context::About;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::traceback;
use crate::python::stepper;
use crate::python::stepper::Step;
use crate::python::values::handler_result::{number, server_return};

/// The coroutine of one connection's handler.
pub struct Coroutine {
    /// The interpreter that it runs in.
    pub interpreter: &'static Interpreter,
    /// The directive that it serves the connection for.
    pub role: Role,
    /// The lease under which Python code uses `conn`.
    pub lease: Arc<Lease>,
    /// The coroutine; `None` during a step and after its end.
    pub coroutine: Option<Called>,
}

/// A coroutine, and its context of `contextvars`: a copy of the one in which the handler was called.
pub struct Called {
    /// The coroutine.
    pub object: Py<PyAny>,
    /// Its context.
    pub variables: Variables,
}

impl Coroutine {
    /// Whether a coroutine has yielded one of this module's awaitables, not one of asyncio's.
    fn is_ours(&self, what: &Bound<'_, PyAny>) -> bool {
        class::body::<Wait>(what, self.interpreter).is_some()
            || class::body::<Future>(what, self.interpreter).is_some()
    }

    /// Enters Python and runs the coroutine until it awaits something that has not come. Returns the status for the
    /// connection when the coroutine has ended; `io` has what it needs otherwise.
    pub fn step(&mut self, c: &Connection, io: &IoState) -> Option<Status> {
        let coroutine = self.coroutine.take()?;
        let interpreter = self.interpreter;
        let measurement = Measurement::go_on(metrics::phase(Phase::Connection));
        let done = interpreter.enter(About::Connection(c), |py| {
            let _open = self.lease.open();
            let Called { object, variables } = coroutine;
            let coroutine = object.into_bound(py);
            io.needs.set(Needs::default());
            let mut step = stepper::step(&variables, &coroutine);
            loop {
                match step {
                    Step::Waits(what) if self.is_ours(&what) => {
                        let object = coroutine.unbind();
                        self.coroutine = Some(Called { object, variables });
                        return None;
                    }
                    Step::Waits(_) => step = stepper::throw(&variables, &coroutine, &foreign()),
                    Step::Done(value) => return Some(self.returned(py, c, io, &value)),
                    Step::Raised(error) => return Some(self.raised(py, c, io, error)),
                }
            }
        });
        measurement.end(&Work::default());
        done
    }

    fn returned(
        &self,
        py: Python<'_>,
        c: &Connection,
        io: &IoState,
        value: &Bound<'_, PyAny>,
    ) -> Status {
        self.lease.end();
        if value.is_none() {
            return Status::OK;
        }
        match number(value, &self.text()) {
            Ok(number) => self.role.judge(c, io, Status(number)),
            Err(error) => self.raised(py, c, io, error),
        }
    }

    fn raised(&self, py: Python<'_>, c: &Connection, io: &IoState, error: PyErr) -> Status {
        self.lease.end();
        match server_return(py, self.interpreter, &error) {
            Ok(Some(returned)) => return self.role.judge(c, io, Status(returned.result)),
            Ok(None) => {}
            Err(error) => return self.raised(py, c, io, error),
        }
        failed(py, c, &self.role, &error);
        Status::OK
    }

    fn text(&self) -> String {
        self.role.handler().map(Handler::text).unwrap_or_default()
    }

    /// Enters Python and closes the coroutine: `GeneratorExit` is raised where it waits (PEP 492).
    pub fn close(&mut self, c: &Connection, io: &IoState) {
        if let Some(coroutine) = self.coroutine.take() {
            self.interpreter.enter(About::Connection(c), |py| {
                let _open = self.lease.open();
                let Called { object, variables } = coroutine;
                let coroutine = object.into_bound(py);
                if let Err(error) = variables.run(py, || coroutine.call_method0("close")) {
                    self.raised(py, c, io, error);
                }
                self.lease.end();
            });
        }
    }
}

/// Logs the exception that ended a connection's handler: one line at level info for what the peer has caused, else a
/// traceback, which is counted as a failure. Called with the GIL.
pub fn failed(py: Python<'_>, c: &Connection, role: &Role, error: &PyErr) {
    let name = role.title();
    if is_of_peer(py, error) {
        About::Connection(c).log(Level::Info, &format!("{name}: {error}"));
        return;
    }
    metrics::failed(metrics::phase(Phase::Connection));
    traceback::name_what_helps(py, error);
    traceback::to_log(py, &format!("{name} failed"), error);
}

/// `RuntimeError` for an `await` of what needs an event loop of asyncio's.
fn foreign() -> PyErr {
    PyRuntimeError::new_err(
        "this is not for a connection handler to await: await apache.aio(...) runs it on \
         asyncio's own loop",
    )
}
