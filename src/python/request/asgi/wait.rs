//! How the thread of a request waits for the event loop and for its client at once.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::httpd::connection::thread_event;
use crate::httpd::connection::thread_event::{SocketChange, ThreadEvent};
use crate::python::connection::loop_event::LoopEvent;
use crate::python::object::arguments::given;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::request::object::Me;
use crate::python::runtime::interpreter::release;

/// The client's side has ended, with nothing unread before it.
const ENDED: u8 = 1;
/// The connection is broken.
const BROKEN: u8 = 2;
/// The client's side has ended, and something unread stands before it.
const ENDS_LATER: u8 = 4;

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
    let event = |object: &Bound<'py, PyAny>| {
        class::body::<LoopEvent>(object, this.interpreter())
            .map(LoopEvent::event)
            .ok_or_else(|| PyTypeError::new_err("takes events of _apache._loop_event()"))
    };
    let waker = event(waker)?;
    let called = given(Some(called)).map(event).transpose()?;
    let watched = match watched.extract()? {
        0 => SocketChange::Break,
        1 => SocketChange::End,
        _ => SocketChange::Input,
    };
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
        own.silence();
        match ready {
            _ if ready.broken || c.is_aborted() => BROKEN,
            _ if !ready.ends => 0,
            _ if c.is_at_end() => ENDED,
            _ => ENDS_LATER,
        }
    });
    Ok(found.into_pyobject(this.py())?.into_any())
}
