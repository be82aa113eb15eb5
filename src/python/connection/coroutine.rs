//! The coroutine of an `async def` connection handler: stepped, closed, and what it came to.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::awaitable::{Wait, is_of_peer};
use super::future::Future;
use super::role::Role;
use crate::engine::counters::Work;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::httpd::log::Level;
use crate::httpd::{Connection, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::parking::io_state::{IoState, Needs};
use crate::python::object::class;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::traceback;
use crate::python::stepper;
use crate::python::stepper::Step;
use crate::python::values::handler_result::{number, server_return};

/// The handler of one connection at work.
pub struct Coroutine {
    /// Where it runs.
    pub interpreter: &'static Interpreter,
    /// As what it serves the connection.
    pub role: Role,
    /// Under which it has the connection.
    pub lease: Arc<Lease>,
    /// What its call gave, until that is done.
    pub coroutine: Option<Py<PyAny>>,
}

impl Coroutine {
    fn is_ours(&self, what: &Bound<'_, PyAny>) -> bool {
        class::body::<Wait>(what, self.interpreter).is_some()
            || class::body::<Future>(what, self.interpreter).is_some()
    }

    /// One step of the handler; what it came to, if it is done.
    pub fn step(&mut self, c: &Connection, io: &IoState) -> Option<Status> {
        let coroutine = self.coroutine.take()?;
        let interpreter = self.interpreter;
        let measurement = Measurement::begin(metrics::phase(Phase::Connection));
        let done = interpreter.enter(About::Connection(c), |py| {
            let _open = self.lease.open();
            let coroutine = coroutine.into_bound(py);
            io.needs.set(Needs::default());
            let mut step = stepper::step(&coroutine);
            loop {
                match step {
                    Step::Waits(what) if self.is_ours(&what) => {
                        self.coroutine = Some(coroutine.unbind());
                        return None;
                    }
                    Step::Waits(_) => step = stepper::throw(&coroutine, &foreign()),
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

    /// Closes the coroutine: `GeneratorExit` where it waits.
    pub fn close(&mut self, c: &Connection, io: &IoState) {
        if let Some(coroutine) = self.coroutine.take() {
            self.interpreter.enter(About::Connection(c), |py| {
                let _open = self.lease.open();
                let coroutine = coroutine.into_bound(py);
                if let Err(error) = coroutine.call_method0("close") {
                    self.raised(py, c, io, error);
                }
                self.lease.end();
            });
        }
    }
}

/// Reports the exception that ended a connection's handler: a line for what the peer has done, and a
/// traceback, counted as a failure, for anything else.
pub fn failed(py: Python<'_>, c: &Connection, role: &Role, error: &PyErr) {
    let name = role.title();
    if is_of_peer(py, error) {
        c.log(Level::Info, &format!("{name}: {error}"));
        return;
    }
    metrics::failed(metrics::phase(Phase::Connection));
    traceback::name_what_helps(py, error);
    traceback::to_log(py, &format!("{name} failed"), error);
}

fn foreign() -> PyErr {
    PyRuntimeError::new_err(
        "this is not for a connection handler to await: await apache.aio(...) runs it on \
         asyncio's own loop",
    )
}
