//! Steps coroutines and async generators on the calling thread, without an event loop. What they may await are this
//! module's awaitables: such an await yields an object of this module, and is tried again at the next step. All
//! functions are called with the GIL.
#![expect(unsafe_code, reason = "the C API of iterators and async generators")]

use std::ptr::null_mut;

use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::runtime::contextvars::Variables;
use super::runtime::forked;

/// The outcome of one step of an awaitable.
pub enum Step<'py> {
    /// It waits for the object that it yielded.
    Waits(Bound<'py, PyAny>),
    /// It has ended, with this value.
    Done(Bound<'py, PyAny>),
    /// It has ended with an exception.
    Raised(PyErr),
}

/// Runs an awaitable in its context of `contextvars` until it waits or ends. `PyIter_Send` makes no `StopIteration`
/// for its value.
pub fn step<'py>(variables: &Variables, awaitable: &Bound<'py, PyAny>) -> Step<'py> {
    variables.run(awaitable.py(), || send(awaitable))
}

/// Runs an awaitable in the current context, as [`step`].
pub fn send<'py>(awaitable: &Bound<'py, PyAny>) -> Step<'py> {
    let py = awaitable.py();
    let mut value = null_mut();
    let none = py.None();
    // SAFETY: an iterator, as `__await__` and `__anext__` give it; None is what starts a step.
    let sent = unsafe { ffi::PyIter_Send(awaitable.as_ptr(), none.as_ptr(), &raw mut value) };
    if sent == ffi::PySendResult::PYGEN_ERROR {
        let error = PyErr::fetch(py);
        forked::check(py, Some(&error));
        return Step::Raised(error);
    }
    forked::check(py, None);
    // SAFETY: a new reference in both other cases.
    let value = unsafe { Bound::from_owned_ptr(py, value) };
    match sent {
        ffi::PySendResult::PYGEN_RETURN => Step::Done(value),
        _ => Step::Waits(value),
    }
}

/// Raises an exception where an awaitable waits, and runs it on from there, in its context.
pub fn throw<'py>(
    variables: &Variables,
    awaitable: &Bound<'py, PyAny>,
    error: &PyErr,
) -> Step<'py> {
    variables.run(awaitable.py(), || throw_here(awaitable, error))
}

/// Raises an exception where an awaitable waits, and runs it on from there, in the current context.
pub fn throw_here<'py>(awaitable: &Bound<'py, PyAny>, error: &PyErr) -> Step<'py> {
    let py = awaitable.py();
    let result = awaitable.call_method1("throw", (error.value(py),));
    forked::check(py, result.as_ref().err());
    match result {
        Ok(what) => Step::Waits(what),
        Err(raised) if raised.is_instance_of::<PyStopIteration>(py) => {
            match raised.value(py).getattr("value") {
                Ok(value) => Step::Done(value),
                Err(error) => Step::Raised(error),
            }
        }
        Err(raised) => Step::Raised(raised),
    }
}

/// Whether an object is an async generator, as the call of an `async def` function with `yield` returns it.
pub fn is_async_generator(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: only reads the type of a live object.
    let class = unsafe { ffi::Py_TYPE(object.as_ptr()) };
    std::ptr::eq(class, &raw const ffi::PyAsyncGen_Type)
}

/// The awaitable for an async generator's next item (`__anext__`).
///
/// # Errors
/// `TypeError` for another object; what the generator raises.
pub fn next<'py>(generator: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let expected = || PyTypeError::new_err("an async generator was expected");
    if !is_async_generator(generator) {
        return Err(expected());
    }
    // SAFETY: only reads the type of a live object.
    let class = unsafe { ffi::Py_TYPE(generator.as_ptr()) };
    // SAFETY: a type lives as long as its objects.
    let class = unsafe { &*class };
    // SAFETY: async generators have this table.
    let methods = unsafe { &*class.tp_as_async };
    let next = methods.am_anext.ok_or_else(expected)?;
    // SAFETY: its own slot.
    let awaitable = unsafe { next(generator.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(generator.py(), awaitable) }
}

/// Whether an exception is the end of an async generator.
pub fn is_end(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyStopAsyncIteration>(py)
}
