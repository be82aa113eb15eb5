//! What is called at the end: of a request (`register_cleanup`, `PythonCleanupHandler`), of a child.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::interpreters::context::About;
use super::interpreters::hold;
use super::interpreters::interpreter::{Interpreter, main_server};
use super::report;
use super::request::phase;
use super::result::server_return;
use super::state::State;
use crate::engine::phases::{Hook, Phase};
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Pool, Request, Status, process};

/// A function to be called at the end, and its argument.
pub struct Cleanup {
    interpreter: &'static Interpreter,
    function: Py<PyAny>,
    data: Py<PyAny>,
}

impl Cleanup {
    /// `function(data)`; without data, `function(None)`.
    ///
    /// # Errors
    /// `ValueError` for what cannot be called.
    pub fn new(
        interpreter: &'static Interpreter,
        function: &Bound<'_, PyAny>,
        data: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        if !function.is_callable() {
            let kind = function.get_type().name()?;
            return Err(PyValueError::new_err(format!(
                "register_cleanup() takes a function to call, not {kind}"
            )));
        }
        let data = data.map(|data| data.clone().unbind());
        Ok(Self {
            interpreter,
            function: function.clone().unbind(),
            data: data.unwrap_or_else(|| function.py().None()),
        })
    }

    fn run(self, about: About<'_>) {
        self.interpreter.enter(about, |py| {
            let (function, data) = (self.function.into_bound(py), self.data.into_bound(py));
            if let Err(error) = function.call1((data,)) {
                if matches!(server_return(py, self.interpreter, &error), Ok(Some(_))) {
                    // As if it had returned the result, which nobody asks for.
                    return;
                }
                let name = function
                    .getattr("__qualname__")
                    .and_then(|name| name.extract())
                    .unwrap_or_else(|_| function.to_string());
                report::to_log(py, &format!("cleanup {name}"), &error);
            }
        });
    }
}

/// The cleanups of a request.
#[derive(Default)]
pub struct Cleanups {
    functions: RefCell<Vec<Cleanup>>,
    is_armed: std::cell::Cell<bool>,
}

impl Cleanups {
    /// Adds one; the last one is called first.
    pub fn push(&self, r: &Request, cleanup: Cleanup) {
        self.functions.borrow_mut().push(cleanup);
        self.arm(r);
    }

    fn arm(&self, r: &Request) {
        if !self.is_armed.replace(true) {
            r.at_end(end);
        }
    }
}

/// Sees to it that the request's `PythonCleanupHandler` runs, if it has one.
pub fn arm(r: &Request, settings: &Settings) {
    if settings.has(Phase::Cleanup) {
        State::of(r).cleanups.arm(r);
    }
}

/// A request goes, with all that we keep of it still there.
fn end(r: &Request) {
    let state = State::of(r);
    state.has_ended.set(true);
    state.handlers.close();
    // What one leaves for the end is called, too.
    let next = || state.cleanups.functions.borrow_mut().pop();
    while let Some(cleanup) = next() {
        let _open = state.lease.open();
        cleanup.run(About::Request(r));
    }
    let settings = r.settings::<Settings>();
    if let Some(chosen) = settings.handlers(Phase::Cleanup, r.filename()) {
        let _: Status = phase::run(r, Hook::PoolCleanup, Phase::Cleanup, Some(chosen), settings);
    }
}

static OF_CHILD: Mutex<Vec<Cleanup>> = Mutex::new(Vec::new());

/// Adds one to be called when the child ends; the last one is called first.
pub fn push_for_child(cleanup: Cleanup) {
    OF_CHILD
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(cleanup);
}

/// Runs them when this pool, which is that of the child, is cleared.
pub fn run_with_child(child: &Pool) {
    child.own_first(ChildEnds);
}

struct ChildEnds;

impl Drop for ChildEnds {
    fn drop(&mut self) {
        if hold::is_attached() {
            // prefork's answer to SIGTERM is a signal handler: here one in the midst of Python code.
            let text = "the child was told to end while it ran Python code: it ends at once, without \
                        the functions of register_cleanup";
            log::server(place!(), main_server(), Level::Notice, text);
            process::end();
        }
        let next = || {
            OF_CHILD
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
        };
        while let Some(cleanup) = next() {
            cleanup.run(About::Nothing);
        }
    }
}
