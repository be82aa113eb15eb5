//! The body of a request, as `req.read()`, `readline()` and `readlines()` return it.
//!
//! It is read on the thread that httpd handles the request on. The GIL is released while httpd's filters are asked.

use std::cell::Cell;

use pyo3::exceptions::{PyConnectionResetError, PyOSError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::state::RequestState;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::{Error, Request, Status};
use crate::python::memory::{BytesWriter, bytes, no_memory};
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::values::handler_result::status_error;

/// How many bytes httpd's filters are asked for at a time. No power of two: glibc cuts small blocks from free memory of that
/// size, which is short of the next portion then, and a body of 1 GB left 20 MB of such holes.
const PORTION: usize = 60 * 1024;

/// What was read of a body and not yet returned to Python code.
pub struct Body {
    unread: OwnedBrigade,
    ended: Cell<bool>,
    /// The error that ended the body. It is raised again at each read: to ask httpd again would wait for another
    /// time-out.
    failed: Cell<Option<Error>>,
    begun: Cell<bool>,
    reading: Cell<bool>,
    /// How many looks have found data.
    portions: Cell<usize>,
}

/// Whether a look for data waits for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRead {
    /// It waits.
    Wait,
    /// It takes what has come.
    NoWait,
    /// It takes only what httpd's filters have given already.
    Kept,
}

/// What a look for data has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    Data,
    /// The end of the body.
    End,
    /// Nothing has come.
    Nothing,
}

impl Body {
    /// The body of a request from which nothing was read yet.
    pub fn new(r: &Request) -> Self {
        Self {
            unread: r.new_brigade(),
            ended: Cell::new(false),
            failed: Cell::new(None),
            begun: Cell::new(false),
            reading: Cell::new(false),
            portions: Cell::new(0),
        }
    }

    /// How many looks have found data: a client that sends slowly makes it grow.
    pub fn portions(&self) -> usize {
        self.portions.get()
    }

    /// Ends the body with an error. Returns the exception for it.
    pub fn fail(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        error: Error,
    ) -> PyErr {
        self.failed.set(Some(error));
        raise(py, interpreter, r, error)
    }

    /// Puts data in front of what is still to be read.
    pub fn put_back(&self, r: &Request, data: &[u8]) {
        if !data.is_empty() {
            let first = r.new_brigade();
            first.append_lone_copy(data);
            self.unread.prepend_all(&first);
        }
    }

    /// Whether `fill` is being called: what an input filter refuses now is raised in the handler that reads.
    pub fn is_read_now(&self) -> bool {
        self.reading.get()
    }

    /// Whether Python code has read the body to its end.
    pub fn is_whole(&self) -> bool {
        while let Some(kind) = self.unread.front() {
            match kind {
                BucketKind::Data if !self.unread.read_front(true).is_ok_and(<[u8]>::is_empty) => {
                    return false;
                }
                BucketKind::End => self.ended.set(true),
                _ => {}
            }
            drop(self.unread.remove_front());
        }
        self.ended.get() && self.failed.get().is_none()
    }

    /// The status for a request whose body could not be read, if `error` is the exception that `raise` has made for
    /// that.
    pub fn answer_to(&self, py: Python<'_>, error: &PyErr) -> Option<Status> {
        let failed = self.failed.get()?;
        let value = error.value(py);
        let ours = value.is_exact_instance_of::<PyOSError>()
            || value.is_exact_instance_of::<PyConnectionResetError>()
            || value.is_exact_instance_of::<PyTimeoutError>();
        ours.then(|| failed.to_http())
    }

