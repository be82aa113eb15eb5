//! Reads of the body that an `async def` handler awaits. Where its request can wait without a thread, what has come is
//! taken and kept until it suffices. Called with the GIL, in a step of the handler.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::awaitable::RequestOperation;
use super::body::{Body, BodyRead};
use crate::httpd::{Error, Request};
use crate::parking::io_state::{InputState, IoState, Lost, Needs};
use crate::parking::shutdown;
use crate::python::memory::{PartialBytes, bytes};
use crate::python::runtime::interpreter::Interpreter;

/// After so long the body is asked for though nothing has come: mod_reqtimeout looks at its time only then.
const LOOK: Duration = Duration::from_secs(10);
/// The same for a stream of HTTP/2, which has no socket to wait for: at first, and at last.
const STREAM_LOOKS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// What has come for one read, and since when nothing has.
#[derive(Default)]
pub struct BodyWait {
    data: Option<PartialBytes>,
    line: Vec<u8>,
    lines: Vec<Py<PyBytes>>,
    since: Option<Instant>,
    /// After how long a stream is looked at again.
    look: Duration,
}

impl BodyWait {
    /// Gives back to the body what has come, in its order.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn give_back(self, py: Python<'_>, r: &Request, body: &Body) -> PyResult<()> {
        if let Some(data) = self.data {
            body.put_back(r, data.go_on(py).finish()?.as_bytes());
        }
        body.put_back(r, &self.line);
        for line in self.lines.iter().rev() {
            body.put_back(r, line.bind(py).as_bytes());
        }
        Ok(())
    }
}

/// A look at the body of a request whose handler awaits it.
pub struct BodyLook<'a, 'py> {
    /// The GIL.
    pub py: Python<'py>,
    /// The interpreter of the handler.
    pub interpreter: &'static Interpreter,
    /// The request.
    pub r: &'a Request,
    /// Its body.
    pub body: &'a Body,
    /// Whether it waits for the client.
    pub mode: BodyRead,
}

impl<'py> BodyLook<'_, 'py> {
    /// The value of a read, from what has come; `None` while that does not suffice. What must come before the next look
    /// is in `io` then.
    ///
    /// # Errors
    /// Those of [`Body`]; `StopAsyncIteration` at the end of an iteration.
    pub fn poll(
        &self,
        operation: RequestOperation,
        wait: &mut BodyWait,
        io: &IoState,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let before = self.body.portions();
        if let Some(value) = self.attempt(operation, wait)? {
            return Ok(Some(value));
        }
        let now = Instant::now();
        let since = wait.since.filter(|_| self.body.portions() == before);
        let since = *wait.since.insert(since.unwrap_or(now));
        let late_at = shutdown::gives_up(since, self.r.server().timeout());
        let is_gone = io.must_tell() || self.r.connection().is_aborted();
        if is_gone || io.input() != InputState::Open {
            return Err(self.fail(Error::END_OF_FILE));
        }
        if late_at <= now {
            return Err(match shutdown::is_over() {
                true => Lost::Stopping.error(self.py, self.interpreter),
                false => self.fail(Error::TIME_OUT),
            });
        }
        let look = match self.r.connection().is_stream() {
            true => (wait.look * 2).clamp(STREAM_LOOKS[0], STREAM_LOOKS[1]),
            false => LOOK,
        };
        wait.look = look;
        io.need(Needs {
            read: true,
            until: Some(late_at.min(now + look)),
            ..Needs::default()
        });
        Ok(None)
    }

    fn fail(&self, error: Error) -> PyErr {
        self.body.fail(self.py, self.interpreter, self.r, error)
    }

    /// The value of a read, as far as `mode` lets it wait for the client.
    ///
    /// # Errors
    /// Those of [`Body`]; `StopAsyncIteration` at the end of an iteration.
    pub fn attempt(
        &self,
        operation: RequestOperation,
        wait: &mut BodyWait,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, interpreter, r, body) = (self.py, self.interpreter, self.r, self.body);
        match operation {
            RequestOperation::Line(most) => {
                let line = self.line(most, wait)?;
                Ok(line.map(Bound::into_any))
            }
            RequestOperation::Lines(most) => self.lines(most, wait),
            RequestOperation::Read(most) => {
                let mut data = match wait.data.take() {
                    Some(data) => data.go_on(py),
                    None => body.writer(py, r, most),
                };
                if body.read_into(py, interpreter, r, most, self.mode, &mut data)? {
                    return Ok(Some(data.finish()?.into_any()));
                }
                wait.data = Some(data.pause());
                Ok(None)
            }
            RequestOperation::Discard => {
                // What goes wrong is the value, too.
                let waits = self.mode == BodyRead::NoWait;
                if waits && matches!(body.skip(py, interpreter, r), Ok(false)) {
                    return Ok(None);
                }
                let status = body.discard(py, r);
                Ok(Some(status.0.into_pyobject(py)?.into_any()))
            }
            _ => match body.read_piece(py, interpreter, r, self.mode)? {
                Some(piece) if piece.as_bytes().is_empty() => {
                    Err(PyStopAsyncIteration::new_err(()))
                }
                piece => Ok(piece.map(Bound::into_any)),
            },
        }
    }

    fn line(
        &self,
        most: Option<usize>,
        wait: &mut BodyWait,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let (py, line) = (self.py, &mut wait.line);
        if !self
            .body
            .read_line_into(py, self.interpreter, self.r, most, self.mode, line)?
        {
            return Ok(None);
        }
        bytes(py, &std::mem::take(line)).map(Some)
    }

    fn lines(&self, most: usize, wait: &mut BodyWait) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut total = 0;
        for line in &wait.lines {
            total += line.bind(self.py).as_bytes().len();
        }
        while total < most {
            let Some(line) = self.line(None, wait)? else {
                return Ok(None);
            };
            if line.as_bytes().is_empty() {
                break;
            }
            total += line.as_bytes().len();
            wait.lines.push(line.unbind());
        }
        let lines = PyList::new(self.py, std::mem::take(&mut wait.lines))?;
        Ok(Some(lines.into_any()))
    }
}
