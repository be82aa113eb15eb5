//! `Future`: an awaitable that another thread fulfils, such as asyncio's (`apache.aio`). The connection of an
//! `async def` handler is parked meanwhile; a filter waits on its thread, without the GIL.
//!
//! The lock of the value is held for a few instructions, by threads that have the GIL, too. No Python code runs under
//! it, and the task is woken after it was given back.
#![expect(unsafe_code, reason = "what a thread steps, for the time of the step")]

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::ends::departed;
use crate::httpd::Connection;
use crate::httpd::connection::poller::Event;
use crate::locks::{Guard, Lock, Signal};
use crate::parking::io_state::{IoState, Lost, Needs};
use crate::parking::late_signals::signal_late;
use crate::parking::shutdown;
use crate::parking::shutdown::StopStage;
use crate::parking::task::Task;
use crate::python::object::arguments::{given, none};
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Awaitable, Slot, awaitable_slots};
use crate::python::runtime::interpreter::release;
use crate::python::runtime::types::ClassId;

thread_local! {
    /// The connection whose handler this thread steps.
    static STEPPED: Cell<Option<Stepped>> = const { Cell::new(None) };
}

/// A connection whose handler is being stepped.
#[derive(Clone, Copy)]
struct Stepped {
    c: NonNull<Connection>,
    task: NonNull<Arc<Task>>,
    io: NonNull<IoState>,
}

/// Runs `f` as a step of the handler of `c`. A future in it wakes the `task`, and ends with an exception when the
/// connection's waits must end.
pub fn stepping<R>(c: &Connection, task: &Arc<Task>, io: &IoState, f: impl FnOnce() -> R) -> R {
    let stepped = Stepped {
        c: NonNull::from(c),
        task: NonNull::from(task),
        io: NonNull::from(io),
    };
    let _before = OuterStep(STEPPED.replace(Some(stepped)));
    f()
}

/// Runs `f`, in which futures wait on this thread.
pub fn waiting_here<R>(f: impl FnOnce() -> R) -> R {
    let _before = OuterStep(STEPPED.take());
    f()
}

/// What this thread has stepped before, and steps again when this is dropped.
struct OuterStep(Option<Stepped>);

impl Drop for OuterStep {
    fn drop(&mut self) {
        STEPPED.set(self.0);
    }
}

/// Calls `f` with the connection whose handler this thread steps, its task and its state; with `None` if there is none.
pub(in crate::python) fn with_stepped<R>(
    f: impl FnOnce(Option<(&Connection, &Arc<Task>, &IoState)>) -> R,
) -> R {
    // A thread that ends has no thread-locals any more, and steps no connection.
    let Some(stepped) = STEPPED.try_with(Cell::get).ok().flatten() else {
        return f(None);
    };
    // SAFETY: `stepping`, which is under way on this thread, holds the three references.
    let c = unsafe { stepped.c.as_ref() };
    // SAFETY: as above.
    let task = unsafe { stepped.task.as_ref() };
    // SAFETY: as above.
    let io = unsafe { stepped.io.as_ref() };
    f(Some((c, task, io)))
}

/// A value that another thread gives, once.
pub struct Future {
    value: Lock<Value>,
    arrived: Signal,
}

#[derive(Default)]
struct Value {
    result: Option<PyResult<Py<PyAny>>>,
    /// The task of the connection that awaits the value.
    task: Option<Arc<Task>>,
    /// The event that calls the loop which gives the value, until it was called.
    call: Option<Arc<Event>>,
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
    /// A future whose value is given by a loop that is called by `event`.
    pub fn called_by(event: Arc<Event>) -> Self {
        let value = Value {
            call: Some(event),
            ..Value::default()
        };
        Self {
            value: Lock::short(value),
            arrived: Signal::new(),
        }
    }

    fn value(&self) -> Guard<'_, Value> {
        self.value.lock()
    }

    /// Takes the value if it is there. Else `task` is woken when it comes, and the loop is called after this step.
    fn take_or_wake(&self, task: &Arc<Task>) -> Option<PyResult<Py<PyAny>>> {
        let mut value = self.value();
        if value.result.is_some() {
            return value.result.take();
        }
        value.task = Some(task.clone());
        let call = value.call.take();
        drop(value);
        if let Some(event) = call {
            signal_late(event);
        }
        None
    }

    /// Waits on this thread until the value is there, at most for `time`. Called without the GIL.
    pub fn wait_for(&self, time: Duration) {
        let mut value = self.value();
        if let Some(event) = value.call.take() {
            event.signal();
        }
        let end = Instant::now() + time;
        while value.result.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            value = self.arrived.wait_for(value, left);
        }
    }

    /// Waits for the value on this thread. Called without the GIL.
    fn wait(&self) -> PyResult<Py<PyAny>> {
        let mut value = self.value();
        if let Some(event) = value.call.take() {
            event.signal();
        }
        loop {
            match value.result.take() {
                Some(result) => return result,
                None => value = self.arrived.wait(value),
            }
        }
    }
}

impl Awaitable for Future {
    fn poll<'py>(this: &Me<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let me = this.body();
        let py = this.py();
        with_stepped(|stepped| {
            let Some((c, task, io)) = stepped else {
                let result = release(py, || me.wait());
                return result.map(|value| Some(value.into_bound(py)));
            };
            if let Some(result) = me.take_or_wake(task) {
                return result.map(|value| Some(value.into_bound(py)));
            }
            if let Some(lost) = io.lost.get() {
                return Err(lost.error(py, this.interpreter()));
            }
            // What the handler reads or writes besides goes on while its client moves.
            let goes_on = io.awaits_peer() && shutdown::stage() == StopStage::Over;
            if shutdown::is_over() && !goes_on {
                return Err(Lost::Stopping.error(py, this.interpreter()));
            }
            let until = departed(py, this.interpreter(), c, io)?;
            io.need(Needs {
                until,
                ..Needs::default()
            });
            Ok(None)
        })
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
