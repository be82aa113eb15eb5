//! `Future`: an awaitable that another thread fulfils, such as asyncio's (`apache.aio`). The connection of an
//! `async def` handler is parked meanwhile; a filter waits on its thread, without the GIL.
//!
//! The lock of the value is held for a few instructions, by threads that have the GIL, too. No Python code runs under
//! it, and the task is woken after it was given back.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::locks::{Guard, Lock, Signal};
use crate::parking::io_state::Lost;
use crate::parking::shutdown;
use crate::parking::task::Task;
use crate::python::object::arguments::{given, none};
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Awaitable, Slot, awaitable_slots};
use crate::python::runtime::interpreter::release;
use crate::python::runtime::types::ClassId;

thread_local! {
    /// The connection whose handler this thread steps.
    static STEPPED: RefCell<Option<Stepped>> = const { RefCell::new(None) };
}

/// A connection whose handler is being stepped.
#[derive(Clone)]
pub struct Stepped {
    /// Its task.
    pub task: Arc<Task>,
    /// Why the connection's waits must end with an exception; `None` while they may go on.
    pub lost: Option<Lost>,
}

/// Runs `f` as a step of `connection`'s handler, which a future in it wakes. With `None`, futures in `f` wait on this
/// thread.
pub fn stepping<R>(connection: Option<Stepped>, f: impl FnOnce() -> R) -> R {
    let before = STEPPED.replace(connection);
    let result = f();
    STEPPED.set(before);
    result
}

/// A value that another thread gives, once.
#[derive(Default)]
pub struct Future {
    value: Lock<Value>,
    arrived: Signal,
}

#[derive(Default)]
struct Value {
    result: Option<PyResult<Py<PyAny>>>,
    /// The task of the connection that awaits the value.
    task: Option<Arc<Task>>,
}

type Me<'a, 'py> = This<'a, 'py, Future>;

impl Class for Future {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.Future";
    const DOC: &'static std::ffi::CStr = c"A value that another thread will give.";
    const ID: ClassId = ClassId::Future;
    methods! { Future:
        /// Gives it its value, or the exception that it raises; any thread. Only the first counts.
        set(value; error) = set;
    }
    attributes! { Future: }

    fn slots() -> Vec<Slot> {
        awaitable_slots::<Self>()
    }
}

impl Future {
    fn value(&self) -> Guard<'_, Value> {
        self.value.lock()
    }
}

impl Awaitable for Future {
    fn poll<'py>(this: &Me<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let me = this.body();
        let py = this.py();
        // A thread that ends has no thread-locals any more, and steps no connection.
        let stepped = STEPPED.try_with(|stepped| stepped.borrow().clone());
        let stepped = stepped.ok().flatten();
        let result = match &stepped {
            Some(stepped) => {
                let mut value = me.value();
                if value.result.is_none() {
                    value.task = Some(stepped.task.clone());
                }
                value.result.take()
            }
            None => release(py, || {
                let mut value = me.value();
                while value.result.is_none() {
                    value = me.arrived.wait(value);
                }
                value.result.take()
            }),
        };
        match result {
            Some(result) => result.map(|value| Some(value.into_bound(py))),
            None => match stepped.and_then(|stepped| stepped.lost) {
                Some(lost) => Err(lost.error(py, this.interpreter())),
                None if shutdown::is_over() => Err(Lost::Stopping.error(py, this.interpreter())),
                None => Ok(None),
            },
        }
    }
}

/// Gives the value, or an exception in place of it, and wakes what waits for it. Any thread, with the GIL.
fn set<'py>(
    this: &Me<'_, 'py>,
    value: &Bound<'py, PyAny>,
    error: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let result = match given(error) {
        Some(error) => Err(PyErr::from_value(error.clone())),
        None => Ok(value.clone().unbind()),
    };
    let mut value = this.body().value();
    let task = value.task.take();
    if value.result.is_none() {
        value.result = Some(result);
    }
    drop(value);
    this.body().arrived.give_all();
    if let Some(task) = task {
        task.wake();
    }
    none(this)
}
