//! `read()`, `readline()` and `write()` of `req.connection`, with which a handler takes the bytes of its connection from
//! HTTP. They are called by Python code with the GIL, on the thread that httpd handles the request on.
//!
//! The first call ends HTTP on the connection: what the handlers have written is sent, and nothing of the response
//! after that. The connection closes when the handler has returned.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::state::RequestState;
use crate::httpd::Request;
use crate::parking::transport::Transport;
use crate::python::connection::io;
use crate::python::connection::object::{Me, taken};
use crate::python::connection::on_loop::queued;
use crate::python::connection::state::ConnectionState;
use crate::python::object::arguments::none;
use crate::python::object::class::Answer;
use crate::python::runtime::context;
use crate::python::runtime::interpreter::release;
use crate::python::runtime::loan;

/// `conn.read(length)`
pub(in crate::python) fn read<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "read", &[("", length)]) {
        return queued;
    }
    take_for(this, || io::some(length))?;
    io::read(this, length)
}

/// `conn.readline(length)`
pub(in crate::python) fn readline<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "readline", &[("", length)]) {
        return queued;
    }
    take_for(this, || io::of_line(length))?;
    io::readline(this, length)
}

/// `conn.write(data)`
pub(in crate::python) fn write<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    if let Some(queued) = queued(this, "write", &[("", Some(data))]) {
        return queued;
    }
    let Some(request) = &this.body().request else {
        return io::write(this, data);
    };
    let r = request.get()?;
    let length = match taken(r.connection()) {
        Some(transport) => {
            take(this)?;
            let length = io::append(this, &transport.written, data)?;
            io::send(this, &transport.written, length)?;
            length
        }
        None => {
            let first = r.new_brigade();
            let length = io::append(this, &first, data)?;
            take(this)?;
            io::send(this, &first, length)?;
            length
        }
    };
    r.count_raw(length);
    none(this)
}

/// As [`take`], for a method whose argument `check` looks at: a wrong one takes nothing.
fn take_for<A>(this: &Me<'_, '_>, check: impl FnOnce() -> PyResult<A>) -> PyResult<()> {
    if this.body().request.is_some() {
        check()?;
        take(this)?;
    }
    Ok(())
}

/// Takes the bytes of the connection of a request from HTTP, unless that was done before.
///
/// # Errors
/// `RuntimeError` where HTTP must keep them; `OSError` when the client is gone.
fn take(this: &Me<'_, '_>) -> PyResult<()> {
    let Some(request) = &this.body().request else {
        return Ok(());
    };
    let r = request.get()?;
    let state = RequestState::of(r);
    let refused = |why: &str| {
        PyRuntimeError::new_err(format!(
            "HTTP has this connection's bytes, and req.connection cannot read or write them now: {why}"
        ))
    };
    no_handler(r, state).map_err(refused)?;
    let c = r.connection();
    if taken(c).is_some() {
        return Ok(());
    }
    not_free(r, state).map_err(refused)?;
    if r.has_started() || state.response.total.get() > 0 {
        state.response.flush(this.py(), r)?;
        // A filter may have ended the response by what it was given.
        not_free(r, state).map_err(refused)?;
    } else {
        // Responses to requests before this one, which httpd holds back while it finds the next one at once.
        release(this.py(), || c.flush());
    }
    if !r.end_http() {
        return Err(refused("its filters do not see the response"));
    }
    let kept = c.state(ConnectionState::default);
    kept.taken.get_or_init(|| Box::new(Transport::new(c)));
    Ok(())
}

/// Whether a handler of the request is running, and nothing of httpd's that has the connection in use.
///
/// # Errors
/// What runs instead, for the end of a sentence.
fn no_handler(r: &Request, state: &RequestState) -> Result<(), &'static str> {
    if loan::runs_loop() {
        return Err("a handler on asyncio's loop leaves them to HTTP");
    }
    if state.has_ended.get() || state.handlers.is_after_response() {
        return Err("the request has ended, and a log handler or a cleanup can only look at it");
    }
    if state.is_deciding.get() {
        return Err("a function of PythonAuthProvider or Require python only decides");
    }
    if r.next().is_some() {
        return Err("the request was redirected to another page");
    }
    if r.is_being_written() || r.is_being_read() || state.body.is_read_now() {
        return Err("a filter of the request is being called; it reads and writes what passes it");
    }
    match context::is_about(r) {
        true => Ok(()),
        false => Err("another request than this one is being handled"),
    }
}

/// Whether HTTP can leave the connection to the request's handler.
///
/// # Errors
/// Why it cannot, for the end of a sentence.
fn not_free(r: &Request, state: &RequestState) -> Result<(), &'static str> {
    if r.is_subrequest() {
        return Err("this is a subrequest, whose output is a part of another response (req.main)");
    }
    if !r.has_own_connection() {
        return Err(
            "the request has no connection of HTTP/1 of its own (HTTP/2, conn.authorize())",
        );
    }
    if r.is_answered() {
        return Err("the response has ended");
    }
    let is_read = |r: &Request| {
        r.existing_state::<RequestState>()
            .is_some_and(|state| state.body.is_whole())
    };
    let chain = std::iter::successors(Some(r), |r| r.prev());
    if r.announces_body() && !state.body.is_whole() && !chain.skip(1).any(is_read) {
        return Err(
            "the body of the request is not read; read it to its end with req.read() before",
        );
    }
    Ok(())
}
