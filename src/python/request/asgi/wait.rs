//! How the thread of a request waits for the event loop and for its client at once.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::httpd::connection::parking;
use crate::httpd::connection::thread_event;
use crate::httpd::connection::thread_event::{SocketChange, ThreadEvent};
use crate::parking::departure::Departed;
use crate::parking::io_state::Needs;
use crate::parking::shutdown;
use crate::parking::timer;
use crate::python::connection::call::grace;
use crate::python::connection::future::with_stepped;
use crate::python::connection::loop_event::LoopEvent;
use crate::python::object::arguments::given;
use crate::python::object::class;
use crate::python::object::class::{Answer, This};
use crate::python::request::awaitable::{RequestOperation, RequestWait};
use crate::python::request::object::{Me, RequestObject};
use crate::python::request::offers::offer::Offer;
use crate::python::request::offers::offered::OfferedRequest;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::release;

/// The client's side has ended, with nothing unread before it.
const ENDED: u8 = 1;
/// The connection is broken.
const BROKEN: u8 = 2;
/// The client's side has ended, and something unread stands before it.
const ENDS_LATER: u8 = 4;
/// The child stops. Added to one of the above.
const STOPS: u8 = 8;

/// `req._wait(waker, called, watched, seconds)`
///
/// # Errors
/// `TypeError` for what is no event.
pub(in crate::python) fn wait<'py>(
    this: &Me<'_, 'py>,
    waker: &Bound<'py, PyAny>,
    called: &Bound<'py, PyAny>,
    watched: &Bound<'py, PyAny>,
    seconds: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let event = |object: &Bound<'py, PyAny>| LoopEvent::of(object, this.interpreter());
    let waker = event(waker)?;
    let called = given(Some(called)).map(event).transpose()?;
    let watched = change(watched)?;
    let time = Duration::try_from_secs_f64(seconds.extract()?).unwrap_or_default();
    let c = r.connection();
    let found = release(this.py(), || {
        if let Some(called) = called {
            called.signal();
        }
        let own = ThreadEvent::of(&waker);
        // A stream of HTTP/2 has no socket of its own.
        let socket = (!c.is_stream()).then_some((c, watched));
        let ready = thread_event::wait(Some(own), socket, time).unwrap_or_default();
        waker.reset();
        let found = match ready {
            _ if ready.broken || c.is_aborted() => BROKEN,
            _ if !ready.ends => 0,
            _ if c.is_at_end() => ENDED,
            _ => ENDS_LATER,
        };
        found + if stops() { STOPS } else { 0 }
    });
    Ok(found.into_pyobject(this.py())?.into_any())
}

/// `req._wait_for_call(watched, seconds)`
pub(in crate::python) fn wait_for_call<'py>(
    this: &Me<'_, 'py>,
    watched: &Bound<'py, PyAny>,
    seconds: &Bound<'py, PyAny>,
) -> Answer<'py> {
    this.body().lent.get()?;
    let seconds: Option<f64> = seconds.extract()?;
    let operation = RequestOperation::Call {
        watched: change(watched)?,
        time: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    let wait = RequestWait::new(this.object(), operation);
    class::make(this.py(), this.interpreter(), wait)
}

/// Waits for a call of the application, and for the client. The value is what `_wait` returns.
///
/// # Errors
/// `RuntimeError` where it is not the handler of the request that waits.
pub fn poll<'py>(
    this: &This<'_, 'py, RequestWait>,
    req: &RequestObject,
    watched: SocketChange,
    time: Option<Duration>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (py, r) = (this.py(), req.lent.get()?);
    let offer = RequestState::of(r).offer.borrow().clone();
    with_stepped(|stepped| {
        let stepped = stepped.filter(|(c, ..)| std::ptr::eq(*c, r.connection()));
        let (Some((c, task, io)), Some(offer)) = (stepped, offer) else {
            let text = "only the handler of an application can await this";
            return Err(PyRuntimeError::new_err(text));
        };
        let is_called = offer.take_call(task);
        let mut found = match io.departed() {
            Some(Departed::Broken) => BROKEN,
            Some(Departed::Ended(_)) => ENDED,
            None if c.is_aborted() => BROKEN,
            None if watched == SocketChange::Break || !io.has_reported_end() => 0,
            None if io.is_departure_told() => 0,
            None => ENDS_LATER,
        };
        if stops() {
            found += STOPS;
        }
        let until = &this.body().until;
        if is_called || found != 0 || until.get().is_some() {
            return Ok(Some(found.into_pyobject(py)?.into_any()));
        }
        let now = Instant::now();
        let at = time.and_then(|time| now.checked_add(time));
        // It is set when this has waited.
        until.set(Some(at.unwrap_or(now)));
        io.needs.set(Needs {
            read: watched == SocketChange::Input,
            until: at,
            ..Needs::default()
        });
        Ok(None)
    })
}

/// `req._outside(function)`: calls the function with `req`, whose methods are those of a plain handler meanwhile.
pub(in crate::python) fn outside<'py>(
    this: &Me<'_, 'py>,
    function: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let state = RequestState::of(this.body().lent.get()?);
    let is_stepped = state.is_stepped.replace(false);
    let result = function.call1((this.object(),));
    state.is_stepped.set(is_stepped);
    result
}

/// `req._waker()`: the object by whose method `call()` the application calls the handler.
pub(in crate::python) fn waker<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (r, interpreter) = (this.body().lent.get()?, this.interpreter());
    let mut place = RequestState::of(r).offer.borrow_mut();
    let offer = place.get_or_insert_with(|| Offer::left(interpreter, r));
    let waker = OfferedRequest::new(offer.clone());
    class::make(this.py(), interpreter, waker)
}

/// What is watched.
fn change(watched: &Bound<'_, PyAny>) -> PyResult<SocketChange> {
    Ok(match watched.extract()? {
        0 => SocketChange::Break,
        1 => SocketChange::End,
        _ => SocketChange::Input,
    })
}

/// Whether the child stops. A child of prefork that stops gracefully is told by a signal alone, which ends the wait of
/// its thread.
fn stops() -> bool {
    if parking::is_stopping() && !shutdown::is_closing() {
        timer::close(grace());
    }
    shutdown::is_closing()
}
