//! The response of an application: its head, and its body.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::httpd::Request;
use crate::httpd::filter::response_head::strict_length;
use crate::python::object::arguments::none;
use crate::python::object::class::Answer;
use crate::python::request::async_io;
use crate::python::request::body::BodyRead;
use crate::python::request::io::{answering, reading};
use crate::python::request::object::Me;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::release;

/// `req._asgi_start(status, headers)`: sets the status and the headers, pairs of bytes that were checked.
pub(in crate::python) fn start<'py>(
    this: &Me<'_, 'py>,
    status: &Bound<'py, PyAny>,
    headers: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (r, state) = answering(this.body(), "_asgi_start")?;
    r.set_status(status.extract()?);
    state.response.ends_with_stop.set(true);
    for pair in headers.try_iter()? {
        let (name, value): (Bound<'py, PyBytes>, Bound<'py, PyBytes>) = pair?.extract()?;
        let (name, value) = (name.as_bytes(), value.as_bytes());
        set_header(r, state, name, value);
    }
    none(this)
}

/// Sets a header of the response, or adds one.
pub fn set_header(r: &Request, state: &RequestState, name: &[u8], value: &[u8]) {
    if name.eq_ignore_ascii_case(b"content-type") {
        r.set_content_type(Some(value));
        state.content_type_set.set(true);
    } else if name.eq_ignore_ascii_case(b"content-length") {
        if let Some(length) = strict_length(value) {
            r.set_content_length(length as i64);
        }
    } else {
        r.headers_out().add_text(name, value, r.pool());
    }
}

/// `req._early_hint(links)`: sends an interim response with status 103 (RFC 8297) and these `Link` headers (bytes).
pub(in crate::python) fn early_hint<'py>(
    this: &Me<'_, 'py>,
    links: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (r, _) = answering(this.body(), "_early_hint")?;
    let links: Vec<Vec<u8>> = links.extract()?;
    let headers: Vec<_> = links
        .into_iter()
        .map(|link| (b"Link".to_vec(), link))
        .collect();
    if !headers.is_empty() && !r.has_started() {
        release(this.py(), || r.send_interim(103, &headers));
    }
    none(this)
}

/// `req._asgi_body(data, flush)`: writes a part of the body (bytes), if the response may have one.
pub(in crate::python) fn body<'py>(
    this: &Me<'_, 'py>,
    data: &Bound<'py, PyAny>,
    flush: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (r, state) = answering(this.body(), "_asgi_body")?;
    let flush = flush.is_truthy()?;
    let response = &state.response;
    let is_empty = data
        .cast::<PyBytes>()
        .is_ok_and(|data| data.as_bytes().is_empty());
    match is_empty || r.has_no_body() {
        false => response.write(this.interpreter(), r, data, flush)?,
        true if flush => response.flush(this.py(), r)?,
        true => {}
    }
    none(this)
}

/// `req._asgi_send(data, flush)`: as `_asgi_body`; returns what the handler awaits until the client has taken enough.
pub(in crate::python) fn send<'py>(
    this: &Me<'_, 'py>,
    data: &Bound<'py, PyAny>,
    flush: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (r, state) = answering(this.body(), "_asgi_send")?;
    if !r.has_no_body() {
        state.response.queue(this.interpreter(), r, data)?;
    }
    async_io::sending(this, state, flush.is_truthy()?, None)
}

/// `req._ask_for_body()`: sends 100 Continue to a client that waits for it, unless the response has begun.
pub(in crate::python) fn ask_for_body<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (r, _) = reading(this.body(), "_ask_for_body")?;
    if r.expecting_100() != 0 && !r.has_started() {
        release(this.py(), || r.send_interim(100, &[]));
    }
    none(this)
}

/// `req._read_available()`: what has come of the body (bytes), empty at its end; None while nothing has come.
pub(in crate::python) fn read_now<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (r, state) = reading(this.body(), "_read_available")?;
    let (py, interpreter, mode) = (this.py(), this.interpreter(), BodyRead::NoWait);
    let found = state.body.read_piece(py, interpreter, r, mode)?;
    match found {
        Some(data) => Ok(data.into_any()),
        None => none(this),
    }
}
