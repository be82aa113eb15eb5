//! The response of an `async def` handler. What it writes is sent as far as the client takes it now; for the rest the handler
//! waits, or goes on, and more is sent when the client has taken something. The connection's `FlushGate` keeps httpd from
//! waiting meanwhile. A filter that makes much more of a piece than was put in can make httpd wait all the same.
//!
//! A client that takes nothing for `Timeout` is given up, as where httpd waits for it; in a child that stops gracefully,
//! one that takes nothing for the time of handlers.

use std::time::Instant;

use pyo3::prelude::*;

use super::response::Response;
use super::state::RequestState;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::filter::flush_gate::FlushGate;
use crate::httpd::filter::stream::CHUNK;
use crate::httpd::{Error, Request};
use crate::parking::movement::Movement;
use crate::parking::shutdown;
use crate::python::runtime::interpreter::Interpreter;

/// How many bytes are given to httpd at once: so much of its memory, and as much of TLS, a client takes that is slow.
const PIECE: usize = 24 * 1024;

/// The gate of a request's connection. Output of a subrequest passes filters of another request, whose call goes on.
fn gate(r: &Request) -> Option<&FlushGate> {
    r.connection().flush_gate().filter(|_| !r.is_subrequest())
}

/// Whether a response can be sent without waiting for the client: not over HTTP/2.
pub(super) fn can_wait(r: &Request) -> bool {
    gate(r).is_some()
}

impl Response {
    /// Appends data that is sent when the handler awaits it, or waits for something else. A handler that awaits nothing is
    /// kept here once much was left behind.
    ///
    /// # Errors
    /// `OSError` when the client is gone, `TypeError` for what cannot be written.
    pub fn queue(
        &self,
        interpreter: &'static Interpreter,
        r: &Request,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if self.buffered.get() >= CHUNK {
            self.send(data.py(), r)?;
        }
        self.append(interpreter, data)?;
        if self.buffered.get() >= CHUNK {
            self.is_sending.set(true);
        }
        Ok(())
    }

    /// All that was written is to be sent, and what filters hold back.
    pub fn queue_flush(&self) {
        self.is_due.set(false);
        self.join_pieces();
        self.written.append_flush();
        self.is_sending.set(true);
    }

    /// All that was written is to be sent if it is more than httpd takes without waiting for the client.
    pub fn queue_large(&self, r: &Request) {
        if !can_wait(r) {
            return;
        }
        self.join_pieces();
        let length = self.written.known_length();
        if length > CHUNK || (length > 0 && r.connection().has_unsent()) {
            self.is_sending.set(true);
        }
    }

    /// Whether something is to be sent that the client has not taken yet.
    pub fn is_sending(&self) -> bool {
        self.is_sending.get() && self.broken.get().is_none()
    }

    /// Sends what an `async def` handler has written and not awaited, before it waits for something else. Returns when the
    /// client must have taken more; `None` if nothing is left. Without the GIL; an error shows when it writes again.
    pub fn send_due(&self, r: &Request) -> Option<Instant> {
        if can_wait(r) {
            if self.is_due.get() {
                self.queue_flush();
            }
            return self.send_more(r);
        }
        if self.is_due.take() {
            self.join_pieces();
            self.written.append_flush();
            self.send_rest(r);
        }
        None
    }

    /// Sends what is to be sent, as far as the client takes it now. Returns when it must have taken more; `None` if nothing
    /// is left, or the client was given up. Without the GIL.
    pub fn send_more(&self, r: &Request) -> Option<Instant> {
        if self.advance(r) {
            self.stalled.set(None);
            return None;
        }
        let now = Instant::now();
        let (since, mut movement) = self.stalled.get().unwrap_or((now, Movement::default()));
        let moved = || r.connection().bytes_moved();
        let timeout = r.server().timeout();
        let late = shutdown::gives_up_unsent(since, timeout, &mut movement, moved);
        self.stalled.set(Some((since, movement)));
        if late > now {
            return Some(late);
        }
        r.connection().abort();
        self.give_up(Error::TIME_OUT);
        None
    }

    fn give_up(&self, error: Error) {
        self.broken.set(Some(error));
        self.is_sending.set(false);
        self.discard();
    }

    /// Sends what is to be sent, as far as the client takes it now. Returns whether nothing is left, or the client is gone.
    pub(super) fn advance(&self, r: &Request) -> bool {
        if self.broken.get().is_some() {
            return true;
        }
        // Drops what would follow the end of the response.
        self.has_rest(r);
        match self.send_pieces(r) {
            Ok(all) => all,
            Err(error) => {
                self.give_up(error);
                true
            }
        }
    }

    fn send_pieces(&self, r: &Request) -> Result<bool, Error> {
        let c = r.connection();
        let piece = || r.new_brigade();
        let piece: &OwnedBrigade = self.piece.get_or_init(piece);
        loop {
            if c.has_unsent() {
                if !c.can_write() {
                    return Ok(false);
                }
                // The client has taken something.
                self.stalled.set(None);
                c.nudge()?;
                if c.has_unsent() {
                    return Ok(false);
                }
            }
            if !self.is_sending.get() || self.written.is_empty() {
                self.is_sending.set(false);
                self.buffered.set(0);
                return Ok(true);
            }
            self.written.move_slice(piece, c.slice().min(PIECE))?;
            let length = piece.known_length();
            self.buffered
                .set(self.buffered.get().saturating_sub(length));
            let _closed = gate(r).map(FlushGate::close);
            RequestState::of(r).lease.blocks(|| r.write(piece))?;
        }
    }

    /// Sends all that was written, as far as httpd takes it without waiting; waits for the client while that is not all, or
    /// with `to_the_client`, while that has not taken it.
    pub(super) fn send_and_wait(&self, r: &Request, to_the_client: bool) {
        self.is_sending.set(true);
        if self.advance(r) || (!to_the_client && self.written.is_empty()) {
            return;
        }
        let c = r.connection();
        let _blocking = c.blocks_once();
        let sent = RequestState::of(r)
            .lease
            .blocks(|| match self.written.is_empty() {
                true => {
                    self.written.append_flush();
                    c.write(&self.written)
                }
                false => r.write(&self.written),
            });
        self.is_sending.set(false);
        self.buffered.set(0);
        self.broken.set(sent.err());
    }
}
