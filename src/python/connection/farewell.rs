//! The end of an async connection, when its handler is done: what it wrote goes out, our side is
//! closed, and the peer's end is awaited. Who closes before that takes from the peer what it has not
//! read yet. The MPM does the same for HTTP, but does not see these sockets.

use std::time::{Duration, Instant};

use super::alarm;
use super::duplex::Needs;
use super::wire::Wire;
use crate::httpd::Connection;

/// How long a peer may take to close its side after we have closed ours: as long as httpd waits.
const LEAVE: Duration = Duration::from_secs(30);
/// The same while the child stops gracefully.
const HURRY: Duration = Duration::from_secs(2);

/// How far a connection is.
#[derive(Default)]
pub struct Farewell {
    /// When the peer last took some of what the handler left behind, and how much that still was.
    rest: Option<(Instant, usize)>,
    /// When our side was closed.
    left: Option<Instant>,
}

impl Farewell {
    /// What must happen before the rest of the output can go out; `None`: it is out, or the peer has
    /// taken nothing of it for a `Timeout`.
    pub fn send(&mut self, c: &Connection, wire: &Wire) -> Option<Needs> {
        if !wire.has_unsent(c) || alarm::is_over() {
            return None;
        }
        let now = Instant::now();
        let queued = wire.duplex.queued();
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
    pub fn leave(&mut self, c: &Connection, wire: &Wire) -> Option<Needs> {
        let now = Instant::now();
        let begun = *self.left.get_or_insert_with(|| {
            wire.end_output(c);
            wire.duplex.unread.take();
            now
        });
        if c.is_aborted() || c.discard_input() {
            return None;
        }
        let until = begun + if alarm::is_closing() { HURRY } else { LEAVE };
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
