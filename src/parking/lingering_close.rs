//! The end of an async connection whose handler is done: what it wrote goes out, our side is shut, and the end of
//! the peer's side is awaited. To close earlier would make TCP reset the connection, and the peer would lose what it
//! has not read yet. The MPM does the same for HTTP, but does not see these sockets. Called with the task's turn.

use std::time::{Duration, Instant};

use super::io_state::Needs;
use super::shutdown;
use super::transport::Transport;
use crate::httpd::Connection;

/// How long a peer may take to close its side after we have shut ours: as long as httpd waits.
const LINGER: Duration = Duration::from_secs(30);
/// How long it may take while the child stops gracefully.
const LINGER_WHILE_STOPPING: Duration = Duration::from_secs(2);

/// How far the lingering close of a connection is.
#[derive(Default)]
pub struct LingeringClose {
    /// When the peer last took some of the remaining output, and how many bytes remained then.
    rest: Option<(Instant, usize)>,
    /// When our side was closed.
    left: Option<Instant>,
}

impl LingeringClose {
    /// What must happen before more of the output can be sent. `None` if all of it is sent, or if the peer has
    /// taken nothing of it for a `Timeout`, which aborts the connection.
    pub fn send(&mut self, c: &Connection, transport: &Transport) -> Option<Needs> {
        if !transport.has_unsent(c) || shutdown::is_over() {
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

    /// Shuts our side. Answers what must happen before the connection can be closed; `None` if it can be now.
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
        let until = begun
            + if shutdown::is_closing() {
                LINGER_WHILE_STOPPING
            } else {
                LINGER
            };
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
