//! Exceptions for people: the traceback in the error log, and the page of `PythonDebug On`.

use pyo3::prelude::*;

use super::context::{finish_lines, log_line};
use super::interpreter::main_server;
use crate::httpd::log::{self, Level, place};

/// Writes a traceback to the log of what this thread works on, line by line behind `where_`.
pub fn to_log(py: Python<'_>, where_: &str, error: &PyErr) {
    finish_lines();
    for line in traceback(py, error).lines() {
        log_line(Level::Error, &format!("{where_}: {line}"));
    }
}

/// The same where there is nothing that this thread works on.
pub fn to_server_log(py: Python<'_>, where_: &str, error: &PyErr) {
    for line in traceback(py, error).lines() {
        log::server(
            place!(),
            main_server(),
            Level::Error,
            &format!("{where_}: {line}"),
        );
    }
}

/// The traceback as Python prints it; only the last line if even that fails.
pub fn traceback(py: Python<'_>, error: &PyErr) -> String {
    let format = || -> PyResult<String> {
        let lines = py
            .import("traceback")?
            .getattr("format_exception")?
            .call1((error.get_type(py), error.value(py), error.traceback(py)))?;
        let lines: Vec<String> = lines.extract()?;
        Ok(lines.concat())
    };
    format().unwrap_or_else(|_| error.to_string())
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
