//! The methods of `req` that read its body and write its response. They are called by Python code with the GIL held, on
//! the thread that httpd handles the request on; `body` and `response` release it while httpd's filters are called.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::awaitable::RequestOperation;
use super::body::BodyRead;
use super::body_wait::{BodyLook, BodyWait};
use super::object::{Me, RequestObject};
use super::psp::pieces::write_first;
use super::sendfile::FileRange;
use super::state::RequestState;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::python::connection::object::taken;
use crate::python::connection::on_loop::queued;
use crate::python::object::arguments::{flag, integer, limit, none};
use crate::python::object::class::Answer;
use crate::python::object::slots::Iterator;
use crate::python::runtime::context;
use crate::python::runtime::interpreter::release;
use crate::python::runtime::loan;
use crate::python::text::encode_header;

/// The request and its state, if its body may be read and its response written.
///
/// # Errors
/// `RuntimeError` while its cleanups are called: httpd has sent the response, and may work on the next request.
fn at_work(object: &RequestObject) -> PyResult<(&Request, &RequestState)> {
    let r = object.lent.get()?;
    let state = RequestState::of(r);
    if state.has_ended.get() {
        return Err(PyRuntimeError::new_err(
            "the request has ended: a cleanup can look at it, but neither read its body nor answer it",
        ));
    }
    Ok((r, state))
}

/// Refuses a method that may wait, on a thread that runs an event loop.
///
/// # Errors
/// `RuntimeError` there.
fn off_loop(method: &str) -> PyResult<()> {
    match loan::runs_loop() {
        true => Err(PyRuntimeError::new_err(format!(
            "req.{method}() waits, and what runs on asyncio's loop must not: use a method of req that is awaited"
        ))),
        false => Ok(()),
    }
}

/// The request and its state, if `method` may write its response now. httpd's filters are not reentrant: while they
/// pass something on, nothing else may enter their chain, neither through this request nor through a subrequest,
/// whose chain continues in this one's.
///
/// # Errors
/// As `at_work`; `RuntimeError` in an output filter or an SSI element, and for another request than the one that is
/// being handled.
pub(super) fn answering<'a>(
    object: &'a RequestObject,
    method: &str,
) -> PyResult<(&'a Request, &'a RequestState)> {
    let (r, state) = at_work(object)?;
    off_loop(method)?;
    if taken(r.connection()).is_some() {
        return Err(PyRuntimeError::new_err(format!(
            "req.{method}() cannot be called any more: the handler has the bytes of the connection itself, and writes \
             with req.connection.write()"
        )));
    }
    if r.is_being_written() {
        return Err(PyRuntimeError::new_err(format!(
            "req.{method}() cannot be called while the response passes a filter: a filter writes \
             with filter.write() and filter.flush(), or yields"
        )));
    }
    if state.is_deciding.get() {
        return Err(PyRuntimeError::new_err(format!(
            "req.{method}() cannot be called by a function of PythonAuthProvider or Require python: it only decides; \
             set a header, or let ErrorDocument name a page"
        )));
    }
    if !context::is_about(r) {
        return Err(PyRuntimeError::new_err(format!(
            "{method}() cannot be called on another request than the one that is being handled, \
             such as req.main or req.prev: write with req.write() of the handler's own request, or \
             with filter.write() in a filter"
        )));
    }
    Ok((r, state))
}

/// The request and its state, if its body may be read now.
///
/// # Errors
/// As `at_work`; `RuntimeError` in an input filter.
pub(super) fn reading<'a>(
    object: &'a RequestObject,
    method: &str,
) -> PyResult<(&'a Request, &'a RequestState)> {
    let (r, state) = at_work(object)?;
    off_loop(method)?;
    if r.is_being_read() || state.body.is_read_now() {
        return Err(PyRuntimeError::new_err(format!(
            "req.{method}() cannot be called while the body of the request is being read: an input \
             filter reads with filter.read(), or with 'async for chunk in filter'"
        )));
    }
    Ok((r, state))
}

pub(in crate::python) fn write<'py>(
    this: &Me<'_, 'py>,
    data: &Bound<'py, PyAny>,
    flush: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (r, state) = answering(this.body(), "write")?;
    state
        .response
        .write(this.interpreter(), r, data, flag(flush, true)?)?;
    none(this)
}

pub(in crate::python) fn flush<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (r, state) = answering(this.body(), "flush")?;
    state.response.flush(this.py(), r)?;
    none(this)
}

pub(in crate::python) fn read<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (r, state) = reading(this.body(), "read")?;
    Ok(state
        .body
        .read(this.py(), this.interpreter(), r, limit(length)?)?
        .into_any())
}

pub(in crate::python) fn readline<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (r, state) = reading(this.body(), "readline")?;
    Ok(state
        .body
        .read_line(this.py(), this.interpreter(), r, limit(length)?)?
        .into_any())
}