    /// Returns `limit` bytes, or all for `None`; fewer only at the end of the body.
    ///
    /// # Errors
    /// See `raise`.
    pub fn read<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
        limit: Option<usize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut data = self.writer(py, r, limit);
        self.read_into(py, interpreter, r, limit, BodyRead::Wait, &mut data)?;
        data.finish()
    }

    /// Room for `limit` bytes, or for all.
    pub fn writer<'py>(
        &self,
        py: Python<'py>,
        r: &Request,
        limit: Option<usize>,
    ) -> BytesWriter<'py> {
        let left = match self.begun.get() {
            true => r.remaining(),
            false => r.content_length().unwrap_or(0),
        };
        let expected = usize::try_from(left).unwrap_or(0);
        BytesWriter::new(py, expected.min(limit.unwrap_or(usize::MAX)))
    }

    /// Reads until `data` has `limit` bytes, or all. Returns `false` where that waits for the client.
    ///
    /// # Errors
    /// See `raise`.
    pub fn read_into(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        limit: Option<usize>,
        mode: BodyRead,
        data: &mut BytesWriter<'_>,
    ) -> PyResult<bool> {
        let limit = limit.unwrap_or(usize::MAX);
        while data.written() < limit {
            match self.look(py, interpreter, r, mode)? {
                Filled::Data => {
                    let room = limit - data.written();
                    self.unread.give_data(room, |piece| data.write(piece))?;
                }
                Filled::End => break,
                Filled::Nothing => return Ok(false),
            }
        }
        count(r, data.written());
        Ok(true)
    }

    /// Returns what has come of the body, at most `PORTION` bytes; empty at its end. `None` while nothing has come, unless
    /// `mode` waits for it.
    ///
    /// # Errors
    /// See `raise`.
    pub fn read_piece<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
        mut mode: BodyRead,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut data = BytesWriter::new(py, PORTION);
        while data.written() < PORTION {
            match self.look(py, interpreter, r, mode)? {
                Filled::Nothing if data.written() == 0 => return Ok(None),
                Filled::Data => {
                    let room = PORTION - data.written();
                    self.unread.give_data(room, |piece| data.write(piece))?;
                    // What came with it is taken, and the filters are not asked again.
                    mode = BodyRead::Kept;
                }
                _ => break,
            }
        }
        count(r, data.written());
        data.finish().map(Some)
    }

    /// Returns the next line with its line end, or `limit` bytes of it; empty at the end of the body.
    ///
    /// # Errors
    /// See `raise`.
    pub fn read_line<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
        limit: Option<usize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut line = Vec::new();
        self.read_line_into(py, interpreter, r, limit, BodyRead::Wait, &mut line)?;
        bytes(py, &line)
    }

    /// Reads until `line` is a line with its end, or `limit` bytes of it. Returns `false` where that waits for the client.
    ///
    /// # Errors
    /// See `raise`.
    pub fn read_line_into(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        limit: Option<usize>,
        mode: BodyRead,
        line: &mut Vec<u8>,
    ) -> PyResult<bool> {
        let limit = limit.unwrap_or(usize::MAX);
        while line.len() < limit && !line.ends_with(b"\n") {
            match self.look(py, interpreter, r, mode)? {
                Filled::Data => {
                    let taken = self.unread.take_data(limit - line.len(), true, line);
                    taken.map_err(|_| no_memory(line.len() + PORTION))?;
                }
                Filled::End => break,
                Filled::Nothing => return Ok(false),
            }
        }
        count(r, line.len());
        Ok(true)
    }

    /// Whether reading has failed because the client is gone.
    pub fn is_cut(&self) -> bool {
        self.failed.get().is_some_and(Error::is_departure)
    }

    /// Drops what has come. Returns whether that was all.
    ///
    /// # Errors
    /// See `raise`.
    pub fn skip(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
    ) -> PyResult<bool> {
        loop {
            match self.look(py, interpreter, r, BodyRead::NoWait)? {
                Filled::Data => drop(self.unread.remove_front()),
                found => return Ok(found == Filled::End),
            }
        }
    }

    /// Reads the rest and drops it. Returns `OK`, or the status that answers the error.
    pub fn discard(&self, py: Python<'_>, r: &Request) -> Status {
        self.unread.clear();
        let ended = self.ended.replace(true);
        match self.failed.get() {
            Some(Error::FILTER) => r.body_refusal().unwrap_or(Status::INTERNAL_SERVER_ERROR),
            Some(error) => error.to_http(),
            None if ended => Status::OK,
            None => match release(py, || RequestState::of(r).lease.blocks(|| r.discard_body())) {
                // What a handler returns must be a status; the filter has logged its failure.
                Status::FILTER_ERROR => r.body_refusal().unwrap_or(Status::INTERNAL_SERVER_ERROR),
                status => status,
            },
        }
    }

    /// Reads a body whose length an input filter may change, so that its `Content-Length` is known; at most `limit`
    /// bytes of it. With `chunks` it reads any body in chunks. It does nothing if somebody has begun to read it.
    ///
    /// # Errors
    /// `SERVER_RETURN` with the status for the client.
    pub fn settle_length(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        limit: u64,
        chunks: bool,
    ) -> PyResult<()> {
        if self.begun.get() || self.ended.get() {
            return Ok(());
        }
        self.reading.set(true);
        let status = release(py, || match chunks {
            true => r.give_length_of_chunks(limit),
            false => r.give_body_length(limit, false),
        });
        self.reading.set(false);
        let refusal = r.body_refusal().unwrap_or(Status::INTERNAL_SERVER_ERROR);
        match status {
            Status::DECLINED => Ok(()),
            Status::FILTER_ERROR => Err(status_error(py, interpreter, refusal)),
            status => Err(status_error(py, interpreter, status)),
        }
    }

    /// Looks for data at the front of `unread`, and reads if there is none.
    fn look(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        mode: BodyRead,
    ) -> PyResult<Filled> {
        let mut dry = 0;
        loop {
            if let Some(error) = self.failed.get() {
                return Err(raise(py, interpreter, r, error));
            }
            match self.unread.front() {
                Some(BucketKind::Data)
                    if !self.unread.read_front(true).is_ok_and(<[u8]>::is_empty) =>
                {
                    self.portions.set(self.portions.get() + 1);
                    return Ok(Filled::Data);
                }
                Some(BucketKind::End) => {
                    r.set_remaining(0);
                    self.ended.set(true);
                }
                Some(_) => {}
                None if self.ended.get() => return Ok(Filled::End),
                // Twice: what filters have ahead (mod_ssl) is where no poll can see it.
                None if mode == BodyRead::Kept || dry == 2 => return Ok(Filled::Nothing),
                None => {
                    dry += usize::from(mode == BodyRead::NoWait);
                    if !self.begun.replace(true) {
                        r.set_remaining(r.content_length().unwrap_or(0));
                    }
                    self.reading.set(true);
                    let read = || match mode {
                        BodyRead::Wait => r.read(&self.unread, PORTION),
                        _ => r.read_now(&self.unread, PORTION),
                    };
                    let result = release(py, || RequestState::of(r).lease.blocks(read));
                    self.reading.set(false);
                    if let Err(error) = result {
                        self.failed.set(Some(error));
                    }
                    continue;
                }
            }
            drop(self.unread.remove_front());
        }
    }
}

/// Counts bytes that a method returns in `read_length`.
fn count(r: &Request, length: usize) {
    r.set_read_length(r.read_length() + length as i64);
}

/// The exception for a body that could not be read: `SERVER_RETURN` with the status that the client must get (413, or
/// the one with which an input filter refused the body), `TimeoutError`, or `OSError`.
fn raise(py: Python<'_>, interpreter: &'static Interpreter, r: &Request, error: Error) -> PyErr {
    let status = r.body_refusal().or_else(|| match error {
        // httpd has answered already: the body is longer than LimitRequestBody, or malformed.
        Error::FILTER if r.is_answered() && r.status() >= 400 => Some(Status(r.status())),
        Error::NO_SPACE => Some(error.to_http()),
        _ => None,
    });
    if let Some(status) = status.filter(|status| status.0 != 500) {
        return status_error(py, interpreter, status);
    }
    if error.is_timeout() {
        return PyTimeoutError::new_err("the client sent its body too slowly");
    }
    PyOSError::new_err(format!("the request's body could not be read: {error}"))
}
