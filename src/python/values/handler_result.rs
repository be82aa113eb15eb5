//! The result of a handler, returned or raised as `SERVER_RETURN`, as a status for httpd.

use std::ffi::CString;
use std::fmt::Display;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::httpd::Status;
use crate::httpd::log::{Level, SourceLocation};
use crate::python::runtime::context::{log_at, log_line, takes};
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::traceback::innermost;
use crate::python::text::encode;

/// The arguments of `SERVER_RETURN(result[, status])`.
pub struct Returned {
    /// The result, as if it had been returned.
    pub result: i32,
    /// The response's status, if it was given.
    pub status: Option<i32>,
}

/// The arguments of `error` if it is a `SERVER_RETURN`; `None` if it is not.
///
/// # Errors
/// `TypeError` when they are no numbers, `ValueError` when the status is none for a response.
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
    let returned = Returned {
        result: number(&result, &"SERVER_RETURN")?,
        status,
    };
    if takes(Level::Debug) {
        log_return(py, &returned, error);
    }
    Ok(Some(returned))
}

/// Logs at debug what a `SERVER_RETURN` says and the line that raised it: it leaves no other trace.
fn log_return(py: Python<'_>, returned: &Returned, error: &PyErr) {
    let mut text = format!("SERVER_RETURN {}", returned.result);
    if let Some(status) = returned.status {
        text += &format!(", status {status}");
    }
    match last_line(py, error) {
        Ok(Some((file, line, function))) => {
            text += &format!(
                ", raised by {function}() at {}:{line}",
                file.to_string_lossy()
            );
            log_at(SourceLocation { file: &file, line }, Level::Debug, &text);
        }
        _ => log_line(Level::Debug, &text),
    }
}

/// The file, the line and the function that raised an exception; None for one of C code that no Python code called.
fn last_line(py: Python<'_>, error: &PyErr) -> PyResult<Option<(CString, u32, String)>> {
    let Some(last) = innermost(py, error)? else {
        return Ok(None);
    };
    let code = last.getattr("tb_frame")?.getattr("f_code")?;
    let file = CString::new(encode(&code.getattr("co_filename")?)?)?;
    let function = code.getattr("co_qualname")?.extract()?;
    Ok(Some((
        file,
        last.getattr("tb_lineno")?.extract()?,
        function,
    )))
}

/// `SERVER_RETURN` with a status.
pub fn status_error(py: Python<'_>, interpreter: &'static Interpreter, status: Status) -> PyErr {
    let class = interpreter.types.server_return.bind(py).clone();
    PyErr::from_type(class, (status.0,))
}

/// The meaning of `SERVER_RETURN` for a request.
pub struct Ending {
    /// The result, as if it had been returned: always one that [`of_request`] gives.
    pub result: Status,
    /// The response's status, if it was given.
    pub status: Option<i32>,
}

/// The meaning of `error` for a request if it is a `SERVER_RETURN`; `None` if it is not.
///
/// # Errors
/// `TypeError` or `ValueError`, caused by `error`, when its result is none for a request.
pub fn ending(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    error: &PyErr,
) -> PyResult<Option<Ending>> {
    let ending = server_return(py, interpreter, error).and_then(|returned| {
        let Some(Returned { result, status }) = returned else {
            return Ok(None);
        };
        let result = checked(Status(result), &"SERVER_RETURN")?;
        Ok(Some(Ending { result, status }))
    });
    ending.inspect_err(|wrong| wrong.set_cause(py, Some(error.clone_ref(py))))
}

/// The result of a request's handler: `OK`, `DECLINED`, `DONE`, or a status that httpd can answer with. `name` is
/// that of the handler, for messages.
///
/// # Errors
/// `TypeError` or `ValueError` for what is no result. It must not be taken for success: that would allow what the
/// handler meant to refuse.
pub fn of_request(result: &Bound<'_, PyAny>, name: &dyn Display) -> PyResult<Status> {
    checked(Status(number(result, name)?), name)
}

fn checked(result: Status, name: &dyn Display) -> PyResult<Status> {
    if result.is_success() {
        let text = format!("{name}: 200 is no result for a handler: return apache.OK");
        log_line(Level::Warning, text.as_bytes());
        return Ok(Status::OK);
    }
    if result.is_result() {
        return Ok(result);
    }
    let number = result.0;
    let what = match number {
        _ if result == Status::SUSPENDED => {
            "apache.SUSPENDED, after which the request would never go on"
        }
        100..200 => "which is no final status",
        200..600 => "which is no status that httpd knows",
        _ => "which is no HTTP status",
    };
    Err(PyValueError::new_err(format!(
        "{name} gave {number}, {what}: a handler returns apache.OK, apache.DECLINED, apache.DONE or an \
         HTTP status such as apache.HTTP_NOT_FOUND; for a status of its own it sets req.status, writes \
         the body and returns apache.OK"
    )))
}

/// Checks a number that is to be the status of a response.
///
/// # Errors
/// `ValueError` unless it is from 200 to 999.
pub fn valid_status(number: i32) -> PyResult<i32> {
    if (200..1000).contains(&number) {
        return Ok(number);
    }
    if is_interim(number) {
        return Err(interim(number));
    }
    Err(PyValueError::new_err(format!(
        "{number} is no HTTP status: write one from 200 to 999, as in apache.HTTP_NOT_FOUND"
    )))
}

/// Whether a number is an interim status (1xx), which another response follows (RFC 9110 section 15.2).
pub fn is_interim(number: i32) -> bool {
    (100..200).contains(&number)
}

/// The exception for an interim status where the status of a response is asked for.
pub fn interim(number: i32) -> PyErr {
    PyValueError::new_err(format!(
        "{number} is an interim status: a client waits for the response behind it. Write one from 200 \
         on; httpd itself sends 100 Continue when the body is read, PythonProtocol answers 101, and behind \
         the first req.connection.write() a handler may set any"
    ))
}

/// A handler's result as a number.
///
/// # Errors
/// `TypeError` for what is no result.
pub fn number(result: &Bound<'_, PyAny>, name: &dyn Display) -> PyResult<i32> {
    if !result.is_instance_of::<PyBool>() {
        if let Ok(number) = result.extract::<i32>() {
            return Ok(number);
        }
    }
    if close_coroutine(result) {
        return Err(PyTypeError::new_err(format!(
            "{name} is an 'async def', which only a PythonHandler, connection handlers and streaming filters can be: \
             write 'def'"
        )));
    }
    let kind = result.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{name} gave {kind}: a handler returns apache.OK, apache.DECLINED, apache.DONE or an HTTP \
         status such as apache.HTTP_NOT_FOUND"
    )))
}

/// The text of a log entry for a status that comes too late to be the response's.
pub fn cut_response(status: Status) -> String {
    let number = status.0;
    format!("{number} after a part of the response was sent: it is cut")
}

/// Closes a coroutine that will not run, so that Python does not also warn that it was never awaited. Returns whether
/// `result` was a coroutine.
pub fn close_coroutine(result: &Bound<'_, PyAny>) -> bool {
    let is_coroutine = result.hasattr("cr_frame").unwrap_or(false);
    if is_coroutine {
        let _ = result.call_method0("close");
    }
    is_coroutine
}
