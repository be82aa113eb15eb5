//! What a handler gave back, as httpd wants to know it.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::interpreters::interpreter::Interpreter;
use super::request::fields::valid_status;

/// What `SERVER_RETURN(result[, status])` says.
pub struct Returned {
    /// The result, as if it had been returned.
    pub result: i32,
    /// The response's status, if it was given.
    pub status: Option<i32>,
}

/// What `error` says if it is a `SERVER_RETURN`; None if it is not.
///
/// # Errors
/// `TypeError` when its arguments are no numbers.
pub fn server_return(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    error: &PyErr,
) -> PyResult<Option<Returned>> {
    if !error.matches(py, interpreter.types.server_return.bind(py))? {
        return Ok(None);
    }
    let arguments = error.value(py).getattr("args")?;
    let result = arguments.get_item(0).map_err(|_| {
        PyTypeError::new_err("SERVER_RETURN takes a result: raise SERVER_RETURN(apache.DONE)")
    })?;
    let status = arguments
        .get_item(1)
        .ok()
        .map(|status| status.extract::<i32>())
        .transpose()?;
    let status = status
        .filter(|status| *status != 0)
        .map(valid_status)
        .transpose()?;
    Ok(Some(Returned {
        result: number(&result, "SERVER_RETURN")?,
        status,
    }))
}

/// A handler's result as a number.
///
/// # Errors
/// `TypeError` for what is no result.
pub fn number(result: &Bound<'_, PyAny>, who: &str) -> PyResult<i32> {
    if !result.is_instance_of::<PyBool>() {
        if let Ok(number) = result.extract::<i32>() {
            return Ok(number);
        }
    }
    if close_coroutine(result) {
        return Err(PyTypeError::new_err(format!(
            "{who} is an 'async def', which only connection handlers and streaming filters can be: \
             write 'def'"
        )));
    }
    let kind = result.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{who} gave {kind}: a handler returns apache.OK, apache.DECLINED, apache.DONE or an HTTP \
         status such as apache.HTTP_NOT_FOUND"
    )))
}

/// A coroutine that nobody will run is closed, so that Python does not complain about it, too.
/// Answers whether it was one.
pub fn close_coroutine(result: &Bound<'_, PyAny>) -> bool {
    let is_coroutine = result.hasattr("cr_frame").unwrap_or(false);
    if is_coroutine {
        let _ = result.call_method0("close");
    }
    is_coroutine
}
