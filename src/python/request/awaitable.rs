//! `RequestWait`: the awaitable that methods of `req` return to an `async def` handler. It is polled in a step of the
//! handler, on the thread that httpd handles the request on, with the GIL. What it asks of the client is read and sent
//! at once, and lets go of the GIL meanwhile. A sleep ends the step; so does a write whose client is slow, and a read,
//! where the request can wait without a thread and the client has not sent enough.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyConnectionResetError, PyOSError, PyRuntimeError, PyTimeoutError};
use pyo3::prelude::*;

use super::asgi::wait;
use super::async_output;
use super::body::BodyRead;
use super::body_wait::{BodyLook, BodyWait};
use super::io::{answering, reading};
use super::object::RequestObject;
use super::response::Response;
use super::waiting;
use crate::httpd::Error;
use crate::httpd::connection::thread_event::SocketChange;
use crate::parking::io_state::{IoState, Lost, Needs};
use crate::parking::shutdown;
use crate::python::connection::ends::departed;
use crate::python::connection::future::with_stepped;
use crate::python::object::arguments::none;
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Awaitable, Slot, awaitable_slots};
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::types::ClassId;

/// One thing that an `async def` handler of a request awaits, or iterates over.
pub struct RequestWait {
    req: Py<PyAny>,
    operation: RequestOperation,
    /// When a sleep is over; set when it first waits.
    pub(super) until: Cell<Option<Instant>>,
    /// What has come of the body for this.
    body: RefCell<BodyWait>,
    /// Whether a FLUSH stands behind what was written.
    is_flushed: Cell<bool>,
}

/// What is awaited. Lengths and limits are in bytes.
#[derive(Clone, Copy)]
pub enum RequestOperation {
    /// So many bytes of the body, or all of it; fewer only at its end.
    Read(Option<usize>),
    /// A line of the body, or so many bytes of it.
    Line(Option<usize>),
    /// Lines of the body, up to the one with which they are so many bytes.
    Lines(usize),
    /// What has come of the body; `StopAsyncIteration` at its end.
    Pieces,
    /// The end of the body, what comes before being dropped.
    Discard,
    /// That what was written is sent.
    Sent {
        /// With what filters hold back; else it may be held until there is more.
        flush: bool,
        /// The value then, if it is a number.
        value: Option<i64>,
    },
    /// That this time passes.
    Time(Duration),
    /// That an application calls, that its client does what is watched, or that the time passes, if there is one.
    Call {
        /// What is watched of the client.
        watched: SocketChange,
        /// The time.
        time: Option<Duration>,
    },
}

type Me<'a, 'py> = This<'a, 'py, RequestWait>;

impl RequestWait {
    /// What is awaited of this `req`.
    pub fn new(req: &Bound<'_, PyAny>, operation: RequestOperation) -> Self {
        Self {
            req: req.clone().unbind(),
            operation,
            until: Cell::new(None),
            body: RefCell::default(),
            is_flushed: Cell::new(false),
        }
    }
}

impl Class for RequestWait {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.RequestWait";
    const DOC: &'static std::ffi::CStr = c"What a handler of a request awaits.";
    const ID: ClassId = ClassId::RequestWait;
    methods! { RequestWait:
        /// Gives back to the body what was read of it for this, which is not awaited any more.
        _withdraw() = withdraw;
    }
    attributes! { RequestWait: }

    fn slots() -> Vec<Slot> {
        awaitable_slots::<Self>()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        visit(&self.req);
    }
}

impl Awaitable for RequestWait {
    fn poll<'py>(this: &Me<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let object = this.body().req.bind(this.py());
        let gone = || PyRuntimeError::new_err("the request is gone");
        let req = class::body::<RequestObject>(object, this.interpreter()).ok_or_else(gone)?;
        match this.body().operation {
            RequestOperation::Time(time) => sleep(this, req, time),
            RequestOperation::Call { watched, time } => wait::poll(this, req, watched, time),
            RequestOperation::Sent { flush, value } => send(this, req, flush, value),
            operation => read(this, req, operation),
        }
    }
}

/// Reads of the body. Where the request can wait without a thread, they take what has come, and the result may be `None`.
///
/// # Errors
/// As `Body`'s, but `ConnectionResetError` where the client is gone, `apache.ShuttingDown` where the child stops;
/// `StopAsyncIteration` at the end of an iteration.
fn read<'py>(
    this: &Me<'_, 'py>,
    req: &RequestObject,
    operation: RequestOperation,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (r, state) = reading(req, "read")?;
    let (py, body) = (this.py(), &state.body);
    with_stepped(|stepped| {
        let parks = stepped
            .filter(|(c, ..)| std::ptr::eq(*c, r.connection()))
            .filter(|(_, task, _)| state.lease.lends() || waiting::can_wait(r, task));
        let look = BodyLook {
            py,
            interpreter: this.interpreter(),
            r,
            body,
            mode: parks.map_or(BodyRead::Wait, |_| BodyRead::NoWait),
        };
        let result = match parks {
            Some((.., io)) => read_or_wait(this, &look, operation, io),
            None => {
                let _blocking = r.connection().blocks_once();
                look.attempt(operation, &mut BodyWait::default())
            }
        };
        result.map_err(|error| {
            if !error.value(py).is_exact_instance_of::<PyOSError>() {
                return error;
            }
            if shutdown::is_over() {
                // The child may have closed the socket.
                return Lost::Stopping.error(py, this.interpreter());
            }
            if !body.is_cut() {
                return error;
            }
            if let Some((.., io)) = stepped {
                io.departure.tell();
            }
            PyConnectionResetError::new_err("the client left before its body was whole")
        })
    })
}

