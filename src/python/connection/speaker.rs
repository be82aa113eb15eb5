//! The coroutine of an `async def` connection handler: stepped, closed, and what it came to.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::duplex::{Duplex, Needs};
use super::pending::Pending;
use super::role::Role;
use super::waits::{Wait, is_of_peer};
use crate::engine::counters::Work;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Connection, Status};
use crate::python::interpreters::context::About;
use crate::python::interpreters::interpreter::Interpreter;
use crate::python::meter::{self, Meter};
use crate::python::object::class;
use crate::python::object::lease::Lease;
use crate::python::report;
use crate::python::result::{number, server_return};
use crate::python::stepper::{self, Step};

/// The handler of one connection at work.
pub struct Speaker {
    /// Where it runs.
    pub interpreter: &'static Interpreter,
    /// As what it serves the connection.
    pub role: Role,
    /// Under which it has the connection.
    pub lease: Arc<Lease>,
    /// What its call gave, until that is done.
    pub coroutine: Option<Py<PyAny>>,
}

impl Speaker {
    fn is_ours(&self, what: &Bound<'_, PyAny>) -> bool {
        class::body::<Wait>(what, self.interpreter).is_some()
            || class::body::<Pending>(what, self.interpreter).is_some()
    }

    /// One step of the handler; what it came to, if it is done.
    pub fn step(&mut self, c: &Connection, duplex: &Duplex) -> Option<Status> {
        let coroutine = self.coroutine.take()?;
        let interpreter = self.interpreter;
        let meter = Meter::begin(meter::phase(Phase::Connection));
        let done = interpreter.enter(About::Connection(c), |py| {
            let _open = self.lease.open();
            let coroutine = coroutine.into_bound(py);
            duplex.needs.set(Needs::default());
            let mut step = stepper::step(&coroutine);
            loop {
                match step {
                    Step::Waits(what) if self.is_ours(&what) => {
                        self.coroutine = Some(coroutine.unbind());
                        return None;
                    }
                    Step::Waits(_) => step = stepper::throw(&coroutine, &foreign()),
                    Step::Done(value) => return Some(self.returned(py, c, duplex, &value)),
                    Step::Raised(error) => return Some(self.raised(py, c, duplex, error)),
                }
            }
        });
        meter.end(&Work::default());
        done
    }

    fn returned(
        &self,
        py: Python<'_>,
        c: &Connection,
        duplex: &Duplex,
        value: &Bound<'_, PyAny>,
    ) -> Status {
        self.lease.end();
        if value.is_none() {
            return Status::OK;
        }
        match number(value, &self.text()) {
            Ok(number) => self.role.judge(c, duplex, Status(number)),
            Err(error) => self.raised(py, c, duplex, error),
        }
    }

    fn raised(&self, py: Python<'_>, c: &Connection, duplex: &Duplex, error: PyErr) -> Status {
        self.lease.end();
        match server_return(py, self.interpreter, &error) {
            Ok(Some(returned)) => return self.role.judge(c, duplex, Status(returned.result)),
            Ok(None) => {}
            Err(error) => return self.raised(py, c, duplex, error),
        }
        failed(py, c, &self.role, &error);
        Status::OK
    }

    fn text(&self) -> String {
        self.role.handler().map(Handler::text).unwrap_or_default()
    }

    /// Closes the coroutine: `GeneratorExit` where it waits.
    pub fn close(&mut self, c: &Connection, duplex: &Duplex) {
        if let Some(coroutine) = self.coroutine.take() {
            self.interpreter.enter(About::Connection(c), |py| {
                let _open = self.lease.open();
                let coroutine = coroutine.into_bound(py);
                if let Err(error) = coroutine.call_method0("close") {
                    self.raised(py, c, duplex, error);
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
        log::connection(place!(), c, Level::Info, &format!("{name}: {error}"));
        return;
    }
    meter::failed(meter::phase(Phase::Connection));
    report::name_what_helps(py, error);
    report::to_log(py, &format!("{name} failed"), error);
}

fn foreign() -> PyErr {
    PyRuntimeError::new_err(
        "this is not for a connection handler to await: await apache.aio(...) runs it on \
         asyncio's own loop",
    )
}
