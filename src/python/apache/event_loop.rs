//! The functions of `_apache` for event loops of asyncio's: what calls them, the requests that they serve, and what they
//! know of the stop of their child.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::functions::Me;
use crate::parking::shutdown;
use crate::python::child_end;
use crate::python::connection::call::grace;
use crate::python::connection::loop_event::LoopEvent;
use crate::python::object::arguments::none;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::request::asgi::headers;
use crate::python::request::offers::offered::OfferedRequest;
use crate::python::request::offers::queue;

pub(super) fn accept_requests<'py>(this: &Me<'_, 'py>, event: &Bound<'py, PyAny>) -> Answer<'py> {
    let interpreter = this.interpreter();
    queue::begin(interpreter, LoopEvent::of(event, interpreter)?);
    none(this)
}

pub(super) fn refuse_requests<'py>(this: &Me<'_, 'py>, event: &Bound<'py, PyAny>) -> Answer<'py> {
    let interpreter = this.interpreter();
    queue::end(interpreter, &LoopEvent::of(event, interpreter)?);
    none(this)
}

pub(super) fn offered_requests<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (py, interpreter) = (this.py(), this.interpreter());
    let list = PyList::empty(py);
    for offer in queue::of(interpreter).map_or_else(Vec::new, |queue| queue.take()) {
        list.append(class::make(py, interpreter, OfferedRequest::new(offer))?)?;
    }
    Ok(list.into_any())
}

pub(super) fn plain_headers<'py>(this: &Me<'_, 'py>, headers: &Bound<'py, PyAny>) -> Answer<'py> {
    match headers::plain(headers)? {
        Some(plain) => Ok(plain.into_pyobject(this.py())?.into_any()),
        None => none(this),
    }
}

pub(super) fn shutdown_time<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let seconds = child_end::limit().as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

pub(super) fn graceful_time<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let seconds = grace().as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

pub(super) fn tell_of_stop<'py>(this: &Me<'_, 'py>, event: &Bound<'py, PyAny>) -> Answer<'py> {
    shutdown::tell(&LoopEvent::of(event, this.interpreter())?);
    none(this)
}

pub(super) fn stop_stage<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let stage = shutdown::stage() as u8;
    Ok(stage.into_pyobject(this.py())?.into_any())
}

pub(super) fn loop_event<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    class::make(this.py(), this.interpreter(), LoopEvent::new()?)
}
