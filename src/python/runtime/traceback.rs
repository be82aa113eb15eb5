//! Tracebacks in the error log, and on the page of `PythonDebug On`. All functions are called with the GIL.

use pyo3::exceptions::{PyAttributeError, PyModuleNotFoundError, PyRuntimeError};
use pyo3::prelude::*;

use super::context::{About, finish_lines, log_line};
use crate::engine::accept::prefers_html;
use crate::engine::log_text::excerpt;
use crate::engine::text_kind::TextKind;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::python::text::encode_for_log;

/// Writes `what`, a sentence, and the traceback to the log of what this thread works on. It is one entry, so that no
/// entries of other threads come between its lines. (httpd shows line ends as `\n`.)
pub fn to_log(py: Python<'_>, what: &str, error: &PyErr) {
    finish_lines();
    log_line(Level::Error, &entry(py, what, error));
}

/// Whether an exception says that an object of asyncio's was used on a thread without its event loop: httpd's have
/// none.
pub fn asks_for_event_loop(py: Python<'_>, error: &PyErr) -> bool {
    says_so(py, error).unwrap_or(false)
}

/// Adds a note that names `apache.aio` to what asyncio raises on httpd's threads, which have no event loop of
/// asyncio's.
pub fn name_what_helps(py: Python<'_>, error: &PyErr) {
    if asks_for_event_loop(py, error) {
        let note = "asyncio's own things are awaited as: await apache.aio(...), or as ever in a handler that \
                    has @apache.aio above it";
        let _ = error.value(py).call_method1("add_note", (note,));
    }
}

/// asyncio says it in words, or takes None for the loop and does not find a method of it there.
fn says_so(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    let value = error.value(py);
    if value.is_instance_of::<PyRuntimeError>() {
        let text = value.str()?.to_string();
        let words = ["event loop", "different loop", "inside a task"];
        return Ok(words.iter().any(|words| text.contains(words)));
    }
    if !value.is_instance_of::<PyAttributeError>() || !value.getattr("obj")?.is_none() {
        return Ok(false);
    }
    let Some(last) = innermost(py, error)? else {
        return Ok(false);
    };
    let module = last
        .getattr("tb_frame")?
        .getattr("f_globals")?
        .get_item("__name__")?;
    Ok(module.extract::<String>()?.starts_with("asyncio."))
}

/// The last entry of an exception's traceback: the line that raised it. None for one that no Python code raised.
///
/// # Errors
/// Those of Python's attributes.
pub fn innermost<'py>(py: Python<'py>, error: &PyErr) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(mut last) = error.traceback(py).map(Bound::into_any) else {
        return Ok(None);
    };
    loop {
        let next = last.getattr("tb_next")?;
        if next.is_none() {
            return Ok(Some(last));
        }
        last = next;
    }
}

/// The exception without the frames at the top of its traceback that are of the import system, as after an import
/// statement, or of the call of a factory.
pub fn without_our_frames(py: Python<'_>, error: PyErr) -> PyErr {
    let is_ours = |frame: &Bound<'_, PyAny>| -> PyResult<bool> {
        let code = frame.getattr("tb_frame")?.getattr("f_code")?;
        let file: String = code.getattr("co_filename")?.extract()?;
        let ours = [
            "/mod_python/_folders.py",
            "/importlib/__init__.py",
            "/mod_python/_wsgi.py",
        ];
        Ok(file.starts_with("<frozen importlib") || ours.iter().any(|end| file.ends_with(end)))
    };
    let mut top = error.traceback(py).map(Bound::into_any);
    while let Some(frame) = top.as_ref().filter(|frame| is_ours(frame).unwrap_or(false)) {
        top = frame.getattr("tb_next").ok().filter(|next| !next.is_none());
    }
    error.set_traceback(py, top.and_then(|top| top.cast_into().ok()));
    error
}

/// Adds a note to a `ModuleNotFoundError`: the folders in which the module was looked for, `path` first, and which of
/// them cannot be read; `unsearched` is one that was not, and that may have it. An error that has this note keeps it.
pub fn name_searched_folders(
    py: Python<'_>,
    error: &PyErr,
    path: Vec<String>,
    unsearched: Option<&str>,
) {
    if error.is_instance_of::<PyModuleNotFoundError>(py) {
        // The traceback must do without the note, should it fail.
        let _ = py
            .import("mod_python._search")
            .and_then(|search| search.call_method1("explain", (error.value(py), path, unsearched)));
    }
}

