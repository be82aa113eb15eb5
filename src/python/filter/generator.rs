//! The `async def` generator of a streaming filter: it runs until it waits for more of the body, yields, or ends. All
//! functions are called in a call of the filter on httpd's thread, with the GIL.

use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError};
use pyo3::prelude::*;

use super::awaitable::Reader;
use crate::python::object::class;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::{time_limit, traceback};
use crate::python::stepper;
use crate::python::stepper::Step;

/// The note on an exception for an `await` of something else.
const NOTE: &str = "A filter runs on httpd's thread, where there is no event loop: it may await what \
                    `filter` gives (async for chunk in filter, filter.read() ...), and nothing of \
                    asyncio's own.";

/// A generator that has not ended.
pub struct Generator {
    object: Py<PyAny>,
    /// Its context of `contextvars`: a copy of the one in which it was made.
    variables: Variables,
    /// The awaitable of the step that waits for more of the body.
    awaited: Option<Py<PyAny>>,
}

/// Why a run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It waits for more of the body.
    Waits,
    /// What it yielded is enough for now.
    Enough,
    /// It has ended.
    Ended,
}

impl Generator {
    /// Takes a generator that has not run yet.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn new(object: Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            variables: Variables::copy_current(object.py())?,
            object: object.unbind(),
            awaited: None,
        })
    }

    /// Whether it waits for more of the body.
    pub fn is_waiting(&self) -> bool {
        self.awaited.is_some()
    }

    /// Runs the generator. `yielded` takes each item, and returns whether that is enough for now.
    ///
    /// # Errors
    /// What the generator or `yielded` raises.
    pub fn run<'py>(
        &mut self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        mut yielded: impl FnMut(&Bound<'py, PyAny>) -> PyResult<bool>,
    ) -> PyResult<Stop> {
        loop {
            time_limit::begin_next();
            let awaited = match self.awaited.take() {
                Some(awaited) => awaited.into_bound(py),
                None => stepper::next(self.object.bind(py))?,
            };
            match stepper::step(&self.variables, &awaited) {
                Step::Done(item) => match yielded(&item) {
                    Ok(false) => {}
                    Ok(true) => return Ok(Stop::Enough),
                    Err(error) => return Err(self.throw(py, error)),
                },
                Step::Waits(what) if class::body::<Reader>(&what, interpreter).is_some() => {
                    self.awaited = Some(awaited.unbind());
                    return Ok(Stop::Waits);
                }
                Step::Waits(what) => return Err(refuse(&self.variables, &awaited, &what)),
                Step::Raised(error) if stepper::is_end(py, &error) => return Ok(Stop::Ended),
                Step::Raised(error) => return Err(explain(py, error)),
            }
        }
    }

    /// Raises an error where the generator has yielded what is refused, so that the traceback shows the line and
    /// `finally` blocks run. The generator has ended then, even if it catches the error. Returns the error for the log.
    fn throw(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let thrown = self
            .object
            .bind(py)
            .call_method1("athrow", (error.value(py),));
        match thrown.map(|thrown| stepper::step(&self.variables, &thrown)) {
            Ok(Step::Raised(raised)) if !stepper::is_end(py, &raised) => raised,
            _ => error,
        }
    }

    /// Closes the generator: `GeneratorExit` is raised where it stands, and its `finally` blocks run.
    ///
    /// # Errors
    /// What these raise.
    pub fn close(self, py: Python<'_>) -> PyResult<()> {
        let variables = &self.variables;
        let (closing, step) = match self.awaited {
            // `aclose()` refuses a generator that is inside an `await`.
            Some(awaited) => {
                let awaited = awaited.into_bound(py);
                let step = match stepper::throw(variables, &awaited, &PyGeneratorExit::new_err(()))
                {
                    Step::Done(_) => Step::Raised(PyRuntimeError::new_err(
                        "async generator ignored GeneratorExit",
                    )),
                    other => other,
                };
                (awaited, step)
            }
            None => {
                let closing = self.object.bind(py).call_method0("aclose")?;
                let step = stepper::step(variables, &closing);
                (closing, step)
            }
        };
        match step {
            Step::Done(_) => Ok(()),
            Step::Waits(what) => Err(refuse(variables, &closing, &what)),
            Step::Raised(error) if stepper::is_end(py, &error) => Ok(()),
            Step::Raised(error) if error.is_instance_of::<PyGeneratorExit>(py) => Ok(()),
            Step::Raised(error) => Err(error),
        }
    }
}

/// Raises `RuntimeError` where the generator awaits an object that is no reader of its filter, so that the traceback
/// shows the line. Returns the error for the log.
fn refuse(variables: &Variables, awaited: &Bound<'_, PyAny>, what: &Bound<'_, PyAny>) -> PyErr {
    let py = awaited.py();
    let kind = what
        .get_type()
        .name()
        .map(|name| name.to_string())
        .unwrap_or_default();
    let error = PyRuntimeError::new_err(format!("a filter cannot await {kind} here"));
    let error = match stepper::throw(variables, awaited, &error) {
        Step::Raised(raised) => raised,
        Step::Waits(_) | Step::Done(_) => error,
    };
    note(py, error)
}

/// Adds the note to the error that functions of asyncio raise without an event loop.
fn explain(py: Python<'_>, error: PyErr) -> PyErr {
    if traceback::asks_for_event_loop(py, &error) {
        note(py, error)
    } else {
        error
    }
}

fn note(py: Python<'_>, error: PyErr) -> PyErr {
    // If the note cannot be added, the error is reported without it.
    let _ = error.value(py).call_method1("add_note", (NOTE,));
    error
}
