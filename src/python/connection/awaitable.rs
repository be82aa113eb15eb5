//! `Wait`: the awaitable that the methods of `conn` return to an `async def` connection handler. Its `__next__` is
//! called in a step of the handler, on the thread that has the task's turn and the GIL. It takes what is awaited from
//! the transport, or notes in the transport what the task needs before the next step (`Needs`).

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::authorize::Question;
use super::ends::{departed, of_peer};
use super::object::{ConnectionObject, refuse_in_filters};
use crate::engine::read_buffer::{SeparatorSearch, Unread};
use crate::httpd::Connection;
use crate::httpd::connection::nonblocking::Found;
use crate::httpd::server::stop;
use crate::parking::io_state::{InputState, Lost, Needs, OutputState};
use crate::parking::shutdown;
use crate::parking::transport::Transport;
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Awaitable, Slot, awaitable_slots};
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;

/// The limit of a line, and of one `read()`, in bytes, where the handler gives none.
pub(in crate::python) const MOST: usize = 64 * 1024;
/// `await conn.write()` waits while more bytes than this are queued.
pub(in crate::python) const HIGH: usize = 64 * 1024;

/// One thing that a connection handler awaits, or iterates over.
pub struct Wait {
    conn: Py<PyAny>,
    operation: RefCell<Operation>,
    /// When this wait ends with `TimeoutError`, or a sleep is over; set when it first waits.
    until: Cell<Option<Instant>>,
    /// How many bytes of output were queued at the last look.
    queued: Cell<usize>,
}

/// What is awaited. Lengths and limits are in bytes.
pub(in crate::python) enum Operation {
    /// At least one byte, and at most this many.
    Some(usize),
    /// Everything up to the end of input.
    All,
    /// Exactly this many bytes.
    Exactly(usize),
    /// This many bytes, which stay unread.
    Peek(usize),
    /// At least one byte, and all that has come with it, which stay unread.
    PeekSome,
    /// Everything up to and with a separator, which must end within the limit; it stays unread.
    PeekUntil(Vec<u8>, usize),
    /// Everything up to and with a separator, which must end within the limit.
    Until(Vec<u8>, usize),
    /// A line with its end, which must come within the limit.
    Line(usize),
    /// A line of at most [`MOST`] bytes; `StopAsyncIteration` at the end of input.
    Lines,
    /// That at most [`HIGH`] bytes of output are queued.
    Sent,
    /// That all output was sent, or the connection is broken.
    AllSent,
    /// That this time passes.
    Time(Duration),
    /// httpd's answer about a user; it is asked at once, and the thread waits.
    Answer(Question),
}

impl Wait {
    pub(in crate::python) fn new(
        conn: &Bound<'_, PyAny>,
        operation: Operation,
        queued: usize,
    ) -> Self {
        Self {
            conn: conn.clone().unbind(),
            operation: RefCell::new(operation),
            until: Cell::new(None),
            queued: Cell::new(queued),
        }
    }
}

impl Class for Wait {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Wait";
    const DOC: &'static std::ffi::CStr = c"What a connection handler awaits.";
    const ID: ClassId = ClassId::Wait;
    methods! { Wait: }
    attributes! { Wait: }

    fn slots() -> Vec<Slot> {
        awaitable_slots::<Self>()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        visit(&self.conn);
    }
}

impl Awaitable for Wait {
    fn poll<'py>(this: &This<'_, 'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let me = this.body();
        let object = me.conn.bind(this.py());
        let gone = || PyRuntimeError::new_err("the connection is gone");
        let conn = class::body::<ConnectionObject>(object, this.interpreter()).ok_or_else(gone)?;
        let transport = conn.transport.as_ref().ok_or_else(gone)?.get()?;
        refuse_in_filters(conn.lent.get()?)?;
        let looking = Look {
            py: this.py(),
            interpreter: this.interpreter(),
            c: conn.lent.get()?,
            transport,
        };
        let operation = me.operation.borrow();
        if let Some(value) = looking.attempt(&operation, me)? {
            me.until.set(None);
            return Ok(Some(value));
        }
        looking.wait(&operation, me)?;
        Ok(None)
    }
}

