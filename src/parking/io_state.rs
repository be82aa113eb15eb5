//! The state of an async connection's two directions: input and output, what its handler waits for, and
//! why its waits end. Used by the thread that has the task's turn, and by no other.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::departure::Departure;
use crate::engine::read_buffer::Unread;
use crate::httpd::connection::poller::Ready;
use crate::httpd::connection::thread_event::SocketChange;

/// How many unread bytes are kept at most for a handler that waits for something else than input.
pub(super) const AHEAD: usize = 64 * 1024;

/// The state of both directions.
#[derive(Default)]
pub struct IoState {
    pub(super) is_async: Cell<bool>,
    /// Bytes that have arrived and that the handler has not taken.
    pub unread: RefCell<Unread>,
    pub(super) input: Cell<InputState>,
    /// Whether the last read has emptied the socket, so that the next one can be left out.
    pub(super) dry: Cell<bool>,
    /// Whether epoll has reported the end of the input; unread bytes come before it.
    pub(super) ends: Cell<bool>,
    /// Whether epoll has reported room in the send buffer, and nothing was sent since.
    pub(super) writable: Cell<bool>,
    /// How many bytes wait in `Transport::written`.
    pub(super) queued: Cell<usize>,
    /// The state of the output.
    pub(super) output: Cell<OutputState>,
    /// Whether the handler has taken or written anything: then it cannot decline the connection any more.
    touched: Cell<bool>,
    /// What the handler waits for since its last step.
    pub needs: Cell<Needs>,
    /// How long one wait of the handler may take; `None`: without limit.
    pub timeout: Cell<Option<Duration>>,
    /// Why all further waits end at once; `None` while they do not.
    pub lost: Cell<Option<Lost>>,
    /// What the handler knows of the departure of its peer.
    pub departure: Departure,
}

/// The state of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputState {
    /// More may come.
    #[default]
    Open,
    /// The peer has ended its side.
    Ended,
    /// The connection is broken.
    Broken,
}

/// The state of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputState {
    /// It can be written.
    #[default]
    Open,
    /// The handler has closed it; what is left still goes out.
    Closed,
    /// All of it went out, and the peer has been told.
    Ended,
    /// The peer is gone.
    Broken,
}

/// What a handler waits for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// Wait for input, or its end.
    pub read: bool,
    /// Wait for room in the send buffer.
    pub write: bool,
    /// When the wait ends at the latest.
    pub until: Option<Instant>,
}

/// Why a connection ends while its handler waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The peer has reset the connection, or is gone.
    Reset,
    /// The peer took longer than httpd's `Timeout`.
    TimedOut,
    /// The child stops.
    Stopping,
}

impl IoState {
    /// Whether an `async def` handler has the connection.
    pub fn is_async(&self) -> bool {
        self.is_async.get()
    }

    /// The state of the input.
    pub fn input(&self) -> InputState {
        self.input.get()
    }

    /// The state of the output.
    pub fn output(&self) -> OutputState {
        self.output.get()
    }

    /// The handler has closed its side.
    pub fn close_output(&self) {
        if self.output.get() == OutputState::Open {
            self.output.set(OutputState::Closed);
        }
    }

    /// Notes what epoll has reported of the socket.
    pub fn note(&self, ready: Ready) {
        if ready.ends {
            self.ends.set(true);
        }
        if ready.broken {
            self.departure.note_broken();
        }
        self.writable.set(ready.writable);
    }

    /// Whether epoll has reported the end of the input; unread bytes come before it.
    pub fn has_reported_end(&self) -> bool {
        self.ends.get()
    }

    /// Notes that the peer has ended its side, and that no unread byte comes before that.
    pub fn note_end(&self) {
        self.input.set(InputState::Ended);
    }

    /// The handler waits for this, too, since its last step began.
    pub fn need(&self, more: Needs) {
        let needs = self.needs.get();
        self.needs.set(Needs {
            read: needs.read || more.read,
            write: needs.write || more.write,
            until: needs.until.into_iter().chain(more.until).min(),
        });
    }

    /// Whether the handler waits for its peer, not for something else.
    pub fn awaits_peer(&self) -> bool {
        let needs = self.needs.get();
        needs.read || needs.write
    }

    /// What a thread watches of the socket while the handler waits for something else than its peer.
    pub fn watched(&self) -> Option<SocketChange> {
        if self.is_departure_told() {
            return None;
        }
        Some(match self.input() {
            InputState::Open if self.unread.borrow().len() < AHEAD => SocketChange::Input,
            InputState::Open if !self.ends.get() => SocketChange::End,
            _ => SocketChange::Break,
        })
    }

    /// The handler has taken or written something.
    pub fn touch(&self) {
        self.touched.set(true);
    }

    /// Whether the handler may still decline the connection, so that HTTP gets it.
    pub fn is_untouched(&self) -> bool {
        !self.touched.get()
    }

    /// The handler has written `length` more bytes.
    pub fn count_queued(&self, length: usize) {
        self.queued.set(self.queued.get() + length);
    }

    /// How many written bytes httpd's filters have not taken yet.
    pub fn queued(&self) -> usize {
        self.queued.get()
    }
}
