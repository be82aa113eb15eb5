//! Sets of descriptors that a thread of ours waits for, and the events that interrupt such a wait
//! (Linux: epoll and eventfd).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// The key of the event that interrupts a wait.
const INTERRUPT: u64 = u64::MAX;
/// What epoll reports of a socket, each time once (edge-triggered).
const INPUT: i32 = libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET;
const ENDS: u32 = libc::EPOLLRDHUP as u32 | BREAKS;
const BREAKS: u32 = (libc::EPOLLHUP | libc::EPOLLERR) as u32;
/// How many events one wait takes.
const MOST: usize = 256;
/// The same for a wait in the set of an event loop of Python's.
const SOME: usize = 64;

/// Readiness flags of a socket, as epoll has reported them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ready {
    /// The peer has shut its side, or the connection is broken.
    pub ends: bool,
    /// The connection is broken, or closed in both directions.
    pub broken: bool,
    /// The send buffer has room; only reported after [`Poller::watch_output`].
    pub writable: bool,
}

/// A set of descriptors. Any thread may add and remove, while another one waits.
pub struct Poller {
    epoll: OwnedFd,
    event: OwnedFd,
}

/// The result of a call of the kernel's, which is negative where it failed.
pub(super) fn checked(result: i32) -> io::Result<i32> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn owned(result: i32) -> io::Result<OwnedFd> {
    let descriptor = checked(result)?;
    // SAFETY: a descriptor that the kernel has just made for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// An event (eventfd): a descriptor that is readable from `ring` to `silence`.
///
/// # Errors
/// There are no more descriptors.
pub(in crate::httpd) fn event() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

/// Makes an event readable.
pub(in crate::httpd) fn signal(event: RawFd) {
    let value = 1u64;
    // SAFETY: eight bytes, as an eventfd takes.
    unsafe { libc::write(event, (&raw const value).cast(), size_of::<u64>()) };
}

/// Makes an event unreadable.
pub(in crate::httpd) fn reset(event: RawFd) {
    let mut value = 0u64;
    // SAFETY: eight bytes, as an eventfd gives.
    unsafe { libc::read(event, (&raw mut value).cast(), size_of::<u64>()) };
}

/// A new descriptor for what `descriptor` refers to.
pub(in crate::httpd) fn duplicate(descriptor: RawFd) -> io::Result<RawFd> {
    // SAFETY: no pointers; the kernel checks the descriptor.
    checked(unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) })
}

/// Closes a descriptor that the caller owns.
pub(in crate::httpd) fn close(descriptor: RawFd) {
    // SAFETY: the caller's own.
    unsafe { libc::close(descriptor) };
}

/// Has `descriptor` refer to what `other` refers to (dup2).
pub(in crate::httpd) fn replace(descriptor: RawFd, other: RawFd) {
    // SAFETY: no pointers; the kernel checks the descriptors.
    unsafe { libc::dup3(other, descriptor, libc::O_CLOEXEC) };
}

/// An event that one thread waits for by a set of its own, such as an event loop of Python's, and others signal.
pub struct Event {
    descriptor: OwnedFd,
    /// Whether a further signal would tell the thread nothing: it was signalled, or does not wait.
    is_known: AtomicBool,
    /// Whether something was left for the thread that it has not taken (`call_for`).
    is_owed: AtomicBool,
    /// How often the thread has been about to wait by `wait_in`.
    turns: AtomicU32,
}