/// One look at a connection for what is awaited.
struct Look<'a, 'py> {
    py: Python<'py>,
    interpreter: &'static Interpreter,
    c: &'a Connection,
    transport: &'a Transport,
}

impl<'py> Look<'_, 'py> {
    fn none(&self) -> Bound<'py, PyAny> {
        self.py.None().into_bound(self.py)
    }

    /// Takes the first `length` unread bytes as `bytes`.
    fn take(&self, length: usize) -> Bound<'py, PyAny> {
        let mut unread = self.transport.io.unread.borrow_mut();
        let data = PyBytes::new(self.py, &unread.bytes()[..length]);
        unread.consume(length);
        self.transport.io.touch();
        data.into_any()
    }

    /// The first `length` bytes that have come, which stay unread.
    fn show(&self, unread: &Unread, length: usize) -> Bound<'py, PyAny> {
        PyBytes::new(self.py, &unread.bytes()[..length]).into_any()
    }

    /// The value of the operation; `None` if it must wait. Reads from the connection without blocking.
    ///
    /// # Errors
    /// The exception that the handler's `await` raises.
    fn attempt(&self, operation: &Operation, wait: &Wait) -> PyResult<Option<Bound<'py, PyAny>>> {
        match operation {
            Operation::Sent | Operation::AllSent => return self.sent(operation, wait),
            Operation::Answer(question) => return question.ask(self.py, self.c).map(Some),
            Operation::Time(time) => {
                let begun = wait.until.get();
                let over = begun.map_or(time.is_zero(), |until| Instant::now() >= until);
                // A sleep of 0 s ends the step, too, so that output is sent.
                return Ok((over && begun.is_some()).then(|| self.none()));
            }
            _ => {}
        }
        loop {
            if let Some(value) = self.cut(operation)? {
                return Ok(Some(value));
            }
            match self.transport.fill(self.c) {
                Found::Data => {}
                Found::Nothing => return Ok(None),
                Found::End => return self.end(operation).map(Some),
            }
        }
    }

    /// The value of the operation from the unread bytes; `None` if they do not suffice.
    ///
    /// # Errors
    /// `asyncio.LimitOverrunError` for a line or separator that does not end within its limit.
    fn cut(&self, operation: &Operation) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut unread = self.transport.io.unread.borrow_mut();
        let there = unread.len();
        let (separator, limit) = match operation {
            Operation::Some(most) if there > 0 || *most == 0 => {
                drop(unread);
                return Ok(Some(self.take(there.min(*most))));
            }
            Operation::Exactly(length) if there >= *length => {
                drop(unread);
                return Ok(Some(self.take(*length)));
            }
            Operation::Peek(length) if there >= *length => {
                return Ok(Some(self.show(&unread, *length)));
            }
            Operation::PeekSome if there > 0 => return Ok(Some(self.show(&unread, there))),
            Operation::Until(separator, limit) | Operation::PeekUntil(separator, limit) => {
                (&separator[..], *limit)
            }
            Operation::Line(limit) => (&b"\n"[..], *limit),
            Operation::Lines => (&b"\n"[..], MOST),
            _ => return Ok(None),
        };
        match unread.find(separator, limit) {
            SeparatorSearch::Ends(length) if matches!(operation, Operation::PeekUntil(..)) => {
                Ok(Some(self.show(&unread, length)))
            }
            SeparatorSearch::Ends(length) => {
                drop(unread);
                Ok(Some(self.take(length)))
            }
            SeparatorSearch::Missing => Ok(None),
            SeparatorSearch::Beyond => {
                // Python code that runs below may borrow the buffer.
                drop(unread);
                let text = match operation {
                    Operation::Until(..) | Operation::PeekUntil(..) => {
                        format!("no separator within {limit} bytes")
                    }
                    _ => format!("no end of a line within {limit} bytes"),
                };
                let class = self.py.import("asyncio")?.getattr("LimitOverrunError")?;
                let error = PyErr::from_value(class.call1((text, there))?);
                Err(of_peer(self.py, error))
            }
        }
    }

    /// The value of the operation at the end of input.
    ///
    /// # Errors
    /// `asyncio.IncompleteReadError` if that is not enough; `ConnectionResetError` if the connection broke;
    /// `apache.ShuttingDown` if the child has shut the socket.
    fn end(&self, operation: &Operation) -> Answer<'py> {
        let departure = &self.transport.io.departure;
        if self.transport.io.input() == InputState::Broken {
            departure.tell();
            return Err(Lost::broken(self.c).error(self.py, self.interpreter));
        }
        if stop::is_told() {
            // The signal handler of this child has shut the socket: the peer has not ended its output.
            return Err(Lost::Stopping.error(self.py, self.interpreter));
        }
        departure.tell_end();
        let there = self.transport.io.unread.borrow().len();
        let expected = match operation {
            Operation::Exactly(length) => Some(*length),
            Operation::Until(..) => None,
            Operation::Lines if there == 0 => return Err(PyStopAsyncIteration::new_err(())),
            Operation::Peek(_) | Operation::PeekSome | Operation::PeekUntil(..) => {
                return Ok(self.show(&self.transport.io.unread.borrow(), there));
            }
            _ => return Ok(self.take(there)),
        };
        let class = self.py.import("asyncio")?.getattr("IncompleteReadError")?;
        let error = PyErr::from_value(class.call1((self.take(there), expected))?);
        Err(of_peer(self.py, error))
    }

    /// Sends output without blocking, and returns None as the value once enough of it was sent.
    fn sent(&self, operation: &Operation, wait: &Wait) -> PyResult<Option<Bound<'py, PyAny>>> {
        let io = &self.transport.io;
        let all = matches!(operation, Operation::AllSent);
        if all || io.queued() > HIGH || wait.until.get().is_some() {
            self.transport.send(self.c);
            self.interpreter.deferred_drops.empty(self.py);
        }
        if io.output() == OutputState::Broken {
            if all {
                return Ok(Some(self.none()));
            }
            io.departure.tell();
            return Err(Lost::broken(self.c).error(self.py, self.interpreter));
        }
        let done = if all {
            !self.transport.has_unsent(self.c)
        } else {
            io.queued() <= HIGH
        };
        if io.queued() < wait.queued.replace(io.queued()) {
            // The peer takes output, so its time begins anew.
            wait.until.set(None);
        }
        Ok(done.then(|| self.none()))
    }

    /// Notes in the transport what must happen before the next step, and the time at which the wait ends.
    ///
    /// # Errors
    /// `TimeoutError` when that time has passed; the exception of a connection that is lost.
    fn wait(&self, operation: &Operation, wait: &Wait) -> PyResult<()> {
        let io = &self.transport.io;
        match io.lost.get() {
            Some(Lost::TimedOut) => return Err(self.timed_out(operation)),
            Some(lost) => return Err(lost.error(self.py, self.interpreter)),
            None if shutdown::is_over() => {
                return Err(Lost::Stopping.error(self.py, self.interpreter));
            }
            None => {}
        }
        let now = Instant::now();
        let until = wait.until.get().unwrap_or_else(|| {
            let time = match operation {
                Operation::Time(time) => *time,
                _ => self.timeout(),
            };
            now + time
        });
        let is_time = matches!(operation, Operation::Time(_));
        if until <= now && wait.until.get().is_some() && !is_time {
            return Err(self.timed_out(operation));
        }
        wait.until.set(Some(until));
        let until = match is_time {
            true => {
                departed(self.py, self.interpreter, self.c, io)?.map_or(until, |at| at.min(until))
            }
            false => until,
        };
        let write = matches!(operation, Operation::Sent | Operation::AllSent);
        io.need(Needs {
            read: !write && !is_time,
            write,
            until: Some(until),
        });
        Ok(())
    }

    fn timeout(&self) -> Duration {
        let most = || self.c.base_server().timeout();
        self.transport.io.timeout.get().unwrap_or_else(most)
    }

    fn timed_out(&self, operation: &Operation) -> PyErr {
        let what = match operation {
            Operation::Sent | Operation::AllSent => "took nothing",
            _ => "did not send what is awaited",
        };
        let text = format!("the peer {what} for {} s", self.timeout().as_secs_f64());
        of_peer(self.py, PyTimeoutError::new_err(text))
    }
}
