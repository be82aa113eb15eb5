//! What an `async def` connection handler awaits.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use pyo3::exceptions::{
    PyConnectionResetError, PyRuntimeError, PyStopAsyncIteration, PyTimeoutError,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::authorize::Question;
use super::object::{ConnectionObject, refuse_in_filters};
use crate::engine::read_buffer::Search;
use crate::httpd::Connection;
use crate::httpd::connection::nonblocking::Found;
use crate::httpd::server::stop;
use crate::parking::io_state::{Input, Lost, Needs, Output};
use crate::parking::shutdown;
use crate::parking::transport::Transport;
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Awaitable, Slot, awaitable_slots};
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;

/// The most that a line has, and what comes with one `read()`, unless the handler says otherwise.
pub(in crate::python) const MOST: usize = 64 * 1024;
/// Who has written more than this waits until the peer has taken some of it.
pub(in crate::python) const HIGH: usize = 64 * 1024;

/// One thing that a connection handler awaits, or iterates over.
pub struct Wait {
    conn: Py<PyAny>,
    operation: RefCell<Operation>,
    /// When its time is over; set when it first waits.
    until: Cell<Option<Instant>>,
    /// How much was queued when it last looked.
    queued: Cell<usize>,
}

/// What is awaited.
pub(in crate::python) enum Operation {
    /// At least one byte, at most so many.
    Some(usize),
    /// All until the end.
    All,
    /// So many bytes.
    Exactly(usize),
    /// So many bytes that stay unread.
    Peek(usize),
    /// Up to and with a separator; so much at most.
    Until(Vec<u8>, usize),
    /// A line; so much at most.
    Line(usize),
    /// The same, until there is no more.
    Lines,
    /// That the peer takes what was written.
    Sent,
    /// That the peer has all that was written.
    AllSent,
    /// So much time.
    Time(Duration),
    /// What httpd says to a user.
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

    /// Takes the first `length` bytes that have come.
    fn take(&self, length: usize) -> Bound<'py, PyAny> {
        let mut unread = self.transport.io.unread.borrow_mut();
        let data = PyBytes::new(self.py, &unread.bytes()[..length]);
        unread.consume(length);
        self.transport.io.touch();
        data.into_any()
    }

    /// What is awaited, if it is there.
    fn attempt(&self, operation: &Operation, wait: &Wait) -> PyResult<Option<Bound<'py, PyAny>>> {
        match operation {
            Operation::Sent | Operation::AllSent => return self.sent(operation, wait),
            Operation::Answer(question) => return question.ask(self.py, self.c).map(Some),
            Operation::Time(time) => {
                let begun = wait.until.get();
                let over = begun.map_or(time.is_zero(), |until| Instant::now() >= until);
                // Even no time at all is a wait: what was written goes out.
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

    /// What is awaited, out of what has come.
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
                return Ok(Some(
                    PyBytes::new(self.py, &unread.bytes()[..*length]).into_any(),
                ));
            }
            Operation::Until(separator, limit) => (&separator[..], *limit),
            Operation::Line(limit) => (&b"\n"[..], *limit),
            Operation::Lines => (&b"\n"[..], MOST),
            _ => return Ok(None),
        };
        match unread.find(separator, limit) {
            Search::Ends(length) => {
                drop(unread);
                Ok(Some(self.take(length)))
            }
            Search::Missing => Ok(None),
            Search::Beyond => {
                // What follows runs Python.
                drop(unread);
                let text = match operation {
                    Operation::Until(..) => format!("no separator within {limit} bytes"),
                    _ => format!("no end of a line within {limit} bytes"),
                };
                let class = self.py.import("asyncio")?.getattr("LimitOverrunError")?;
                let error = PyErr::from_value(class.call1((text, there))?);
                Err(of_peer(self.py, error))
            }
        }
    }

    /// What is awaited when nothing more comes.
    fn end(&self, operation: &Operation) -> Answer<'py> {
        if self.transport.io.input() == Input::Broken {
            return Err(Lost::broken(self.c).error(self.py, self.interpreter));
        }
        if stop::is_told() {
            // We have shut the socket, not the peer.
            return Err(Lost::Stopping.error(self.py, self.interpreter));
        }
        let there = self.transport.io.unread.borrow().len();
        let expected = match operation {
            Operation::Exactly(length) => Some(*length),
            Operation::Until(..) => None,
            Operation::Lines if there == 0 => return Err(PyStopAsyncIteration::new_err(())),
            Operation::Peek(_) => {
                let unread = self.transport.io.unread.borrow();
                return Ok(PyBytes::new(self.py, unread.bytes()).into_any());
            }
            _ => return Ok(self.take(there)),
        };
        let class = self.py.import("asyncio")?.getattr("IncompleteReadError")?;
        let error = PyErr::from_value(class.call1((self.take(there), expected))?);
        Err(of_peer(self.py, error))
    }

    fn sent(&self, operation: &Operation, wait: &Wait) -> PyResult<Option<Bound<'py, PyAny>>> {
        let io = &self.transport.io;
        let all = matches!(operation, Operation::AllSent);
        if all || io.queued() > HIGH || wait.until.get().is_some() {
            self.transport.send(self.c);
            self.interpreter.deferred_drops.empty(self.py);
        }
        if io.output() == Output::Broken {
            return if all {
                Ok(Some(self.none()))
            } else {
                Err(Lost::broken(self.c).error(self.py, self.interpreter))
            };
        }
        let done = if all {
            !self.transport.has_unsent(self.c)
        } else {
            io.queued() <= HIGH
        };
        if io.queued() < wait.queued.replace(io.queued()) {
            // The peer takes it, if slowly.
            wait.until.set(None);
        }
        Ok(done.then(|| self.none()))
    }

    /// Notes what must happen before the next look, and by when.
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
        let write = matches!(operation, Operation::Sent | Operation::AllSent);
        io.needs.set(Needs {
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

impl Lost {
    /// Why a connection is broken. A child that stops at once first closes the sockets that its
    /// workers have, and then says that it stops; a peer cannot make httpd forget a descriptor.
    pub fn broken(c: &Connection) -> Self {
        match c.descriptor() {
            Some(_) if !stop::is_told() => Self::Reset,
            _ => Self::Stopping,
        }
    }

    /// The exception with which a wait ends.
    pub fn error(self, py: Python<'_>, interpreter: &Interpreter) -> PyErr {
        let error = match self {
            Self::Reset => {
                PyConnectionResetError::new_err("the peer has broken the connection off")
            }
            Self::TimedOut => PyTimeoutError::new_err("the connection took longer than Timeout"),
            Self::Stopping => {
                let class = interpreter.types.shutting_down.bind(py).clone();
                PyErr::from_type(class, ("the server is about to stop",))
            }
        };
        of_peer(py, error)
    }
}

/// The mark of exceptions that are the peer's doing, or the administrator's: when nobody catches
/// one, that is no mistake of the handler's.
const MARK: &str = "_of_peer";

pub(in crate::python) fn of_peer(py: Python<'_>, error: PyErr) -> PyErr {
    let _ = error.value(py).setattr(MARK, true);
    error
}

/// Whether an exception is the peer's doing.
pub fn is_of_peer(py: Python<'_>, error: &PyErr) -> bool {
    error.value(py).hasattr(MARK).unwrap_or(false)
}
