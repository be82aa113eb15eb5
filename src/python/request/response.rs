//! The response of a request, as `req.write()`, `flush()` and `sendfile()` make it.
//!
//! It is used on the thread that httpd handles the request on. The GIL is released while httpd's filters are called.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Instant;

use bytes::Bytes;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use super::async_output;
use super::state::RequestState;
use crate::engine::settings::Settings;
use crate::engine::text_kind::TextKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::filter::file::OpenFile;
use crate::httpd::filter::stream::CHUNK;
use crate::httpd::{Error, Request, Status};
use crate::parking::movement::Movement;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::traceback::Page;
use crate::python::values::buffer::{self, Sink};
use crate::python::values::client_gone::write_failed;

/// Pieces that are shorter together go into a bucket of httpd's own, whose memory is used again and again.
const COPIED_BELOW: usize = 8000;

/// What was written to a response and not yet sent.
pub struct Response {
    pub(super) written: OwnedBrigade,
    /// Small pieces that are to stand behind `written`. APR would give each one a bucket of its own, once the first
    /// bucket is full.
    pieces: RefCell<Vec<u8>>,
    pub(super) buffered: Cell<usize>,
    /// The number of bytes that were written, sent or not.
    pub total: Cell<usize>,
    /// The error with which sending has failed. Nothing is sent after it.
    pub(super) broken: Cell<Option<Error>>,
    /// Whether an `async def` handler has written something that is to be sent before it waits.
    pub is_due: Cell<bool>,
    /// Whether what such a handler has written is to be sent as the client takes it.
    pub(super) is_sending: Cell<bool>,
    /// Since when its socket has no room, and what was seen of the client since; `None` while it has, or nothing is left.
    pub(super) stalled: Cell<Option<(Instant, Movement)>>,
    /// The part of it that is being sent.
    pub(super) piece: OnceCell<OwnedBrigade>,
    /// Whether a client that takes nothing is not waited for once the child stops.
    pub ends_with_stop: Cell<bool>,
    /// Whether the handlers send plain text, not a coded one: known with `PythonDebug On`, once something was sent.
    is_uncoded: Cell<Option<bool>>,
}

impl Response {
    /// The response of a request to which nothing was written yet.
    pub fn new(r: &Request) -> Self {
        Self {
            written: r.new_brigade(),
            pieces: RefCell::default(),
            buffered: Cell::new(0),
            total: Cell::new(0),
            broken: Cell::new(None),
            is_due: Cell::new(false),
            is_sending: Cell::new(false),
            stalled: Cell::new(None),
            piece: OnceCell::new(),
            ends_with_stop: Cell::new(false),
            is_uncoded: Cell::new(None),
        }
    }

    /// Why sending failed, if it did.
    pub fn broken(&self) -> Option<Error> {
        self.broken.get()
    }

    /// Appends data; sends all that was written if `flush`, or when it is `CHUNK` bytes or more.
    ///
    /// # Errors
    /// `OSError` when the client is gone, `TypeError` for what cannot be written.
    pub fn write(
        &self,
        interpreter: &'static Interpreter,
        r: &Request,
        data: &Bound<'_, PyAny>,
        flush: bool,
    ) -> PyResult<()> {
        let length = self.append(interpreter, data)?;
        if length > 0 && flush {
            self.join_pieces();
            self.written.append_flush();
        }
        if (length > 0 && flush) || self.buffered.get() >= CHUNK {
            return self.send(data.py(), r);
        }
        Ok(())
    }

    /// Appends data that is in memory of our own: `copied`, then `owned`. Nothing is sent yet.
    pub fn put(&self, copied: Vec<u8>, owned: Option<Bytes>) {
        let mut length = copied.len();
        let mut pieces = self.pieces.borrow_mut();
        match pieces.is_empty() {
            true => *pieces = copied,
            false => pieces.extend_from_slice(&copied),
        }
        drop(pieces);
        if let Some(owned) = owned {
            length += owned.len();
            self.join_pieces();
            self.written.append_bytes(owned);
        }
        self.buffered.set(self.buffered.get() + length);
        self.total.set(self.total.get() + length);
    }

    /// Appends data, and returns how many bytes that is.
    ///
    /// # Errors
    /// `TypeError` for what cannot be written.
    pub(super) fn append(
        &self,
        interpreter: &'static Interpreter,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let length = buffer::append(&mut &*self, data, interpreter.deferred_drops)?;
        self.buffered.set(self.buffered.get() + length);
        self.total.set(self.total.get() + length);
        Ok(length)
    }

    /// Appends a part of a file, `offset` and `length` in bytes.
    pub fn put_file(&self, r: &Request, file: &OpenFile, offset: i64, length: i64) {
        if length > 0 {
            self.join_pieces();
            let (offset, length) = (offset as u64, length as usize);
            self.written.append_file(file, offset, length, r.pool());
            self.total.set(self.total.get() + length);
        }
    }

    /// Sends what was written, and what other filters hold back.
    ///
    /// # Errors
    /// `OSError` when the client is gone.
    pub fn flush(&self, py: Python<'_>, r: &Request) -> PyResult<()> {
        self.is_due.set(false);
        self.join_pieces();
        self.written.append_flush();
        self.send(py, r)
    }

