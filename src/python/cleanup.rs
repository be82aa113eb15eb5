//! Cleanups: functions that Python code registers to be called at the end of a request (`req.register_cleanup`) or of
//! the child (`apache.register_cleanup`).
//!
//! Those of the child are part of its end (`child_end`). The locks of the lists are short.

use std::cell::{Cell, RefCell};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::runtime::context::About;
use super::runtime::contextvars::Variables;
use super::runtime::forked;
use super::runtime::interpreter::Interpreter;
use super::runtime::traceback;
use super::values::handler_result::server_return;
use crate::locks::Lock;

/// A function to be called at the end, its argument, and the interpreter of both.
pub struct Cleanup {
    interpreter: &'static Interpreter,
    function: Py<PyAny>,
    data: Py<PyAny>,
    /// A copy of the context of `contextvars` in which it was registered, as asyncio's callbacks have.
    variables: Variables,
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
            variables: Variables::copy_current(function.py())?,
            data: data.unwrap_or_else(|| function.py().None()),
        })
    }

    /// Whether its argument is this object.
    pub(in crate::python) fn is_for(&self, data: &Bound<'_, PyAny>) -> bool {
        self.data.is(data)
    }

    /// Enters the interpreter, calls `entered`, then the function. What the function raises is logged where `about`
    /// logs. Called without a short lock; takes the GIL.
    pub(in crate::python) fn run(self, about: About<'_>, entered: impl FnOnce()) {
        self.interpreter.enter(about, |py| {
            entered();
            let (function, data) = (self.function.into_bound(py), self.data.into_bound(py));
            let result = self.variables.run(py, || function.call1((data,)));
            if let Err(error) = forked::result(py, result) {
                if matches!(server_return(py, self.interpreter, &error), Ok(Some(_))) {
                    // SERVER_RETURN counts as a return, and what a cleanup returns is ignored.
                    return;
                }
                let name = function
                    .getattr("__qualname__")
                    .and_then(|name| name.extract())
                    .unwrap_or_else(|_| function.to_string());
                traceback::to_log(py, &format!("cleanup {name}"), &error);
            }
        });
    }
}

/// How many cleanups may be registered while the cleanups of a request, or of the child, run: a cleanup that registers
/// itself each time would run for ever.
pub(in crate::python) const MOST_LATE: usize = 100;

/// `ValueError` for one cleanup more than that.
pub(in crate::python) fn too_many() -> PyErr {
    PyValueError::new_err(format!(
        "{MOST_LATE} functions were registered by cleanups, which is the most: a cleanup must not \
         register itself each time that it is called"
    ))
}

/// The cleanups of a request.
#[derive(Default)]
pub struct Cleanups {
    pub(in crate::python) functions: RefCell<Vec<Cleanup>>,
    pub(in crate::python) is_armed: Cell<bool>,
    /// How many were registered while the cleanups ran.
    pub(in crate::python) late: Cell<usize>,
}

/// The cleanups of the child, the last one first to be called.
static OF_CHILD: Lock<Vec<Cleanup>> = Lock::short(Vec::new());

/// How many cleanups of the child were registered while these ran; `None` before they run.
static LATE: Lock<Option<usize>> = Lock::short(None);

/// Registers a cleanup of the child. Any thread, with the GIL.
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

/// The cleanup of the child that is to be called next. Those that cleanups register count as late from the first call on.
pub(in crate::python) fn next_of_child() -> Option<Cleanup> {
    let mut late = LATE.lock();
    late.get_or_insert(0);
    drop(late);
    OF_CHILD.lock().pop()
}

/// How many cleanups of the child are left to be called.
pub(in crate::python) fn left_of_child() -> usize {
    OF_CHILD.lock().len()
}