/// A read that takes what has come.
fn read_or_wait<'py>(
    this: &Me<'_, 'py>,
    look: &BodyLook<'_, 'py>,
    operation: RequestOperation,
    io: &IoState,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // Python code that runs meanwhile may poll it, too.
    let mut wait = this.body().body.take();
    let found = look.poll(operation, &mut wait, io)?;
    if found.is_some() {
        return Ok(found);
    }
    this.body().body.replace(wait);
    match io.lost.get() {
        Some(lost) => Err(lost.error(this.py(), this.interpreter())),
        None => Ok(None),
    }
}

/// `_withdraw()`
fn withdraw<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let object = this.body().req.bind(this.py());
    let wait = this.body().body.take();
    if let Some(req) = class::body::<RequestObject>(object, this.interpreter()) {
        let (r, state) = reading(req, "read")?;
        wait.give_back(this.py(), r, &state.body)?;
    }
    none(this)
}

/// Sends what was written. The result is `None` while the client has not taken all of it.
///
/// # Errors
/// As `unsent`.
fn send<'py>(
    this: &Me<'_, 'py>,
    req: &RequestObject,
    flush: bool,
    value: Option<i64>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (py, interpreter) = (this.py(), this.interpreter());
    let (r, state) = answering(req, "write")?;
    let response = &state.response;
    let late = with_stepped(|stepped| {
        let own = stepped.filter(|(c, ..)| std::ptr::eq(*c, r.connection()));
        let Some((.., io)) = own.filter(|_| async_output::can_wait(r)) else {
            return match flush {
                true => response.flush(py, r).map(|()| None),
                false => Ok(None),
            };
        };
        if flush && !this.body().is_flushed.replace(true) {
            response.queue_flush();
        }
        if !response.is_sending() {
            return response.check().map(|()| None);
        }
        let late = release(py, || response.send_more(r));
        response.check()?;
        if let Some(lost) = io.lost.get().filter(|_| late.is_some()) {
            return Err(lost.error(py, interpreter));
        }
        if late.is_some() {
            io.need(Needs {
                write: true,
                until: late,
                ..Needs::default()
            });
        }
        Ok(late)
    });
    if late
        .map_err(|error| unsent(py, interpreter, response, error))?
        .is_some()
    {
        return Ok(None);
    }
    Ok(Some(match value {
        Some(value) => value.into_pyobject(py)?.into_any(),
        None => py.None().into_bound(py),
    }))
}

/// Why an `async def` handler's response could not be sent, where writing it has failed with `error`:
/// `ConnectionResetError` when the client is gone, `apache.ShuttingDown` when the child stops, `TimeoutError` when the
/// client takes nothing for httpd's `Timeout`, `OSError` when a filter has ended the response.
pub fn unsent(
    py: Python<'_>,
    interpreter: &Interpreter,
    response: &Response,
    error: PyErr,
) -> PyErr {
    match response.broken() {
        None | Some(Error::FILTER) => error,
        Some(_) if shutdown::is_over() => Lost::Stopping.error(py, interpreter),
        Some(broken) if broken.is_timeout() => {
            PyTimeoutError::new_err("the client took nothing of the response for Timeout")
        }
        Some(_) => PyConnectionResetError::new_err("the client takes nothing any more"),
    }
}

/// Waits until the time is over.
///
/// # Errors
/// `ConnectionResetError`, once, when the client has left; `apache.ShuttingDown` when the child stops.
fn sleep<'py>(
    this: &Me<'_, 'py>,
    req: &RequestObject,
    time: Duration,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let r = req.lent.get()?;
    let now = Instant::now();
    let until = this.body().until.get();
    if until.is_some_and(|until| until <= now) {
        this.body().until.set(None);
        return Ok(Some(this.py().None().into_bound(this.py())));
    }
    with_stepped(|stepped| {
        let Some((c, _, io)) = stepped.filter(|(c, ..)| std::ptr::eq(*c, r.connection())) else {
            let text = "a sleep of req can only be awaited by the handler of the request itself";
            return Err(PyRuntimeError::new_err(text));
        };
        if let Some(lost) = io.lost.get() {
            return Err(lost.error(this.py(), this.interpreter()));
        }
        if shutdown::is_over() {
            return Err(Lost::Stopping.error(this.py(), this.interpreter()));
        }
        let until = until.or_else(|| now.checked_add(time));
        this.body().until.set(until);
        let departs = departed(this.py(), this.interpreter(), c, io)?;
        io.need(Needs {
            until: until.into_iter().chain(departs).min(),
            ..Needs::default()
        });
        Ok(None)
    })
}
