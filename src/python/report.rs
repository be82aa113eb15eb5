//! Exceptions for people: the traceback in the error log, and the page of `PythonDebug On`.

use pyo3::prelude::*;

use super::context::{finish_lines, log_line};
use super::interpreter::main_server;
use super::text::encode;
use crate::httpd::log::{self, Level, place};

/// Writes a traceback to the log of what this thread works on, line by line behind `where_`.
pub fn to_log(py: Python<'_>, where_: &str, error: &PyErr) {
    finish_lines();
    log_lines(py, where_, error, |line| log_line(Level::Error, line));
}

/// The same where there is nothing that this thread works on.
pub fn to_server_log(py: Python<'_>, where_: &str, error: &PyErr) {
    let log = |line: &[u8]| log::server(place!(), main_server(), Level::Error, line);
    log_lines(py, where_, error, log);
}

fn log_lines(py: Python<'_>, where_: &str, error: &PyErr, log: impl Fn(&[u8])) {
    let text = formatted(py, error);
    for line in text
        .strip_suffix(b"\n")
        .unwrap_or(&text)
        .split(|byte| *byte == b'\n')
    {
        log(&[where_.as_bytes(), b": ", line].concat());
    }
}

/// The traceback as Python prints it, as text.
pub fn traceback(py: Python<'_>, error: &PyErr) -> String {
    String::from_utf8_lossy(&formatted(py, error)).into_owned()
}

/// The traceback as Python prints it, with the bytes that names and values came from; only the last
/// line if even that fails.
fn formatted(py: Python<'_>, error: &PyErr) -> Vec<u8> {
    let format = || -> PyResult<Vec<u8>> {
        let lines = py
            .import("traceback")?
            .getattr("format_exception")?
            .call1((error.get_type(py), error.value(py), error.traceback(py)))?;
        let lines: PyResult<Vec<_>> = lines.try_iter()?.map(|line| encode(&line?)).collect();
        Ok(lines?.concat())
    };
    format().unwrap_or_else(|_| error.to_string().into_bytes())
}

/// A page that shows a traceback in a browser.
pub fn page(where_: &str, traceback: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>mod_python error</title></head>\n\
         <body><h1>mod_python error: {}</h1>\n<pre>\n{}</pre>\n\
         <p>PythonDebug is On: switch it off where strangers come.</p></body></html>\n",
        escape(where_),
        escape(traceback)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
