//! What has come and what goes out on an async connection, without waiting for either.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::engine::unread::Unread;
use crate::httpd::bucket::Kind;
use crate::httpd::now::{Found, SMALL};
use crate::httpd::{Connection, Error};

use super::wire::Wire;

/// How much is read at once.
const PORTION: usize = 16 * 1024;
/// How much is read for a handler that does not ask for it.
const AHEAD: usize = 64 * 1024;

/// The state of both directions.
#[derive(Default)]
pub struct Duplex {
    is_async: Cell<bool>,
    /// Arrived and not taken.
    pub unread: RefCell<Unread>,
    input: Cell<Input>,
    /// The last read has seen all there was.
    dry: Cell<bool>,
    /// The end has come behind what is unread.
    ends: Cell<bool>,
    /// The socket was seen to have room for output, and nothing was sent since.
    pub writable: Cell<bool>,
    /// How many bytes wait in `Wire::written`.
    queued: Cell<usize>,
    /// The peer takes nothing any more, or the handler said that it is done.
    output: Cell<Output>,
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

impl Duplex {
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

impl Wire {
    /// From now on an `async def` handler has the connection.
    pub fn become_async(&self) {
        self.duplex.is_async.set(true);
        let mut unread = self.duplex.unread.borrow_mut();
        self.take_unread(&mut |data| unread.push(data));
    }

    /// Reads some of what is there.
    pub fn fill(&self, c: &Connection) -> Found {
        if self.duplex.input.get() != Input::Open {
            return Found::End;
        }
        if self.duplex.dry.take() {
            return Found::Nothing;
        }
        let passing = &*self.peeked;
        let found = c.read_now(passing, PORTION);
        let mut unread = self.duplex.unread.borrow_mut();
        let before = unread.len();
        while let Some(kind) = passing.front() {
            match kind {
                Kind::Data => unread.push(passing.read_front(false).unwrap_or_default()),
                Kind::End => self.duplex.input.set(Input::Ended),
                _ => {}
            }
            drop(passing.remove_front());
        }
        let less = unread.len() - before < PORTION;
        self.duplex.dry.set(
            less && matches!(found, Ok(Found::Data)) && !self.duplex.ends.get() && c.is_bare(),
        );
        match found {
            Ok(Found::End) => self.duplex.input.set(Input::Ended),
            Ok(_) => {}
            Err(_) => self.duplex.input.set(Input::Broken),
        }
        found.unwrap_or(Found::End)
    }

    /// Reads some of what has come for a handler that waits for something else: it sees the end
    /// when there is little before it.
    pub fn read_ahead(&self, c: &Connection) {
        while self.duplex.unread.borrow().len() < AHEAD && self.fill(c) == Found::Data {}
    }

    /// Something may have come since the last read.
    pub fn look_again(&self) {
        self.duplex.dry.set(false);
    }

    /// Sends what was written, as far as the peer takes it.
    pub fn send(&self, c: &Connection) {
        if matches!(self.duplex.output.get(), Output::Broken | Output::Ended) {
            return;
        }
        if self.send_slices(c).is_err() {
            self.duplex.output.set(Output::Broken);
            self.written.clear();
            self.duplex.queued.set(0);
        }
        if self.duplex.output.get() == Output::Closed && !self.has_unsent(c) {
            self.duplex.output.set(Output::Ended);
            self.end_output(c);
        }
    }

    /// Tells the peer that nothing more comes.
    pub fn end_output(&self, c: &Connection) {
        // One that is gone need not be told.
        let _ = c.end_output(&self.peeked);
    }

    fn send_slices(&self, c: &Connection) -> Result<(), Error> {
        if c.has_unsent() {
            c.nudge()?;
        }
        let queued = &self.duplex.queued;
        let writable = self.duplex.writable.take();
        if (1..=SMALL).contains(&queued.get()) && c.send_small(&self.written, writable)? {
            queued.set(0);
        }
        while !c.has_unsent() && !self.written.is_empty() {
            let most = c.slice();
            self.written.move_prefix(&self.peeked, most)?;
            let queued = self.duplex.queued.get();
            self.duplex.queued.set(queued.saturating_sub(most));
            c.send_now(&self.peeked)?;
        }
        Ok(())
    }

    /// Whether something that was written is still on our side.
    pub fn has_unsent(&self, c: &Connection) -> bool {
        self.duplex.output.get() != Output::Broken && (c.has_unsent() || !self.written.is_empty())
    }
}
