//! A set of sockets that one thread of ours waits for (Linux: epoll), each for one event, and a way
//! to interrupt that wait.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::parking::Sense;

/// The key under which the interruption is known.
const INTERRUPT: u64 = u64::MAX;
/// How many events one wait takes.
const MOST: usize = 256;

/// The set.
pub struct Poller {
    epoll: OwnedFd,
    event: OwnedFd,
}

fn checked(result: i32) -> io::Result<i32> {
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

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: no pointers.
        let event = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let poller = Self { epoll, event };
        let events = libc::EPOLLIN as u32;
        poller.control(
            libc::EPOLL_CTL_ADD,
            poller.event.as_raw_fd(),
            events,
            INTERRUPT,
        )?;
        Ok(poller)
    }

    fn control(&self, what: i32, descriptor: RawFd, events: u32, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: key };
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: one event of ours; the kernel checks the descriptor.
        checked(unsafe { libc::epoll_ctl(epoll, what, descriptor, &raw mut event) }).map(drop)
    }

    /// Has the next wait answer `key`, once, when the socket is ready. Closing it takes it out.
    ///
    /// # Errors
    /// The kernel has no room.
    pub fn watch(&self, descriptor: RawFd, sense: Sense, key: u64) -> io::Result<()> {
        let events = match sense {
            Sense::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Sense::Write => libc::EPOLLOUT,
        };
        let events = (events | libc::EPOLLONESHOT) as u32;
        self.control(libc::EPOLL_CTL_MOD, descriptor, events, key)
            .or_else(|_| self.control(libc::EPOLL_CTL_ADD, descriptor, events, key))
    }

    /// Waits for at most `time`, or until something is ready or [`Poller::interrupt`] is called;
    /// gives `ready` the keys.
    pub fn wait(&self, time: Option<Duration>, mut ready: impl FnMut(u64)) {
        // Rounded up: a wait that is over too early is one more turn.
        let time = time.map_or(-1, |time| {
            time.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32
        });
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MOST];
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: room for so many events.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), MOST as i32, time) };
        for event in events.iter().take(usize::try_from(count).unwrap_or(0)) {
            match event.u64 {
                INTERRUPT => {
                    let mut value = 0u64;
                    let event = self.event.as_raw_fd();
                    // SAFETY: eight bytes, as an eventfd gives.
                    unsafe { libc::read(event, (&raw mut value).cast(), size_of::<u64>()) };
                }
                key => ready(key),
            }
        }
    }

    /// Ends the wait that goes on, or the next one.
    pub fn interrupt(&self) {
        let value = 1u64;
        let event = self.event.as_raw_fd();
        // SAFETY: eight bytes, as an eventfd takes.
        unsafe { libc::write(event, (&raw const value).cast(), size_of::<u64>()) };
    }
}
