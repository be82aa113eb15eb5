//! When a peer has left its connection, and how its handler is told while it waits for something else than its peer: a
//! deadline, or another thread's answer. Waits for the peer end by the input or output themselves.
//!
//! A reset is told at once. After the end of the input the peer may still wait for an answer: it ends its side only
//! ("half-close", RFC 9293, section 3.6). So that is told when nothing was sent to the peer for a time. Each handler is
//! told once: by a read that finds the end, or by one of these.
//!
//! Used by the thread that has the task's turn, and by no other.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::io_state::{InputState, IoState, OutputState};

/// What the handler of a connection knows of its peer's departure.
#[derive(Default)]
pub struct Departure {
    told: Cell<Told>,
    /// Whether epoll has reported that the connection is broken; bytes that came before that may be unread.
    broken: Cell<bool>,
    /// When the end of the input was noticed with nothing unread before it, or output was sent after that.
    silent_since: Cell<Option<Instant>>,
    /// How long the peer is taken to wait for answers after the end of its input.
    half_close_timeout: Cell<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    /// A read has told the end of the input.
    End,
    /// A read, a write or a wait has raised an exception for the departure.
    Departure,
}

/// How a peer has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departed {
    /// The connection is broken, or closed in both directions.
    Broken,
    /// The peer has ended its side, and nothing was sent to it for so long.
    Ended(Duration),
}

impl Departure {
    /// How long the peer is taken to wait for answers after the end of its input.
    pub fn half_close_timeout(&self) -> Duration {
        self.half_close_timeout.get()
    }

    /// Sets how long the peer is taken to wait for answers after the end of its input.
    pub fn set_half_close_timeout(&self, time: Duration) {
        self.half_close_timeout.set(time);
    }

    /// A read has told the handler the end of the input.
    pub fn tell_end(&self) {
        if self.told.get() == Told::Nothing {
            self.told.set(Told::End);
        }
    }

    /// The handler gets an exception that says that the peer has left.
    pub fn tell(&self) {
        self.told.set(Told::Departure);
    }

    /// epoll has reported that the connection is broken, or closed in both directions.
    pub fn note_broken(&self) {
        self.broken.set(true);
    }

    /// Something was sent: a peer that has left answers that with a reset.
    pub(super) fn note_sent(&self) {
        if self.silent_since.get().is_some() {
            self.silent_since.set(Some(Instant::now()));
        }
    }
}

impl IoState {
    /// How the peer has left, and when that is told; `None` while it has not, or the handler knows.
    fn departing(&self) -> Option<(Departed, Option<Instant>)> {
        let departure = &self.departure;
        if departure.told.get() == Told::Departure {
            return None;
        }
        let is_broken = departure.broken.get() || self.input() == InputState::Broken;
        if is_broken || self.output() == OutputState::Broken {
            return Some((Departed::Broken, None));
        }
        let has_ended = self.input() == InputState::Ended && self.unread.borrow().is_empty();
        if !has_ended || departure.told.get() == Told::End {
            return None;
        }
        let since = match departure.silent_since.get() {
            Some(since) => since,
            None => Instant::now(),
        };
        departure.silent_since.set(Some(since));
        let time = match self.output() {
            OutputState::Ended => Duration::ZERO,
            _ => departure.half_close_timeout(),
        };
        // A time beyond the clock's range never comes.
        let at = since.checked_add(time)?;
        Some((Departed::Ended(time), Some(at)))
    }

    /// Whether the peer has left, or will be taken to have left, and the handler does not know.
    pub fn is_departing(&self) -> bool {
        self.departing().is_some()
    }

    /// Whether a wait for something else than the peer must end now, since the peer has left.
    pub fn must_tell(&self) -> bool {
        let now = |(_, at): (Departed, Option<Instant>)| at.is_none_or(|at| at <= Instant::now());
        self.departing().is_some_and(now)
    }

    /// When a wait of the handler must end because its peer has left; `None` while the peer has not.
    pub fn departs_at(&self) -> Option<Instant> {
        self.departing().and_then(|(_, at)| at)
    }

    /// How the peer has left; `None` while it has not. The handler is told then, and this returns `None` from then on.
    pub fn departed(&self) -> Option<Departed> {
        let (departed, at) = self.departing()?;
        if at.is_some_and(|at| at > Instant::now()) {
            return None;
        }
        self.departure.tell();
        Some(departed)
    }

    /// Whether the handler was told by an exception that its peer has left: nothing more is to be seen of the socket.
    pub fn is_departure_told(&self) -> bool {
        self.departure.told.get() == Told::Departure
    }
}
