//! The end of an async connection, when its handler is done: what it wrote goes out, our side is
//! closed, and the peer's end is awaited. Who closes before that takes from the peer what it has not
//! read yet. The MPM does the same for HTTP, but does not see these sockets.

use std::time::{Duration, Instant};

use super::io_state::Needs;
use super::timer;
use super::transport::Transport;
use crate::httpd::Connection;

/// How long a peer may take to close its side after we have closed ours: as long as httpd waits.
const LEAVE: Duration = Duration::from_secs(30);
/// The same while the child stops gracefully.
const HURRY: Duration = Duration::from_secs(2);

/// How far a connection is.
#[derive(Default)]
pub struct LingeringClose {
    /// When the peer last took some of what the handler left behind, and how much that still was.
    rest: Option<(Instant, usize)>,
    /// When our side was closed.
    left: Option<Instant>,
}

impl LingeringClose {
    /// What must happen before the rest of the output can go out; `None`: it is out, or the peer has
    /// taken nothing of it for a `Timeout`.
    pub fn send(&mut self, c: &Connection, transport: &Transport) -> Option<Needs> {
        if !transport.has_unsent(c) || timer::is_over() {
            return None;
        }
        let now = Instant::now();
        let queued = transport.io.queued();
        let (since, before) = *self.rest.get_or_insert((now, queued));
        let since = if queued < before { now } else { since };
        self.rest = Some((since, queued));
        let until = since + c.base_server().timeout();
        if until <= now {
            c.abort();
            return None;
        }
        Some(Needs {
            write: true,
            until: Some(until),
            ..Needs::default()
        })
    }

    /// Closes our side. What must happen before the connection can be closed; `None`: it can.
    pub fn leave(&mut self, c: &Connection, transport: &Transport) -> Option<Needs> {
        let now = Instant::now();
        let begun = *self.left.get_or_insert_with(|| {
            transport.end_output(c);
            transport.io.unread.take();
            now
        });
        if c.is_aborted() || c.discard_input() {
            return None;
        }
        let until = begun + if timer::is_closing() { HURRY } else { LEAVE };
        if until <= now {
            c.abort();
            return None;
        }
        Some(Needs {
            read: true,
            until: Some(until),
            ..Needs::default()
        })
    }
}