/// A request is the iterator of the lines of its body, as `wsgi.input` must be.
impl Iterator for RequestObject {
    fn next<'py>(this: &Me<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (r, state) = reading(this.body(), "readline")?;
        let (py, interpreter) = (this.py(), this.interpreter());
        let line = state.body.read_line(py, interpreter, r, None)?;
        Ok((!line.as_bytes().is_empty()).then(|| line.into_any()))
    }
}

pub(in crate::python) fn readlines<'py>(
    this: &Me<'_, 'py>,
    sizehint: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (r, state) = reading(this.body(), "readlines")?;
    let most = limit(sizehint)?.unwrap_or(usize::MAX);
    let look = BodyLook {
        py: this.py(),
        interpreter: this.interpreter(),
        r,
        body: &state.body,
        mode: BodyRead::Wait,
    };
    let lines = look.attempt(RequestOperation::Lines(most), &mut BodyWait::default())?;
    lines.map_or_else(|| none(this), Ok)
}

/// `req._settle_length()`: reads a body in chunks, or one whose length an input filter may change, so that the
/// request's headers say its length. It does nothing if there is no such body, or if somebody reads it already.
///
/// # Errors
/// `SERVER_RETURN` with the status for the client; `RuntimeError` if `req` is not lent to this thread.
pub(in crate::python) fn settle_length<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().lent.get()?;
    // Inside of a filter, or in a cleanup, nothing can be read.
    if let Ok((r, state)) = reading(this.body(), "_settle_length") {
        let limit = r.settings::<Settings>().input_spool();
        if let Some(limit) = limit.filter(|_| context::is_about(r)) {
            let body = &state.body;
            body.settle_length(this.py(), this.interpreter(), r, limit, true)?;
        }
    }
    none(this)
}

pub(in crate::python) fn discard_request_body<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (r, state) = reading(this.body(), "discard_request_body")?;
    let status = state.body.discard(this.py(), r);
    Ok(status.0.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn sendfile<'py>(
    this: &Me<'_, 'py>,
    path: &Bound<'py, PyAny>,
    offset: Option<&Bound<'py, PyAny>>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (r, state) = answering(this.body(), "sendfile")?;
    let part = file_range(offset, length)?;
    let sent = state.response.send_file(this.py(), r, path, part)?;
    Ok(sent.into_pyobject(this.py())?.into_any())
}

/// The part of a file for the arguments of `sendfile()`.
///
/// # Errors
/// `TypeError` for what is no number, `OverflowError` for one of more than 64 bits.
pub(super) fn file_range(
    offset: Option<&Bound<'_, PyAny>>,
    length: Option<&Bound<'_, PyAny>>,
) -> PyResult<FileRange> {
    Ok(FileRange {
        offset: integer(offset)?.unwrap_or(0),
        length: integer(length)?.filter(|length| *length >= 0),
    })
}

pub(in crate::python) fn internal_redirect<'py>(
    this: &Me<'_, 'py>,
    uri: &Bound<'py, PyAny>,
) -> Answer<'py> {
    write_first(this)?;
    if let Some(queued) = queued(this, "internal_redirect", &[("", Some(uri))]) {
        return queued;
    }
    let (r, state) = answering(this.body(), "internal_redirect")?;
    let uri = encode_header(uri)?;
    redirectable(r, state).map_err(|why| {
        PyRuntimeError::new_err(format!("internal_redirect() cannot be called here: {why}"))
    })?;
    release(this.py(), || {
        state.lease.blocks(|| r.redirect_internally(&uri));
    });
    none(this)
}

/// Whether the request can be redirected: only in its own handlers, and before the end of its response. What was sent
/// before stays in front of the other page, as in mod_python 3.5.
///
/// # Errors
/// The reason why it cannot, for the end of a sentence.
fn redirectable(r: &Request, state: &RequestState) -> Result<(), &'static str> {
    match state.handlers.phase() {
        None => Err(
            "no handler of this request is running; call it in a handler, such as a \
                     PythonFixupHandler",
        ),
        Some(_) if state.handlers.is_after_response() => {
            Err("the request is answered; a log handler can only look at it")
        }
        Some(phase) if r.is_subrequest() && phase != Phase::Content => Err(
            "this is a subrequest, of which only the file is asked for so far (req.main is not \
             None); return apache.DECLINED for it",
        ),
        Some(_) if state.body.is_read_now() => Err(
            "the body of the request is being read; an input filter refuses it with \
             apache.SERVER_RETURN",
        ),
        Some(_) if r.next().is_some() => Err("the request was redirected already"),
        Some(_) if r.has_ended() => Err("the end of the response was sent"),
        Some(_) => Ok(()),
    }
}