    /// Sends what was written and not sent. Without the GIL; no handler is left that an exception could reach.
    pub fn send_rest(&self, r: &Request) {
        if self.has_rest(r) {
            self.pass_on(r, false);
        }
    }

    /// Sends a page about an error in place of the response, nothing of which was sent.
    pub fn replace(&self, py: Python<'_>, r: &Request, status: Status, page: &Page) {
        self.discard();
        r.set_status(status.0);
        r.set_content_type(Some(page.kind.as_bytes()));
        r.set_content_encoding(None);
        r.forget_part();
        r.forget_representation();
        self.total.set(page.body.len());
        if self.written.append_copy(&page.body).is_ok() {
            release(py, || self.end(r));
        }
    }

    /// Drops what was written and not sent.
    pub fn discard(&self) {
        self.pieces.borrow_mut().clear();
        self.written.clear();
        self.buffered.set(0);
    }

    /// Ends the response. What is left and the end go in one brigade, so that httpd can set the Content-Length. Without
    /// the GIL; httpd sees for itself when the client is gone.
    pub fn end(&self, r: &Request) {
        if self.total.get() > 0 && !r.has_ended() {
            self.join_pieces();
            self.written.append_end();
        }
        self.send_rest(r);
    }

    /// As `end`, for code that goes on: all of the response is sent to the client now. Without the GIL.
    pub fn end_now(&self, r: &Request) {
        self.end(r);
        if !r.is_subrequest() && self.broken.get().is_none() {
            // Behind the end of the response no filter of the request passes a FLUSH on.
            r.connection().flush();
        }
    }

    /// The kind of text that a response is, a part of which was sent, if a traceback can be appended to it: its length
    /// was not said, and no handler has coded it. None unless `PythonDebug` is on.
    pub fn open_text(&self, r: &Request) -> Option<TextKind> {
        let is_open = self.is_uncoded.get() == Some(true) && r.is_open_ended() && !r.is_partial();
        TextKind::of(r.content_type().filter(|_| is_open)?)
    }

    /// Sends what was written, and a text behind it.
    pub fn add_text(&self, py: Python<'_>, r: &Request, text: &[u8]) {
        self.join_pieces();
        if self.written.append_copy(text).is_ok() {
            // The response is cut in any case.
            let _ = self.flush(py, r);
        }
    }

    /// Ends a response, a part of which was sent, so that the client notices that the rest is missing. Without the GIL.
    pub fn cut(&self, r: &Request) -> Status {
        self.buffered.set(0);
        self.join_pieces();
        r.cut_response(&self.written)
    }

    /// Whether something is to be sent. Drops what would follow the end of the response.
    pub(super) fn has_rest(&self, r: &Request) -> bool {
        if r.is_answered() || RequestState::of(r).handlers.is_after_response() {
            // After the end of a response, the client would take bytes for the next one. A request that httpd only
            // logs, such as one that timed out, has no response.
            self.discard();
        }
        self.join_pieces();
        self.broken.get().is_none() && !self.written.is_empty()
    }

    /// Gives the small pieces a bucket behind what was written before them.
    pub(super) fn join_pieces(&self) {
        let pieces = self.pieces.take();
        if pieces.len() < COPIED_BELOW {
            if !pieces.is_empty() {
                self.written.append_lone_copy(&pieces);
            }
        } else {
            self.written.append_bytes(Bytes::from(pieces));
        }
    }

    /// Sends what was written, without the GIL; `to_the_client`: returns when that has taken it.
    fn pass_on(&self, r: &Request, to_the_client: bool) {
        if self.is_uncoded.get().is_none() && r.settings::<Settings>().debug == Some(true) {
            // Filters may code it on its way: DEFLATE sets the same header.
            self.is_uncoded.set(Some(r.response_coding().is_none()));
        }
        if self.ends_with_stop.get() && async_output::can_wait(r) {
            return self.send_and_wait(r, to_the_client);
        }
        self.buffered.set(0);
        let sent = RequestState::of(r).lease.blocks(|| r.write(&self.written));
        self.broken.set(sent.err());
    }

    /// Sends what was written, without the GIL.
    ///
    /// # Errors
    /// `OSError` when the client is gone.
    pub fn send(&self, py: Python<'_>, r: &Request) -> PyResult<()> {
        if self.has_rest(r) {
            release(py, || self.pass_on(r, true));
        }
        self.check()
    }

    /// # Errors
    /// `OSError` if sending has failed.
    pub fn check(&self) -> PyResult<()> {
        match self.broken.get() {
            None => Ok(()),
            Some(Error::FILTER) => Err(PyOSError::new_err("an output filter ended the response")),
            Some(_) => Err(write_failed()),
        }
    }
}

impl Sink for &Response {
    fn put(&mut self, data: Bytes) -> Result<(), Error> {
        self.join_pieces();
        self.written.append_bytes(data);
        Ok(())
    }

    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        let mut pieces = self.pieces.borrow_mut();
        pieces
            .try_reserve(data.len())
            .map_err(|_| Error::NO_MEMORY)?;
        pieces.extend_from_slice(data);
        Ok(())
    }
}