impl Event {
    /// An event that was not signalled yet.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            descriptor: event()?,
            is_known: AtomicBool::new(false),
            is_owed: AtomicBool::new(false),
            turns: AtomicU32::new(0),
        })
    }

    /// Ends the wait of the thread that waits for it, or else the next one. Any thread; waits for nothing.
    pub fn signal(&self) {
        if !self.is_known.swap(true, Ordering::SeqCst) {
            signal(self.descriptor());
        }
    }

    /// Ends the wait as `signal` does, for something that was left for the thread.
    pub fn call_for(&self) {
        // First: the thread looks at this after it has said that it is about to wait.
        self.is_owed.store(true, Ordering::SeqCst);
        self.signal();
    }

    /// Whether something was left for the thread.
    pub fn is_owed(&self) -> bool {
        self.is_owed.load(Ordering::SeqCst)
    }

    /// The thread is about to take what was left for it. Returns whether there may be something.
    pub fn take_owed(&self) -> bool {
        self.is_owed() && self.is_owed.swap(false, Ordering::SeqCst)
    }

    /// Takes all signals back. Called by the thread that waits for it, before it looks at what others have done.
    pub fn reset(&self) {
        reset(self.descriptor());
        // Afterwards: who signals it in between has told this thread, too, which is about to look.
        self.is_known.store(false, Ordering::SeqCst);
    }

    /// Says whether its thread is about to wait. From then on it must be signalled; while its thread does not wait, it
    /// need not, as that looks at what others have done after it has said that it is about to wait.
    pub fn set_waiting(&self, is_waiting: bool) {
        self.is_known.store(!is_waiting, Ordering::SeqCst);
    }

    /// How often the thread has been about to wait by `wait_in`; 0 for one that waits otherwise.
    pub fn turns(&self) -> u32 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Waits, as the event's thread, for the descriptors of a set of its own (epoll) that has the event, too, edge-triggered:
    /// for so many milliseconds, -1 for ever, or not at all if something was left for the thread, or `is_posted` says so.
    /// Gives `ready` the descriptors that are ready, and what epoll reports of each. `wait` is called with the wait itself.
    ///
    /// # Errors
    /// It is no set, or is closed.
    pub fn wait_in(
        &self,
        set: RawFd,
        milliseconds: i32,
        is_posted: impl FnOnce() -> bool,
        wait: impl FnOnce(&mut dyn FnMut()),
        mut ready: impl FnMut(RawFd, u32),
    ) -> io::Result<()> {
        let turn = self.turns().wrapping_add(1).max(1);
        self.turns.store(turn, Ordering::Relaxed);
        let mut time = milliseconds;
        if time != 0 {
            // First: who leaves something from then on signals the event.
            self.set_waiting(true);
            if self.is_owed() || is_posted() {
                time = 0;
            }
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; SOME];
        let mut count = Ok(0);
        wait(&mut || {
            // SAFETY: room for so many events.
            count =
                checked(unsafe { libc::epoll_wait(set, events.as_mut_ptr(), SOME as i32, time) });
        });
        self.set_waiting(false);
        let count = match count {
            // A signal.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            count => count?,
        };
        for event in &events[..count as usize] {
            // Python writes the descriptor at the begin of the key, and nothing behind it.
            let key = { event.u64 }.to_ne_bytes();
            let descriptor = RawFd::from_ne_bytes([key[0], key[1], key[2], key[3]]);
            if descriptor != self.descriptor() {
                ready(descriptor, event.events);
            }
        }
        Ok(())
    }

    /// The descriptor, which can be read while the event is signalled.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let event = event()?;
        let poller = Self { epoll, event };
        let descriptor = poller.event.as_raw_fd();
        poller.control(libc::EPOLL_CTL_ADD, descriptor, libc::EPOLLIN, INTERRUPT)?;
        Ok(poller)
    }

    fn control(&self, what: i32, descriptor: RawFd, events: i32, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: key,
        };
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: one event of ours; the kernel checks the descriptor.
        checked(unsafe { libc::epoll_ctl(epoll, what, descriptor, &raw mut event) }).map(drop)
    }

    /// Has waits report `key` whenever more input has arrived on a socket, or its end. Input that is there already
    /// is reported once.
    ///
    /// # Errors
    /// The kernel has no room.
    pub fn watch(&self, socket: RawFd, key: u64) -> io::Result<()> {
        match self.control(libc::EPOLL_CTL_ADD, socket, INPUT, key) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            result => result,
        }
    }

    /// As `watch`, and also reports when the send buffer has room again. (It has room at first, so that one report is
    /// of no use.)
    ///
    /// # Errors
    /// The kernel has no room.
    pub fn watch_output(&self, socket: RawFd, key: u64) -> io::Result<()> {
        self.set(socket, INPUT | libc::EPOLLOUT, key)
    }

    /// Removes a socket from the set.
    pub fn forget(&self, socket: RawFd) {
        // A socket that is not in the set need not be removed.
        let _ = self.control(libc::EPOLL_CTL_DEL, socket, 0, 0);
    }

    /// Has a wait report `key`, once, when a descriptor of another set is ready.
    ///
    /// # Errors
    /// The kernel has no room.
    pub fn watch_set(&self, set: &Self, key: u64) -> io::Result<()> {
        self.set(
            set.epoll.as_raw_fd(),
            libc::EPOLLIN | libc::EPOLLONESHOT,
            key,
        )
    }

    fn set(&self, descriptor: RawFd, events: i32, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, descriptor, events, key)
            .or_else(|_| self.control(libc::EPOLL_CTL_ADD, descriptor, events, key))
    }

    /// Waits until a descriptor is ready or [`Poller::interrupt`] is called, for at most `time` (`None`: without
    /// limit). Calls `ready` with the key and the readiness flags of each.
    pub fn wait(&self, time: Option<Duration>, mut ready: impl FnMut(u64, Ready)) {
        // Rounded up: after a wait that is too short the caller would wait once more.
        let time = time.map_or(-1, |time| {
            time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32
        });
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MOST];
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: room for so many events.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), MOST as i32, time) };
        for event in events.iter().take(usize::try_from(count).unwrap_or(0)) {
            match event.u64 {
                INTERRUPT => reset(self.event.as_raw_fd()),
                key => {
                    let has = |flags| event.events & flags != 0;
                    let flags = Ready {
                        ends: has(ENDS),
                        broken: has(BREAKS),
                        writable: has(libc::EPOLLOUT as u32),
                    };
                    ready(key, flags);
                }
            }
        }
    }

    /// Ends the wait of another thread, or else the next wait. Any thread.
    pub fn interrupt(&self) {
        signal(self.event.as_raw_fd());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the event can be read; takes that back.
    fn is_readable(event: &Event) -> bool {
        let mut value = 0u64;
        // SAFETY: eight bytes, as an eventfd gives.
        let read = unsafe { libc::read(event.descriptor(), (&raw mut value).cast(), 8) };
        read == 8
    }

    #[test]
    fn an_event_is_signalled_once_until_it_is_reset() {
        let event = Event::new().unwrap();
        event.signal();
        event.signal();
        assert!(is_readable(&event));
        event.signal();
        assert!(!is_readable(&event), "its thread is about to look anyway");
        event.reset();
        event.signal();
        assert!(is_readable(&event));
    }

    #[test]
    fn a_thread_that_does_not_wait_is_not_signalled() {
        let event = Event::new().unwrap();
        event.set_waiting(false);
        event.signal();
        assert!(!is_readable(&event));
        event.set_waiting(true);
        event.signal();
        assert!(is_readable(&event));
    }
}
