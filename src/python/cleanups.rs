//! What is called at the end: of a request (`register_cleanup`, `PythonCleanupHandler`), of a child.

use std::cell::{Cell, RefCell};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::forked;
use super::interpreters::context::About;
use super::interpreters::interpreter::{Interpreter, main_server};
use super::report;
use super::request::phase;
use super::result::server_return;
use super::state::State;
use crate::engine::phases::{Hook, Phase};
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Pool, Request, Status};
use crate::locks::Lock;

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

    /// Calls it, after `entered`: Python is entered then.
    fn run(self, about: About<'_>, entered: impl FnOnce()) {
        self.interpreter.enter(about, |py| {
            entered();
            let (function, data) = (self.function.into_bound(py), self.data.into_bound(py));
            if let Err(error) = forked::result(py, function.call1((data,))) {
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

/// How many cleanups may be registered while the cleanups of a request, or of the child, run: one that
/// registers itself each time would run for ever.
const MOST_LATE: usize = 100;

/// The exception for one more.
fn too_many() -> PyErr {
    PyValueError::new_err(format!(
        "{MOST_LATE} functions were registered by cleanups, which is the most: a cleanup must not \
         register itself each time that it is called"
    ))
}

/// The cleanups of a request.
#[derive(Default)]
pub struct Cleanups {
    functions: RefCell<Vec<Cleanup>>,
    is_armed: Cell<bool>,
    /// How many were added while they ran.
    late: Cell<usize>,
}

impl Cleanups {
    /// Adds one; the last one is called first. `runs`: the cleanups of the request are running.
    ///
    /// # Errors
    /// `ValueError` when cleanups register too many.
    pub fn push(&self, r: &Request, cleanup: Cleanup, runs: bool) -> PyResult<()> {
        if runs && self.late.replace(self.late.get() + 1) >= MOST_LATE {
            return Err(too_many());
        }
        self.functions.borrow_mut().push(cleanup);
        self.arm(r);
        Ok(())
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
        cleanup.run(About::Request(r), || {});
    }
    let settings = r.settings::<Settings>();
    if let Some(chosen) = settings.handlers(Phase::Cleanup, r.filename()) {
        let _: Status = phase::run(r, Hook::PoolCleanup, Phase::Cleanup, Some(chosen), settings);
    }
}

static OF_CHILD: Lock<Vec<Cleanup>> = Lock::short(Vec::new());

/// How many were added for the end of the child while it ended; `None` until then.
static LATE: Lock<Option<usize>> = Lock::short(None);

/// Adds one to be called when the child ends; the last one is called first.
///
/// # Errors
/// `ValueError` when cleanups register too many.
pub fn push_for_child(cleanup: Cleanup) -> PyResult<()> {
    if let Some(late) = &mut *LATE.lock() {
        if *late >= MOST_LATE {
            return Err(too_many());
        }
        *late += 1;
    }
    OF_CHILD.lock().push(cleanup);
    Ok(())
}

/// Runs them when this pool, which is that of the child, is cleared.
pub fn run_with_child(child: &Pool) {
    child.own_first(ChildEnds);
}

struct ChildEnds;

impl Drop for ChildEnds {
    fn drop(&mut self) {
        let _running = RUNNING.lock();
        while let Some(cleanup) = next_of_child() {
            cleanup.run(About::Nothing, || {});
        }
    }
}

fn next_of_child() -> Option<Cleanup> {
    let mut late = LATE.lock();
    late.get_or_insert(0);
    drop(late);
    OF_CHILD.lock().pop()
}

/// Who runs the cleanups of the child, and enters Python for each.
static RUNNING: Lock<()> = Lock::turn(());

/// How long Python may keep its lock from a cleanup of a child that must end.
const PATIENCE: Duration = Duration::from_millis(200);

/// Runs the cleanups of the child on a thread of their own, while other threads may be in the midst
/// of Python code, and waits for that. Gives up if such a thread does not let go of the GIL.
pub fn run_beside_others() {
    if OF_CHILD.lock().is_empty() {
        return;
    }
    let (inside, is_inside) = mpsc::channel();
    let work = move || {
        let _running = RUNNING.lock();
        while let Some(cleanup) = next_of_child() {
            // Nobody listens any more to one that came too late.
            cleanup.run(About::Nothing, || inside.send(true).unwrap_or_default());
            inside.send(false).unwrap_or_default();
        }
    };
    let failed = |reason: &str| {
        let text = format!(
            "the child was told to end: functions of apache.register_cleanup() are left out, since \
             {reason}"
        );
        log::server(place!(), main_server(), Level::Error, &text);
    };
    let builder = thread::Builder::new().name("cleanups".into());
    if let Err(error) = builder.spawn(work) {
        return failed(&format!("there is no thread for them: {error}"));
    }
    loop {
        match is_inside.recv_timeout(PATIENCE) {
            // As long as it takes: httpd kills a child that takes too long.
            Ok(true) => drop(is_inside.recv()),
            Ok(false) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return failed("another thread keeps Python's global lock (the GIL)");
            }
        }
    }
}
