//! The methods of `req` that an `async def` handler awaits. They are called by Python code with the GIL held, on the
//! thread that httpd handles the request on. In a plain handler, and in code that httpd calls meanwhile, they are those
//! of `io`, which wait; on asyncio's loop they are queued (`connection::on_loop`).

use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::awaitable::{RequestOperation, RequestWait, unsent};
use super::io;
use super::io::{answering, reading};
use super::object::{Me, RequestObject};
use super::psp::pieces::write_first;
use super::state::RequestState;
use crate::httpd::Request;
use crate::httpd::connection::parking;
use crate::parking::shutdown;
use crate::python::connection::on_loop::queued;
use crate::python::object::arguments::{boolean, flag, limit};
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::object::slots::AsyncIterable;
use crate::python::runtime::context;

/// Whether the caller is the code of the request's `async def` handler.
///
/// # Errors
/// `RuntimeError` if the request may not be used now.
fn is_async(this: &Me<'_, '_>) -> PyResult<bool> {
    let r = this.body().lent.get()?;
    let state = r.existing_state::<RequestState>();
    Ok(state.is_some_and(|state| state.is_stepped.get()) && context::is_about(r))
}

fn make<'py>(this: &Me<'_, 'py>, operation: RequestOperation) -> Answer<'py> {
    let wait = RequestWait::new(this.object(), operation);
    class::make(this.py(), this.interpreter(), wait)
}

/// `RuntimeError` for a method that only an `async def` handler has.
fn plain(instead: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "only an 'async def' PythonHandler can await this: a plain one {instead}"
    ))
}

/// Calls `wait` in a plain handler; in an `async def` one, returns what is awaited for `operation`, and on asyncio's loop
/// for this method, which has at most one argument, to be queued.
fn read_by<'py>(
    this: &Me<'_, 'py>,
    method: &str,
    argument: Option<&Bound<'py, PyAny>>,
    operation: impl FnOnce() -> PyResult<RequestOperation>,
    wait: impl FnOnce() -> Answer<'py>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, method, &[("", argument)]) {
        return queued;
    }
    if !is_async(this)? {
        return wait();
    }
    reading(this.body(), "read")?;
    make(this, operation()?)
}

pub(in crate::python) fn read<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let operation = || limit(length).map(RequestOperation::Read);
    read_by(this, "read", length, operation, || io::read(this, length))
}

pub(in crate::python) fn readline<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let operation = || limit(length).map(RequestOperation::Line);
    read_by(this, "readline", length, operation, || {
        io::readline(this, length)
    })
}

pub(in crate::python) fn readlines<'py>(
    this: &Me<'_, 'py>,
    sizehint: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let operation = || {
        Ok(RequestOperation::Lines(
            limit(sizehint)?.unwrap_or(usize::MAX),
        ))
    };
    read_by(this, "readlines", sizehint, operation, || {
        io::readlines(this, sizehint)
    })
}

pub(in crate::python) fn discard_request_body<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let operation = || Ok(RequestOperation::Discard);
    read_by(this, "discard_request_body", None, operation, || {
        io::discard_request_body(this)
    })
}

/// A request is the async iterable of the pieces of its body.
impl AsyncIterable for RequestObject {
    fn aiter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        let instead = "reads with req.read(), or with 'for line in req'";
        read_by(
            this,
            "__aiter__",
            None,
            || Ok(RequestOperation::Pieces),
            || Err(plain(instead)),
        )
    }
}

pub(in crate::python) fn write<'py>(
    this: &Me<'_, 'py>,
    data: &Bound<'py, PyAny>,
    with_flush: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    write_first(this)?;
    if let Some(queued) = queued(this, "write", &[("", Some(data)), ("flush", with_flush)]) {
        return queued;
    }
    if !is_async(this)? {
        return io::write(this, data, with_flush);
    }
    let (r, state) = sender(this, "write")?;
    let flush = flag(with_flush, true)?;
    let (response, interpreter) = (&state.response, this.interpreter());
    let written = response.total.get();
    response
        .queue(interpreter, r, data)
        .map_err(|error| unsent(this.py(), interpreter, response, error))?;
    let flush = flush && response.total.get() > written;
    sending(this, state, flush, None)
}

pub(in crate::python) fn flush<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    write_first(this)?;
    if let Some(queued) = queued(this, "flush", &[]) {
        return queued;
    }
    if !is_async(this)? {
        return io::flush(this);
    }
    let (_, state) = sender(this, "flush")?;
    sending(this, state, true, None)
}

pub(in crate::python) fn sendfile<'py>(
    this: &Me<'_, 'py>,
    path: &Bound<'py, PyAny>,
    offset: Option<&Bound<'py, PyAny>>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    write_first(this)?;
    let arguments = [("", Some(path)), ("offset", offset), ("len", length)];
    if let Some(queued) = queued(this, "sendfile", &arguments) {
        return queued;
    }
    if !is_async(this)? {
        return io::sendfile(this, path, offset, length);
    }
    let (r, state) = sender(this, "sendfile")?;
    let part = io::file_range(offset, length)?;
    let length = state.response.queue_file(this.py(), r, path, part)?;
    sending(this, state, length > 0, Some(length))
}

/// The request, whose response this `async def` handler is about to write.
fn sender<'a>(this: &'a Me<'_, '_>, method: &str) -> PyResult<(&'a Request, &'a RequestState)> {
    let (r, state) = answering(this.body(), method)?;
    state.response.ends_with_stop.set(true);
    Ok((r, state))
}

/// What is awaited for what was written: that it is sent. Without an `await`, it is sent before the handler next waits.
pub(super) fn sending<'py>(
    this: &Me<'_, 'py>,
    state: &RequestState,
    flush: bool,
    value: Option<i64>,
) -> Answer<'py> {
    if flush {
        state.response.is_due.set(true);
    }
    make(this, RequestOperation::Sent { flush, value })
}

pub(in crate::python) fn sleep<'py>(
    this: &Me<'_, 'py>,
    seconds: &Bound<'py, PyAny>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "sleep", &[("", Some(seconds))]) {
        return queued;
    }
    if !is_async(this)? {
        return Err(plain("calls time.sleep()"));
    }
    let seconds: f64 = seconds.extract()?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) => make(this, RequestOperation::Time(time)),
        Err(_) => Err(PyValueError::new_err(
            "a sleep is a number of seconds, 0 or more",
        )),
    }
}

/// `req.closing`
pub(in crate::python) fn closing<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().lent.get()?;
    boolean(this.py(), shutdown::is_closing() || parking::is_stopping())
}
