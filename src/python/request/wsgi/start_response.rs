//! `start_response()` and `write()`.

use std::cell::{Cell, RefCell};
use std::ffi::CString;

use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::httpd::Request;
use crate::httpd::filter::response_head::strict_length;
use crate::python::memory::bytes;
use crate::python::object::arguments::{given, none};
use crate::python::object::class::Answer;
use crate::python::request::io::answering;
use crate::python::request::object::Me;
use crate::python::request::psp::pieces::write_first;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::text::{refuse_controls, refuse_no_token};
use crate::python::values::handler_result::{interim, is_interim, valid_status};

/// What an application has said and written.
#[derive(Default)]
pub struct WsgiResponse {
    /// Whether it has called `start_response()`, be it with a status and headers that are refused.
    is_called: Cell<bool>,
    /// Whether there is a status, and headers.
    pub is_started: Cell<bool>,
    /// The names of the headers that it has set, each with a NUL behind it.
    names: RefCell<Vec<u8>>,
    /// Its Content-Length, in bytes.
    pub length: Cell<Option<u64>>,
    /// How many bytes it has written.
    pub written: Cell<u64>,
}

/// Headers about one connection, which are the server's (RFC 2616 §13.5.1, as PEP 3333 has it).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// `req.wsgi_start_response(status, headers, exc_info)`
pub(in crate::python) fn start_response<'py>(
    this: &Me<'_, 'py>,
    status: &Bound<'py, PyAny>,
    headers: &Bound<'py, PyAny>,
    exc_info: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    write_first(this)?;
    let r = this.body().lent.get()?;
    let state = RequestState::of(r);
    let response = &state.wsgi;
    match given(exc_info) {
        Some(exc_info)
            if r.has_started() || state.response.total.get() > 0 || response.written.get() > 0 =>
        {
            let error = exc_info.get_item(1)?;
            let error = error.call_method1("with_traceback", (exc_info.get_item(2)?,))?;
            return Err(PyErr::from_value(error));
        }
        None if response.is_called.get() => {
            return Err(PyAssertionError::new_err(
                "start_response() was called already: give it exc_info to replace that response",
            ));
        }
        _ => {}
    }
    response.is_called.set(true);
    let (number, line) = status_of(status)?;
    let headers = headers_of(headers)?;
    replace(r, response);
    r.set_status_line(Some(&line));
    r.set_status(number);
    let mut names = response.names.borrow_mut();
    for header in &headers {
        names.extend_from_slice(header.name().as_bytes());
        names.push(0);
        header.set(r, state);
    }
    response.is_started.set(true);
    this.object().getattr(
        this.interpreter()
            .wsgi(this.py())?
            .name(this.py(), "_wsgi_write"),
    )
}

/// Takes back what an earlier `start_response()` has set.
fn replace(r: &Request, response: &WsgiResponse) {
    if response.is_started.get() {
        let names = response.names.take();
        for name in names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
        {
            if let Ok(name) = CString::new(name) {
                r.headers_out().unset(&name);
            }
        }
        response.length.set(None);
    }
}

/// A header of a response.
struct Header<'py> {
    name: Bound<'py, PyString>,
    value: NativeText<'py>,
}

impl<'py> Header<'py> {
    /// The header of a pair.
    ///
    /// # Errors
    /// `TypeError` for anything but a pair of str; `ValueError` for one that cannot be sent.
    fn of(pair: &Bound<'py, PyAny>) -> PyResult<Self> {
        let wrong = || {
            let kind = pair
                .get_type()
                .name()
                .map_or_else(|_| String::new(), |name| name.to_string());
            PyTypeError::new_err(format!(
                "a header is a tuple of two str, its name and its value, not {kind}"
            ))
        };
        let pair = pair.cast::<PyTuple>().map_err(|_| wrong())?;
        if pair.len() != 2 {
            return Err(wrong());
        }
        let name = pair
            .get_item(0)?
            .cast_into::<PyString>()
            .map_err(|_| wrong())?;
        let value = pair.get_item(1)?;
        let value = value.cast_into::<PyString>().map_err(|_| wrong())?;
        let value = NativeText::of(value, "the value of a header")?;
        let header = Self { name, value };
        let name = header.name();
        refuse_no_token(match name.is_empty() {
            // It is empty, or has other characters than those of Latin-1.
            true => b"?",
            false => name.as_bytes(),
        })?;
        refuse_controls(|| format!("the header {name}"), header.value.bytes())?;
        if HOP_BY_HOP.iter().any(|other| header.is(other)) {
            return Err(PyValueError::new_err(format!(
                "an application cannot set {name}: it is about one connection, and httpd's own (a hop-by-hop header)"
            )));
        }
        if header.is("Content-Length") && header.length().is_none() {
            return Err(PyValueError::new_err(format!(
                "Content-Length: {} is no number of bytes",
                header.value.bytes().escape_ascii()
            )));
        }
        Ok(header)
    }

    fn name(&self) -> &str {
        self.name.to_str().unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    fn length(&self) -> Option<u64> {
        match self.is("Content-Length") {
            true => strict_length(self.value.bytes()),
            false => None,
        }
    }

    /// Sets it for the response.
    fn set(&self, r: &Request, state: &RequestState) {
        let value = self.value.bytes();
        if self.is("Content-Type") {
            r.set_content_type(Some(value));
            state.content_type_set.set(true);
        } else if let Some(length) = self.length() {
            r.set_content_length(length as i64);
            state.wsgi.length.set(Some(length));
        } else {
            r.headers_out()
                .add_text(self.name().as_bytes(), value, r.pool());
        }
    }
}

/// A native string of PEP 3333, which stands for bytes.
struct NativeText<'py> {
    text: Bound<'py, PyString>,
    /// Its bytes, if it is not ASCII.
    latin1: Option<Vec<u8>>,
}

