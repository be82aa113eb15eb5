//! `Reader`: the awaitable that gives a streaming filter the pieces of a body, cut as it asks for them. Its `__next__`
//! is called with the GIL, in a call of the filter on httpd's thread, and lets go of it while it waits for a slow
//! source.

use std::cell::RefCell;

use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;

use super::object::FilterObject;
use crate::engine::replace::Replacer;
use crate::httpd::filter::stream::{CHUNK, Next};
use crate::python::memory;
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Awaitable, Slot, awaitable_slots};
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::types::ClassId;

/// For a piece of this size in bytes, the GIL is given to other threads while `replace()` searches it.
const WORTH_RELEASING: usize = 16 * 1024;

/// One awaitable, or async iterator, of a filter.
pub struct Reader {
    filter: Py<PyAny>,
    request: RefCell<ReadRequest>,
}

/// What a filter asks for. Lengths and limits are in bytes.
pub enum ReadRequest {
    /// Pieces as they arrive.
    Chunks,
    /// One piece of at most this many bytes; `b""` at the end.
    Bytes(usize),
    /// Up to this many bytes, which stay unread.
    Peek(usize),
    /// Lines of at most this many bytes; and the beginning of the next line that was read already.
    Lines(usize, Vec<u8>),
    /// The whole body, if it is not longer than the limit; and what was read of it so far.
    Body(Option<usize>, Vec<u8>),
    /// Buckets as they arrive.
    Buckets,
    /// Pieces in which literals are replaced, `None` after the end; and a buffer for the next one.
    Replaced(Option<Box<Replacer>>, Vec<u8>),
}

type Me<'a, 'py> = This<'a, 'py, Reader>;

impl Reader {
    /// The awaitable for a filter and its request.
    pub fn make<'py>(
        filter: &Bound<'py, PyAny>,
        interpreter: &'static Interpreter,
        request: ReadRequest,
    ) -> Answer<'py> {
        let reader = Self {
            filter: filter.clone().unbind(),
            request: RefCell::new(request),
        };
        class::make(filter.py(), interpreter, reader)
    }
}

impl Class for Reader {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Reader";
    const DOC: &'static std::ffi::CStr =
        c"An awaitable or async iterator over the pieces of a body.";
    const ID: ClassId = ClassId::Reader;
    methods! { Reader: }
    attributes! { Reader: }

    fn slots() -> Vec<Slot> {
        awaitable_slots::<Self>()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        visit(&self.filter);
    }
}

impl Awaitable for Reader {
    fn poll<'py>(this: &Me<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let object = this.body().filter.bind(this.py());
        let Some(filter) = class::body::<FilterObject>(object, this.interpreter()) else {
            return Err(PyRuntimeError::new_err("the filter is gone"));
        };
        let mut request = this
            .body()
            .request
            .try_borrow_mut()
            .map_err(|_| PyRuntimeError::new_err("the same piece is awaited twice"))?;
        let reading = Reading {
            py: this.py(),
            filter,
        };
        match &mut *request {
            ReadRequest::Chunks => match reading.next(CHUNK)? {
                Got::Wait => Ok(None),
                Got::End => Err(end()),
                Got::Data => reading.piece().map(Some),
            },
            ReadRequest::Bytes(0) => reading.bytes(b"").map(Some),
            ReadRequest::Bytes(limit) => match reading.next(*limit)? {
                Got::Wait => Ok(None),
                Got::End => reading.bytes(b"").map(Some),
                Got::Data => reading.piece().map(Some),
            },
            ReadRequest::Peek(limit) => reading.peek(*limit),
            ReadRequest::Buckets => reading.bucket(this.interpreter()),
            ReadRequest::Lines(limit, line) => reading.line(*limit, line),
            ReadRequest::Body(limit, body) => reading.whole(*limit, body, this.interpreter()),
            ReadRequest::Replaced(replacer, out) => reading.replaced(replacer, out),
        }
    }
}

fn end() -> PyErr {
    PyStopAsyncIteration::new_err(())
}

enum Got {
    /// A piece was read, and is the stream's current one.
    Data,
    /// The body has ended.
    End,
    /// More has not arrived yet.
    Wait,
}

struct Reading<'a, 'py> {
    py: Python<'py>,
    filter: &'a FilterObject,
}