/// Writes that `what` failed, and the traceback, to the main server's log, whatever this thread works on.
pub fn to_server_log(py: Python<'_>, what: &str, error: &PyErr) {
    let entry = entry(py, what, error);
    About::Nothing.log(Level::Error, &entry);
}

fn entry(py: Python<'_>, what: &str, error: &PyErr) -> Vec<u8> {
    let text = formatted(py, error);
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    excerpt(&[what.as_bytes(), text].join(&b'\n')).into_owned()
}

/// The traceback as Python prints it, with undecodable names and values as the bytes that they came from (PEP 383), and
/// other surrogates escaped. If formatting fails, only its last line: the package may be at fault, which formats it.
fn formatted(py: Python<'_>, error: &PyErr) -> Vec<u8> {
    name_searched_folders(py, error, Vec::new(), None);
    let format = || -> PyResult<Vec<u8>> {
        let lines = py
            .import("mod_python._failures")?
            .getattr("formatted")?
            .call1((error.value(py), error.traceback(py)))?;
        let lines: PyResult<Vec<_>> = lines
            .try_iter()?
            .map(|line| encode_for_log(&line?))
            .collect();
        Ok(lines?.concat())
    };
    format().unwrap_or_else(|_| error.to_string().into_bytes())
}

/// A page that shows a traceback.
pub struct Page {
    /// The page's media type, for `Content-Type`.
    pub kind: &'static str,
    /// The page's text, in UTF-8.
    pub body: Vec<u8>,
}

impl Page {
    /// The page for the client of `r`: HTML where its `Accept` prefers that, else plain text. `who` names the handler
    /// or filter that has failed. For a subrequest it is a piece of the page that it is a part of; `None` if that is no
    /// text.
    pub fn of(py: Python<'_>, r: &Request, who: &str, error: &PyErr) -> Option<Self> {
        match r.is_subrequest() {
            false => Some(Self::whole(py, r, who, error)),
            true => {
                let kind = TextKind::of(r.outermost().content_type()?)?;
                Some(Self {
                    kind: kind.media_type(),
                    body: appendix(py, kind, who, error),
                })
            }
        }
    }

    fn whole(py: Python<'_>, r: &Request, who: &str, error: &PyErr) -> Self {
        let accept = r.headers_in().get(c"Accept").unwrap_or_default();
        let traceback = formatted(py, error);
        let traceback = String::from_utf8_lossy(&traceback);
        if !prefers_html(&String::from_utf8_lossy(accept)) {
            return Self {
                kind: "text/plain; charset=utf-8",
                body: format!("mod_python error: {who}\n\n{traceback}").into_bytes(),
            };
        }
        let (who, traceback) = (escape(who), escape(&traceback));
        let body = format!(
            "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>mod_python error</title>\
             </head>\n<body><h1>mod_python error: {who}</h1>\n<pre>\n{traceback}</pre>\n\
             <p>PythonDebug is On: switch it off where strangers come.</p></body></html>\n",
        );
        Self {
            kind: "text/html; charset=utf-8",
            body: body.into_bytes(),
        }
    }
}

/// The traceback as a part of an HTML page. `who` names the SSI element that has failed.
pub fn block(py: Python<'_>, who: &str, error: &PyErr) -> String {
    let traceback = formatted(py, error);
    let traceback = escape(&String::from_utf8_lossy(&traceback));
    let who = escape(who);
    format!("\n<pre>\nmod_python error: {who}\n\n{traceback}</pre>\n")
}

/// The traceback as the end of a response of this kind, a part of which was sent. `who` names the handler or filter
/// that has failed.
pub fn appendix(py: Python<'_>, kind: TextKind, who: &str, error: &PyErr) -> Vec<u8> {
    let text = match kind {
        TextKind::Html => block(py, who, error),
        TextKind::Plain => {
            let traceback = formatted(py, error);
            let traceback = String::from_utf8_lossy(&traceback);
            format!("\nmod_python error: {who}\n\n{traceback}")
        }
    };
    kind.in_ascii(&text).into_bytes()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
