//! Processes that Python code forks from a child of httpd. Such a process may run Python code or another program, and
//! ends when its Python code returns to this module: it is no child of httpd's, and must not serve requests.

use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration, PySystemExit};
use pyo3::prelude::*;

use super::context;
use super::traceback;
use crate::httpd::log::Level;
use crate::httpd::server::{fork, process};

/// Returns the result of a call of Python code; does not return in a forked process, which ends here. Called with the
/// GIL.
pub fn result<T>(py: Python<'_>, result: PyResult<T>) -> PyResult<T> {
    check(py, result.as_ref().err());
    result
}

/// Ends this process if it was forked from a child. `error` is what the Python code raised that has returned here.
pub fn check(py: Python<'_>, error: Option<&PyErr>) {
    if fork::is_forked() {
        end(py, error);
    }
}

#[cold]
fn end(py: Python<'_>, error: Option<&PyErr>) -> ! {
    // These are how coroutines and generators return.
    let returns = |error: &&PyErr| {
        error.is_instance_of::<PyStopIteration>(py)
            || error.is_instance_of::<PyStopAsyncIteration>(py)
    };
    let code = match error.filter(|error| !returns(error)) {
        None => {
            let text = "a process that Python code has forked here came back from that code: it is no \
                        child of httpd and ends now; end it with os._exit(), or use multiprocessing";
            context::log_line(Level::Warning, text);
            0
        }
        Some(error) if error.is_instance_of::<PySystemExit>(py) => exit_code(py, error),
        Some(error) => {
            traceback::to_log(
                py,
                "a process that Python code has forked here failed",
                error,
            );
            1
        }
    };
    context::finish_lines();
    process::end(code)
}

/// The exit code that `sys.exit(code)` means for Python's own program, from 0 for None to 1 for any other object.
fn exit_code(py: Python<'_>, error: &PyErr) -> i32 {
    let code = error.value(py).getattr("code").ok();
    let code = code.filter(|code| !code.is_none());
    let number = code.as_ref().map(|code| code.extract::<i32>());
    let text = match (&code, &number) {
        (Some(code), Some(Err(_))) => format!(": {code}"),
        _ => String::new(),
    };
    let code = number.map_or(0, |number| number.unwrap_or(1));
    let text =
        format!("a process that Python code has forked here ends with sys.exit({code}){text}");
    context::log_line(Level::Notice, &text);
    code
}
