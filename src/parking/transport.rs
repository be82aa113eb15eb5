//! The bytes of one connection: what its handler has read ahead, and what it has written. `nonblocking`
//! reads and writes them without waiting.

use super::io_state::IoState;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::{Connection, Error};

/// What a connection handler has read ahead, and what it sends.
pub struct Transport {
    /// What was read and not given to the handler.
    pub unread: OwnedBrigade,
    /// Scratch space: what was just read, or is about to be sent.
    pub peeked: OwnedBrigade,
    /// What the handler has written and httpd has not taken yet.
    pub written: OwnedBrigade,
    /// The state of both directions for an `async def` handler.
    pub io: IoState,
}

impl Transport {
    /// A transport for a connection of which nothing was read.
    pub fn new(c: &Connection) -> Self {
        Self {
            unread: c.new_brigade(),
            peeked: c.new_brigade(),
            written: c.new_brigade(),
            io: IoState::default(),
        }
    }

    /// Lets filters such as mod_ssl's shake hands. Without `block` the error is `Error::AGAIN` while the peer's part of
    /// the handshake has not arrived.
    pub fn start(&self, c: &Connection, block: bool) -> Result<(), Error> {
        c.start(&self.peeked, block)
    }

    /// Empties `unread`; calls `take` with each piece of it.
    pub fn take_unread(&self, take: &mut dyn FnMut(&[u8])) {
        while let Some(kind) = self.unread.front() {
            if kind == BucketKind::Data {
                take(self.unread.read_front(true).unwrap_or_default());
            }
            drop(self.unread.remove_front());
        }
    }

    /// Waits for a line and appends it to `unread`; at most `limit` bytes of it, or the part that has arrived. What
    /// follows the line stays unread in httpd's filters, for the case that the handler declines. Errors:
    /// `END_OF_FILE` at the end of input, and those of the connection.
    pub fn fetch_line(&self, c: &Connection, limit: usize) -> Result<(), Error> {
        if limit == usize::MAX {
            return c.read_line(&self.unread);
        }
        c.peek(&self.peeked, limit)?;
        let mut seen = Vec::new();
        while seen.len() < limit && !self.peeked.is_empty() && !seen.ends_with(b"\n") {
            let room = limit - seen.len();
            self.peeked.take_data(room, true, &mut seen)?;
        }
        self.peeked.clear();
        if seen.is_empty() {
            Err(Error::END_OF_FILE)
        } else {
            c.read(&self.unread, seen.len())
        }
    }
}
