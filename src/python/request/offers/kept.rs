//! Python's objects for a request that was offered, until its thread takes them or the code has answered. The lock is held
//! for a few instructions; no Python object is dropped under it.

use pyo3::prelude::*;

use crate::locks::Lock;

/// `req` as the code has it, and the code's exchange.
#[derive(Default)]
pub struct KeptObjects(Lock<Pair>);

#[derive(Default)]
struct Pair {
    req: Option<Py<PyAny>>,
    exchange: Option<Py<PyAny>>,
}

impl KeptObjects {
    /// Keeps `req`, where none is kept. Any thread.
    pub fn put_req(&self, req: Py<PyAny>) {
        self.0.lock().req = Some(req);
    }

    /// Keeps the exchange, where none is kept. Any thread.
    pub fn put_exchange(&self, exchange: Py<PyAny>) {
        self.0.lock().exchange = Some(exchange);
    }

    /// `req`. With the GIL.
    pub fn req<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let pair = self.0.lock();
        pair.req.as_ref().map(|req| req.bind(py).clone())
    }

    /// Takes `req`. Any thread.
    pub fn take_req(&self) -> Option<Py<PyAny>> {
        self.0.lock().req.take()
    }

    /// Takes the exchange. Any thread.
    pub fn take_exchange(&self) -> Option<Py<PyAny>> {
        self.0.lock().exchange.take()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        let pair = self.0.lock();
        pair.req.is_none() && pair.exchange.is_none()
    }

    /// Drops what is kept.
    pub fn forget(&self, py: Python<'_>) {
        let objects = [self.take_req(), self.take_exchange()];
        let objects = objects.into_iter().flatten();
        objects.for_each(|object| drop(object.into_bound(py)));
    }
}
