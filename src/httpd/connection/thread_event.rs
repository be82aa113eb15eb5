//! How a thread waits for a socket and for other threads at once: each thread that does so has an event (eventfd),
//! which others ring.

use std::cell::OnceCell;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::Connection;
use super::poller;
use super::poller::{Event, Ready};

thread_local! {
    static EVENT: OnceCell<OwnedFd> = const { OnceCell::new() };
}

/// How long a thread waits at once that has no event, since there are no more descriptors.
const WITHOUT_EVENT: Duration = Duration::from_millis(10);

/// The event of a thread.
#[derive(Clone, Copy)]
pub struct ThreadEvent(RawFd);

/// What a thread waits for of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketChange {
    /// That the connection breaks.
    Break,
    /// That, or the end of the peer's side.
    End,
    /// That, or input.
    Input,
    /// That the connection breaks, or room in the send buffer.
    Room,
    /// That, or input.
    InputOrRoom,
}

impl ThreadEvent {
    /// The event of this thread, made when it is first needed. `None` if there are no more descriptors.
    pub fn of_this_thread() -> Option<Self> {
        let descriptor = |event: &OwnedFd| Self(event.as_raw_fd());
        EVENT.with(|place| match place.get() {
            Some(event) => Some(descriptor(event)),
            None => {
                let made = poller::event().ok()?;
                Some(descriptor(place.get_or_init(|| made)))
            }
        })
    }

    /// An event that the caller's thread waits for alone, and that lives as long as it does.
    pub fn of(event: &Event) -> Self {
        Self(event.descriptor())
    }

    /// Ends the wait of its thread, or else the next one. Called by other threads while its thread is waiting.
    pub fn ring(self) {
        poller::signal(self.0);
    }

    /// Takes the signal back. Called by its thread when no other rings it any more.
    pub fn silence(self) {
        poller::reset(self.0);
    }
}

/// Waits on this thread until `event` is rung, until what is `watched` of the connection's socket has happened, or for
/// `time` (rounded up to milliseconds), whichever comes first. Returns the readiness flags of the socket; `None` if
/// nothing of what is watched has happened.
pub fn wait(
    event: Option<ThreadEvent>,
    watched: Option<(&Connection, SocketChange)>,
    time: Duration,
) -> Option<Ready> {
    let time = event.map_or(time.min(WITHOUT_EVENT), |_| time);
    let time = time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
    let socket = watched.and_then(|(c, watched)| Some((c.descriptor()?, watched)));
    // poll() takes no notice of an entry with a negative descriptor.
    let entry = |fd: Option<RawFd>, events| libc::pollfd {
        fd: fd.unwrap_or(-1),
        events,
        revents: 0,
    };
    let events = match socket {
        Some((_, SocketChange::Input)) => libc::POLLIN | libc::POLLRDHUP,
        Some((_, SocketChange::End)) => libc::POLLRDHUP,
        Some((_, SocketChange::Room)) => libc::POLLOUT,
        Some((_, SocketChange::InputOrRoom)) => libc::POLLIN | libc::POLLRDHUP | libc::POLLOUT,
        _ => 0,
    };
    let mut entries = [
        entry(event.map(|event| event.0), libc::POLLIN),
        entry(socket.map(|(socket, _)| socket), events),
    ];
    // SAFETY: two entries of ours.
    unsafe { libc::poll(entries.as_mut_ptr(), 2, time) };
    let came = entries[1].revents;
    let broken = came & (libc::POLLERR | libc::POLLHUP) != 0;
    let ready = Ready {
        ends: broken || came & libc::POLLRDHUP != 0,
        broken,
        writable: came & libc::POLLOUT != 0,
    };
    (came != 0).then_some(ready)
}
