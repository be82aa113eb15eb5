//! What goes on when a request has waited without a thread.

use std::sync::Arc;

use pyo3::prelude::*;

use super::offers::offer::Offer;
use crate::httpd::Connection;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;

/// What goes on.
pub enum Resumes {
    /// The coroutine of an `async def` handler.
    Coroutine(Py<PyAny>),
    /// What such a handler has returned, whose client has not taken enough of what it wrote.
    Returned(Py<PyAny>),
    /// The request, which an application or a handler answers on its event loop.
    Offer(Arc<Offer>),
}

impl Resumes {
    /// Ends it, since it cannot go on. Without the GIL.
    pub fn close(self, c: &Connection, interpreter: &'static Interpreter) {
        match self {
            Self::Coroutine(coroutine) => interpreter.enter(About::Connection(c), |py| {
                // What it raises has nobody to hear it.
                let _ = coroutine.into_bound(py).call_method0("close");
            }),
            Self::Returned(value) => {
                interpreter.enter(About::Connection(c), |py| drop(value.into_bound(py)));
            }
            Self::Offer(offer) => offer.abandon(c),
        }
    }
}