impl<'py> Reading<'_, 'py> {
    fn bytes(&self, data: &[u8]) -> Answer<'py> {
        memory::bytes(self.py, data).map(Bound::into_any)
    }

    /// Reads the next piece of at most `limit` bytes.
    fn next(&self, limit: usize) -> PyResult<Got> {
        self.filter.with_io(|filter, io| {
            loop {
                if io.is_at_end() {
                    return Ok(Got::End);
                }
                match io.read(self.py, filter, limit).map_err(failed)? {
                    Next::Data => return Ok(Got::Data),
                    Next::End => return Ok(Got::End),
                    // A FLUSH has passed, and more data stands behind it.
                    Next::Pause if io.stream().has_event() => {}
                    Next::Pause => return Ok(Got::Wait),
                }
            }
        })
    }

    /// Takes the current piece as `bytes`.
    fn piece(&self) -> Answer<'py> {
        self.filter.take_piece(self.py).map(Bound::into_any)
    }

    /// Moves at most `most` bytes of the current piece to the end of `target`; with `line`, only up to and with the
    /// first line end.
    fn append(&self, target: &mut Vec<u8>, most: usize, line: bool) -> PyResult<()> {
        self.filter.with_io(|_, io| {
            let chunk = io.stream().chunk();
            let mut length = chunk.len().min(most);
            if line {
                length = memchr::memchr(b'\n', &chunk[..length]).map_or(length, |at| at + 1);
            }
            memory::extend(target, &chunk[..length])?;
            io.stream().take(length).map_err(failed)
        })
    }

    fn peek(&self, limit: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        let seen = self
            .filter
            .with_io(|filter, io| io.peek(self.py, filter, limit).map_err(failed))?;
        seen.map(|data| self.bytes(&data)).transpose()
    }

    fn bucket(&self, interpreter: &'static Interpreter) -> PyResult<Option<Bound<'py, PyAny>>> {
        let next = self.filter.with_io(|filter, io| {
            if io.is_at_end() {
                return Err(end());
            }
            io.next_bucket(self.py, filter).map_err(failed)
        })?;
        self.filter.bucket(self.py, interpreter, next)
    }

    fn line(&self, limit: usize, line: &mut Vec<u8>) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            match self.next(CHUNK)? {
                Got::Wait => return Ok(None),
                Got::End if line.is_empty() => return Err(end()),
                Got::End => break,
                Got::Data => self.append(line, limit - line.len(), true)?,
            }
            if line.ends_with(b"\n") || line.len() == limit {
                break;
            }
        }
        let whole = self.bytes(line)?;
        line.clear();
        Ok(Some(whole))
    }

    fn whole(
        &self,
        limit: Option<usize>,
        body: &mut Vec<u8>,
        interpreter: &'static Interpreter,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            match self.next(CHUNK)? {
                Got::Wait => return Ok(None),
                Got::End => return self.bytes(&std::mem::take(body)).map(Some),
                Got::Data => self.append(body, CHUNK, false)?,
            }
            if let Some(limit) = limit.filter(|limit| body.len() > *limit) {
                let class = interpreter.types.body_too_large.bind(self.py).clone();
                let text = format!("the body is larger than {limit} bytes");
                return Err(PyErr::from_type(class, (text,)));
            }
        }
    }

    fn replaced(
        &self,
        replacer: &mut Option<Box<Replacer>>,
        out: &mut Vec<u8>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            let Some(work) = replacer else {
                return Err(end());
            };
            match self.next(CHUNK)? {
                Got::Wait => return Ok(None),
                Got::End => {
                    work.finish(out);
                    *replacer = None;
                }
                Got::Data => self.filter.with_io(|_, io| {
                    let data = io.stream().chunk();
                    let length = data.len();
                    if length >= WORTH_RELEASING {
                        release(self.py, || work.push(data, out));
                    } else {
                        work.push(data, out);
                    }
                    io.stream().take(length).map_err(failed)
                })?,
            }
            if !out.is_empty() {
                let bytes = self.bytes(out)?;
                // The memory is kept for the next piece, unless this one was unusually long.
                out.clear();
                out.shrink_to(2 * CHUNK);
                return Ok(Some(bytes));
            }
        }
    }
}

fn failed(error: crate::httpd::Error) -> PyErr {
    if error == crate::httpd::Error::NO_MEMORY {
        return PyMemoryError::new_err("there is no memory for so much of the body at once");
    }
    PyOSError::new_err(format!("the body could not be read: {error}"))
}
