//! The heartbeat of a response: a text that is sent when nothing else was for a time (`req._heartbeat()`).
//!
//! It is used on the thread that steps the request's `async def` handler. The handler is stepped once more when the time
//! is over, and waits again for what it waited for.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::io::answering;
use super::object::Me;
use super::state::RequestState;
use crate::httpd::Request;
use crate::python::connection::on_loop::queued;
use crate::python::object::arguments::given;
use crate::python::object::class::Answer;
use crate::python::runtime::interpreter::Interpreter;

/// The heartbeat of a request's response.
#[derive(Default)]
pub struct Heartbeat {
    /// How long nothing is sent before it is; `None`: there is no heartbeat.
    every: Cell<Option<Duration>>,
    /// When it is due, if nothing is written before.
    due: Cell<Option<Instant>>,
    /// How many bytes the response had when that was set.
    written: Cell<usize>,
    text: RefCell<Vec<u8>>,
}

impl Heartbeat {
    /// When the handler must be stepped for it, if it waits now.
    pub fn due(&self, written: usize) -> Option<Instant> {
        let every = self.every.get()?;
        if self.due.get().is_none() || self.written.replace(written) != written {
            self.due.set(Instant::now().checked_add(every));
        }
        self.due.get()
    }

    /// Writes it if it is due; it is sent before the handler next waits. Called with the GIL before a step.
    pub fn beat(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        state: &RequestState,
    ) {
        if self.due.get().is_none_or(|due| due > Instant::now()) {
            return;
        }
        self.due.set(None);
        if state.response.is_sending() {
            // The client has not taken what came before it.
            return;
        }
        let text = PyBytes::new(py, &self.text.borrow());
        // A client that has gone is found out by the next look, and the handler is told then.
        let _ = state.response.write(interpreter, r, &text, false);
        state.response.is_due.set(true);
    }
}

/// `req._heartbeat(seconds, text)`
pub(in crate::python) fn set<'py>(
    this: &Me<'_, 'py>,
    seconds: &Bound<'py, PyAny>,
    text: &Bound<'py, PyAny>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "_heartbeat", &[("", Some(seconds)), ("", Some(text))]) {
        return queued;
    }
    let (_, state) = answering(this.body(), "_heartbeat")?;
    let every = match given(Some(seconds)) {
        None => None,
        Some(seconds) => {
            let every = Duration::try_from_secs_f64(seconds.extract()?);
            Some(every.map_err(|error| PyValueError::new_err(error.to_string()))?)
        }
    };
    let heartbeat = &state.heartbeat;
    heartbeat.text.replace(text.extract()?);
    heartbeat.every.set(every);
    heartbeat.due.set(None);
    Ok(this.py().None().into_bound(this.py()))
}