impl<'py> NativeText<'py> {
    /// `what` names it for the error.
    ///
    /// # Errors
    /// `ValueError` for characters that are not of Latin-1.
    fn of(text: Bound<'py, PyString>, what: &str) -> PyResult<Self> {
        let latin1 = match text.to_str() {
            Ok(ascii) if ascii.is_ascii() => None,
            Ok(other) => Some(
                other
                    .chars()
                    .map(u8::try_from)
                    .collect::<Result<Vec<_>, _>>(),
            ),
            Err(_) => Some(u8::try_from('\u{fffd}').map(|byte| vec![byte])),
        };
        let latin1 = latin1.transpose().map_err(|_| {
            PyValueError::new_err(format!(
                "{what} has characters that are not of Latin-1: encode it, as in text.encode().decode(\"latin-1\")"
            ))
        })?;
        Ok(Self { text, latin1 })
    }

    fn bytes(&self) -> &[u8] {
        match &self.latin1 {
            Some(bytes) => bytes,
            None => self.text.to_str().unwrap_or_default().as_bytes(),
        }
    }
}

/// The number of a status, and the line for httpd.
///
/// # Errors
/// `TypeError` for anything but a str, `ValueError` for what is no status of a response.
fn status_of(status: &Bound<'_, PyAny>) -> PyResult<(i32, Vec<u8>)> {
    let Ok(text) = status.cast::<PyString>() else {
        let kind = status.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "start_response() takes the status as str, as in '404 Not Found', not {kind}"
        )));
    };
    let text = NativeText::of(text.clone(), "the status")?;
    let line = text.bytes();
    refuse_controls(|| "the status".to_owned(), line)?;
    let number = match line {
        [a, b, c] | [a, b, c, b' ', ..] if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) => {
            [a, b, c]
                .iter()
                .fold(0, |number, digit| number * 10 + i32::from(**digit - b'0'))
        }
        _ => {
            return Err(PyValueError::new_err(format!(
                "'{}' is no status: write a number of three digits and a reason, as in 404 Not Found",
                line.escape_ascii()
            )));
        }
    };
    if is_interim(number) {
        return Err(interim(number));
    }
    Ok((valid_status(number)?, line.to_vec()))
}

/// The headers, which can all be sent.
///
/// # Errors
/// `TypeError` for anything but a list of pairs of str; `ValueError` for headers that cannot be sent.
fn headers_of<'py>(headers: &Bound<'py, PyAny>) -> PyResult<Vec<Header<'py>>> {
    let Ok(list) = headers.cast::<PyList>() else {
        let kind = headers.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "start_response() takes the headers as a list of tuples of two str, not {kind}"
        )));
    };
    let mut all: Vec<Header<'py>> = Vec::with_capacity(list.len());
    for pair in list {
        let header = Header::of(&pair)?;
        if header.length().is_some() && all.iter().any(|other| other.length().is_some()) {
            return Err(PyValueError::new_err(
                "Content-Length stands twice in the headers",
            ));
        }
        all.push(header);
    }
    Ok(all)
}

/// `req._wsgi_write(data)`: the `write()` that `start_response()` returns.
pub(in crate::python) fn write<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    write_first(this)?;
    let (r, state) = answering(this.body(), "write")?;
    let data = block(data)?;
    let left = send(this.interpreter(), r, state, data, true)?;
    if left > 0 {
        return Err(PyValueError::new_err(excess(state, left)));
    }
    none(this)
}

/// A block of a body.
///
/// # Errors
/// `TypeError` for anything but bytes.
pub fn block<'a, 'py>(data: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyBytes>> {
    if let Ok(data) = data.cast::<PyBytes>() {
        return Ok(data);
    }
    let kind = data.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "an application gives the body as bytes, not {kind}: encode text, as in text.encode()"
    )))
}

/// Sends a block, as far as the Content-Length lets it. Returns the number of bytes that it does not.
///
/// # Errors
/// `AssertionError` before `start_response()` was called; `OSError` when the client is gone.
pub fn send(
    interpreter: &'static Interpreter,
    r: &Request,
    state: &RequestState,
    data: &Bound<'_, PyBytes>,
    flush: bool,
) -> PyResult<usize> {
    let (response, size) = (&state.wsgi, data.as_bytes().len());
    if !response.is_started.get() {
        return Err(not_started());
    }
    let written = response.written.get();
    let room = response
        .length
        .get()
        .map_or(u64::MAX, |length| length.saturating_sub(written));
    let taken = size.min(usize::try_from(room).unwrap_or(usize::MAX));
    if taken > 0 {
        response.written.set(written + taken as u64);
        if !r.has_no_body() {
            let part = match taken < size {
                true => bytes(data.py(), &data.as_bytes()[..taken])?,
                false => data.clone(),
            };
            state.response.write(interpreter, r, &part, flush)?;
        }
    }
    Ok(size - taken)
}

/// The error of an application that answers without having called `start_response()`.
pub fn not_started() -> PyErr {
    PyAssertionError::new_err("the application answers, and has not called start_response()")
}

/// What is wrong with a body of which `left` bytes do not fit into its Content-Length.
pub fn excess(state: &RequestState, left: usize) -> String {
    let length = state.wsgi.length.get().unwrap_or(0);
    format!(
        "the body is longer than its Content-Length of {length} bytes: {left} bytes are not sent"
    )
}
