//! `LoopEvent`: the event by which other threads call asyncio's loop (`apache.aio`) when they have posted something, and
//! the maker of the futures that the loop fulfils. A handler that awaits such a future calls the loop by that, and only
//! when its thread has let go of the GIL, which the loop's thread needs: it would wait for it a second time.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::future::Future;
use crate::httpd::connection::poller::Event;
use crate::parking::late_signals::signal_late;
use crate::python::object::arguments::{given, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::loan;
use crate::python::runtime::types::ClassId;

/// The event of one loop.
pub struct LoopEvent(Arc<Event>);

type Me<'a, 'py> = This<'a, 'py, LoopEvent>;

impl Class for LoopEvent {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.LoopEvent";
    const DOC: &'static std::ffi::CStr = c"An event by which threads call an event loop.";
    const ID: ClassId = ClassId::LoopEvent;
    methods! { LoopEvent:
        /// Returns the descriptor that the loop waits for (int). It can be read from call() to taken().
        fileno() = fileno;
        /// Has the loop look at what was posted; any thread.
        call() = call;
        /// As call(), when this thread has let go of the GIL, which the loop needs.
        call_late() = call_late;
        /// Takes the calls back. Called by the loop before it looks.
        taken() = taken;
        /// Gives back what code of the loop has used, and waits in the set whose descriptor epoll is, which has this event
        /// edge-triggered: for timeout seconds (float), for ever if it is None, and not at all while posted has something or
        /// requests wait for the loop. Returns the descriptors that are ready and what epoll reports of each, as a list of
        /// tuples; None where there are none.
        wait(epoll, posted, timeout) = wait;
        /// Returns an awaitable for a value that another thread gives with its method set(). Who awaits it, and must wait,
        /// calls the loop.
        future() = future;
        /// Says whether this thread runs the loop from now on (bool). at_end: a function that is called when code of the loop
        /// begins to use a request or connection; it has give_back() called when the loop has run what it runs now. None
        /// where wait() does that.
        set_loop(runs; at_end) = set_loop;
        /// Gives back what code of the loop has used.
        give_back() = give_back;
    }
    attributes! { LoopEvent: }
}

impl LoopEvent {
    /// A new event.
    ///
    /// # Errors
    /// `OSError`: there are no more descriptors.
    pub fn new() -> PyResult<Self> {
        Ok(Self(Arc::new(Event::new()?)))
    }

    /// The event of an object that is one of these.
    ///
    /// # Errors
    /// `TypeError` for any other object.
    pub fn of(
        object: &Bound<'_, PyAny>,
        interpreter: &'static Interpreter,
    ) -> PyResult<Arc<Event>> {
        let event = class::body::<Self>(object, interpreter).map(|event| event.0.clone());
        event.ok_or_else(|| PyTypeError::new_err("takes events of _apache._loop_event()"))
    }
}

fn fileno<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let descriptor = this.body().0.descriptor();
    Ok(descriptor.into_pyobject(this.py())?.into_any())
}

fn call<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().0.signal();
    none(this)
}

fn call_late<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    signal_late(this.body().0.clone());
    none(this)
}

fn taken<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().0.reset();
    none(this)
}

fn set_loop<'py>(
    this: &Me<'_, 'py>,
    runs: &Bound<'py, PyAny>,
    at_end: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    loan::set_loop(
        runs.is_truthy()?,
        given(at_end).map(|at_end| at_end.clone().unbind()),
    );
    none(this)
}

fn give_back<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    loan::give_back();
    none(this)
}

fn wait<'py>(
    this: &Me<'_, 'py>,
    epoll: &Bound<'py, PyAny>,
    posted: &Bound<'py, PyAny>,
    timeout: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (py, set) = (this.py(), epoll.extract()?);
    let milliseconds = match given(Some(timeout)) {
        None => -1,
        Some(timeout) => {
            let seconds: f64 = timeout.extract()?;
            (seconds * 1e3).ceil().clamp(0.0, f64::from(i32::MAX)) as i32
        }
    };
    loan::give_back();
    let mut found = Vec::new();
    let event = this.body().0.clone();
    event.wait_in(
        set,
        milliseconds,
        || posted.len().is_ok_and(|length| length > 0),
        |wait| release(py, wait),
        |descriptor, events| found.push((descriptor, events)),
    )?;
    match found.is_empty() {
        true => none(this),
        false => Ok(found.into_pyobject(py)?.into_any()),
    }
}

fn future<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let future = Future::called_by(this.body().0.clone());
    class::make(this.py(), this.interpreter(), future)
}
