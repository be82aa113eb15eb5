//! How the thread of a request waits for the event loop and for its client at once.

use std::time::Duration;

use pyo3::prelude::*;

use crate::httpd::connection::parking;
use crate::httpd::connection::thread_event;
use crate::httpd::connection::thread_event::{SocketChange, ThreadEvent};
use crate::parking::shutdown;
use crate::parking::timer;
use crate::python::connection::call::grace;
use crate::python::connection::loop_event::LoopEvent;
use crate::python::object::arguments::given;
use crate::python::object::class::Answer;
use crate::python::request::object::Me;
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

/// Whether the child stops. A child of prefork that stops gracefully is told by a signal alone, which ends the wait of
/// its thread.
fn stops() -> bool {
    if parking::is_stopping() && !shutdown::is_closing() {
        timer::close(grace());
    }
    shutdown::is_closing()
}
