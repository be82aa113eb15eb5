//! The state of an async connection's two directions: input and output, what its handler waits for, and
//! why its waits end.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::engine::read_buffer::Unread;

/// The state of both directions.
#[derive(Default)]
pub struct IoState {
    pub(super) is_async: Cell<bool>,
    /// Arrived and not taken.
    pub unread: RefCell<Unread>,
    pub(super) input: Cell<Input>,
    /// The last read has seen all there was.
    pub(super) dry: Cell<bool>,
    /// The end has come behind what is unread.
    pub(super) ends: Cell<bool>,
    /// The socket was seen to have room for output, and nothing was sent since.
    pub writable: Cell<bool>,
    /// How many bytes wait in `Transport::written`.
    pub(super) queued: Cell<usize>,
    /// The peer takes nothing any more, or the handler said that it is done.
    pub(super) output: Cell<Output>,
    /// Whether anything was taken or written: the connection is this handler's for good then.
    touched: Cell<bool>,
    /// What the handler waits for since its last step.
    pub needs: Cell<Needs>,
    /// The most that one wait takes.
    pub timeout: Cell<Option<Duration>>,
    /// Why all further waits end.
    pub lost: Cell<Option<Lost>>,
}

/// The state of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
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
pub enum Output {
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
    /// Input.
    pub read: bool,
    /// Room for output.
    pub write: bool,
    /// At the latest.
    pub until: Option<Instant>,
}

/// Why a connection ends while its handler waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The peer is gone.
    Reset,
    /// httpd's own time-out.
    TimedOut,
    /// The server stops.
    Stopping,
}

impl IoState {
    /// Whether an `async def` handler has the connection.
    pub fn is_async(&self) -> bool {
        self.is_async.get()
    }

    /// The state of the input.
    pub fn input(&self) -> Input {
        self.input.get()
    }

    /// The state of the output.
    pub fn output(&self) -> Output {
        self.output.get()
    }

    /// The handler has closed its side.
    pub fn close_output(&self) {
        if self.output.get() == Output::Open {
            self.output.set(Output::Closed);
        }
    }

    /// The peer has ended its side, or the connection broke: the next reads see that.
    pub fn expect_end(&self) {
        self.ends.set(true);
    }

    /// The handler has taken or written something.
    pub fn touch(&self) {
        self.touched.set(true);
    }

    /// Whether HTTP could still have the connection.
    pub fn is_untouched(&self) -> bool {
        !self.touched.get()
    }

    /// More was written.
    pub fn count_queued(&self, length: usize) {
        self.queued.set(self.queued.get() + length);
    }

    /// How much of what was written is not with httpd yet.
    pub fn queued(&self) -> usize {
        self.queued.get()
    }
}
