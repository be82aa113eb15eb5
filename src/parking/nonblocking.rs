//! Reads and writes of an async connection that never wait: they take what has arrived, and send what the socket
//! takes now. Called by the thread that has the task's turn, with or without the GIL.

use super::io_state::{AHEAD, InputState, OutputState};
use super::transport::Transport;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::connection::nonblocking::{Found, SMALL};
use crate::httpd::{Connection, Error};

/// How many bytes one read takes at most.
const PORTION: usize = 16 * 1024;

impl Transport {
    /// From now on an `async def` handler has the connection.
    pub fn become_async(&self, c: &Connection) {
        self.io.is_async.set(true);
        self.io
            .departure
            .set_half_close_timeout(c.base_server().timeout());
        let mut unread = self.io.unread.borrow_mut();
        self.take_unread(&mut |data| unread.push(data));
    }

    /// Reads at most [`PORTION`] bytes of what has arrived into `io.unread`. After an error of the connection the
    /// input is `InputState::Broken`, and the result `End`.
    pub fn fill(&self, c: &Connection) -> Found {
        if self.io.input.get() != InputState::Open {
            return Found::End;
        }
        if self.io.dry.take() {
            return Found::Nothing;
        }
        let passing = &*self.peeked;
        let found = c.read_now(passing, PORTION);
        let mut unread = self.io.unread.borrow_mut();
        let before = unread.len();
        while let Some(kind) = passing.front() {
            match kind {
                BucketKind::Data => unread.push(passing.read_front(false).unwrap_or_default()),
                BucketKind::End => self.io.input.set(InputState::Ended),
                _ => {}
            }
            drop(passing.remove_front());
        }
        let less = unread.len() - before < PORTION;
        self.io
            .dry
            .set(less && matches!(found, Ok(Found::Data)) && !self.io.ends.get() && c.is_bare());
        match found {
            Ok(Found::End) => self.io.input.set(InputState::Ended),
            Ok(_) => {}
            Err(_) => self.io.input.set(InputState::Broken),
        }
        found.unwrap_or(Found::End)
    }

    /// Reads what has arrived while the handler waits for something else than its peer, at most [`AHEAD`] bytes in all.
    /// So the end of a short input is noticed.
    pub fn read_ahead(&self, c: &Connection) {
        self.look_again();
        while self.io.unread.borrow().len() < AHEAD && self.fill(c) == Found::Data {}
    }

    /// More may have arrived since the last read: the next one asks the socket.
    pub fn look_again(&self) {
        self.io.dry.set(false);
    }

    /// Sends what was written, as far as the socket takes it. Closes the output behind the last byte if the handler has
    /// closed it. After an error of the connection the output is `OutputState::Broken`.
    pub fn send(&self, c: &Connection) {
        if matches!(
            self.io.output.get(),
            OutputState::Broken | OutputState::Ended
        ) {
            return;
        }
        if self.send_slices(c).is_err() {
            self.io.output.set(OutputState::Broken);
            self.written.clear();
            self.io.queued.set(0);
        }
        if self.io.output.get() == OutputState::Closed && !self.has_unsent(c) {
            self.io.output.set(OutputState::Ended);
            self.end_output(c);
        }
    }

    /// Ends our side of the connection: the peer reads the end of input.
    pub fn end_output(&self, c: &Connection) {
        // A peer that is gone need not be told.
        let _ = c.end_output(&self.peeked);
    }

    fn send_slices(&self, c: &Connection) -> Result<(), Error> {
        if c.has_unsent() {
            c.nudge()?;
        }
        let queued = &self.io.queued;
        let writable = self.io.writable.take();
        if (1..=SMALL).contains(&queued.get()) && c.send_small(&self.written, writable)? {
            queued.set(0);
            self.io.departure.note_sent();
        }
        while !c.has_unsent() && !self.written.is_empty() {
            let most = c.slice();
            self.written.move_prefix(&self.peeked, most)?;
            let queued = self.io.queued.get();
            self.io.queued.set(queued.saturating_sub(most));
            c.send_now(&self.peeked)?;
            self.io.departure.note_sent();
        }
        Ok(())
    }

    /// Whether bytes that were written wait in this transport or in httpd's filters.
    pub fn has_unsent(&self, c: &Connection) -> bool {
        self.io.output.get() != OutputState::Broken && (c.has_unsent() || !self.written.is_empty())
    }
}
