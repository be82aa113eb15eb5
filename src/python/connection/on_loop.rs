//! `req` and `conn` of a handler that runs as a task on asyncio's loop (`@apache.aio`). What the task awaits of them is
//! queued there, in Python (`_loop_side.py`), for the thread of httpd's that has the request or connection: the loop waits
//! for no client, and calls no filter. All functions are called with the GIL.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::future::Future;
use crate::parking::late_signals::signal_now;
use crate::python::object::arguments::none;
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::runtime::interpreter::release;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::loan;

/// What a task shares with the thread of httpd's, an object of `_aio_exchange.py`; `None` where there is no such task.
pub type Exchange = RefCell<Option<Py<PyAny>>>;

/// A class of which a task on the loop can use objects.
pub trait OnLoop: Class {
    /// What the task shares with the thread of httpd's.
    fn exchange(&self) -> &Exchange;

    /// The lease that is lent to the loop.
    fn lease(&self) -> &Arc<Lease>;

    /// Has bytes read once more that a read has taken, whose result nothing has had.
    ///
    /// # Errors
    /// `RuntimeError` where nothing can be read.
    fn put_back(&self, data: &[u8]) -> PyResult<()>;
}

/// What a method returns that a task on the loop has called: an awaitable for what was queued. `None` elsewhere.
pub fn queued<'py, T: OnLoop>(
    this: &This<'_, 'py, T>,
    method: &str,
    arguments: &[(&str, Option<&Bound<'py, PyAny>>)],
) -> Option<Answer<'py>> {
    if !loan::runs_loop() {
        return None;
    }
    let py = this.py();
    let exchange = this.body().exchange().borrow();
    let exchange = exchange.as_ref()?.bind(py).clone();
    Some(queue(&exchange, method, arguments))
}

fn queue<'py>(
    exchange: &Bound<'py, PyAny>,
    method: &str,
    arguments: &[(&str, Option<&Bound<'py, PyAny>>)],
) -> Answer<'py> {
    let py = exchange.py();
    let count = arguments.iter().take_while(|(_, value)| value.is_some());
    let (first, others) = arguments.split_at(count.count());
    let mut named = None;
    for (name, value) in others {
        if let Some(value) = value {
            let named = named.get_or_insert_with(|| PyDict::new(py));
            named.set_item(name, value)?;
        }
    }
    let mut positional = vec![PyString::intern(py, method).into_any()];
    positional.extend(first.iter().filter_map(|(_, value)| value.cloned()));
    let positional = PyTuple::new(py, positional)?;
    exchange.call_method(
        PyString::intern(py, "operation"),
        positional,
        named.as_ref(),
    )
}

/// `_on_loop(exchange)`
pub fn set_exchange<'py, T: OnLoop>(
    this: &This<'_, 'py, T>,
    exchange: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let me = this.body();
    let is_given = !exchange.is_none();
    if !is_given {
        // Also when the request is over.
        me.lease().set_lends(false);
        drop(me.exchange().take());
    }
    me.lease().check()?;
    if is_given && me.exchange().borrow().is_some() {
        return Err(PyRuntimeError::new_err(
            "a handler runs on asyncio's loop for it already",
        ));
    }
    if is_given {
        me.lease().set_lends(true);
        me.exchange().replace(Some(exchange.clone().unbind()));
    }
    none(this)
}

/// `_unread(data)`
pub fn unread<'py, T: OnLoop>(this: &This<'_, 'py, T>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    this.body().lease().check()?;
    this.body().put_back(data.extract()?)?;
    none(this)
}

/// `_lend(future, seconds)`
pub fn lend<'py, T: OnLoop>(
    this: &This<'_, 'py, T>,
    future: &Bound<'py, PyAny>,
    seconds: &Bound<'py, PyAny>,
) -> Answer<'py> {
    this.body().lease().check()?;
    let Some(future) = class::body::<Future>(future, this.interpreter()) else {
        return Err(PyTypeError::new_err("takes futures of a loop's event"));
    };
    let time = Duration::try_from_secs_f64(seconds.extract()?).unwrap_or_default();
    let lease = this.body().lease();
    release(this.py(), || {
        signal_now();
        lease.lend_to_loop();
        future.wait_for(time);
        lease.take_back();
    });
    none(this)
}
