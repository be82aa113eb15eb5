//! The stop of a child, as connections see it: handlers are told first (`conn.closing`), and when their time is over
//! their waits end with `ShuttingDown`. Any thread may call these functions; [`TOLD`] is locked for a few instructions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::movement::Movement;
use crate::httpd::connection::poller::Event;
use crate::httpd::server::stop;
use crate::locks::Lock;

/// When the time of handlers is over and their waits end with `ShuttingDown`. Set once they are told that the child
/// is about to stop (`conn.closing`).
static CLOSING: OnceLock<Instant> = OnceLock::new();
/// How long the time of handlers is.
static GRACE: OnceLock<Duration> = OnceLock::new();
/// Whether the time of handlers is over already.
static OVER: AtomicBool = AtomicBool::new(false);
/// The events of threads and event loops that look at the stage of the stop when they are called.
static TOLD: Lock<Vec<Weak<Event>>> = Lock::short(Vec::new());

/// How far the stop of a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopStage {
    /// It has not begun.
    Serving,
    /// Handlers are told, and have time.
    Closing,
    /// The time of handlers is over.
    Over,
    /// The child was told to stop at once.
    AtOnce,
}

/// When the time of handlers is over; `None` until the child is about to stop.
pub(super) fn over_at() -> Option<Instant> {
    CLOSING.get().copied()
}

/// The child stops gracefully: the time of handlers is over after `grace`.
pub(super) fn begin(grace: Duration) {
    GRACE.get_or_init(|| grace);
    CLOSING.get_or_init(|| Instant::now() + grace);
    call_all();
}

/// The child stops at once.
pub(super) fn end() {
    CLOSING.get_or_init(Instant::now);
    OVER.store(true, Ordering::Release);
}

/// Whether handlers are told that the child is about to stop.
pub fn is_closing() -> bool {
    CLOSING.get().is_some() || stop::is_told()
}

/// Whether waits end with `ShuttingDown`.
pub fn is_over() -> bool {
    let over = || CLOSING.get().is_some_and(|over| *over <= Instant::now());
    OVER.load(Ordering::Acquire) || stop::is_told() || over()
}

/// When a client is given up of which nothing has come, `since` then: after `timeout`, and in a child that stops gracefully
/// after the time of handlers.
pub fn gives_up(since: Instant, timeout: Duration) -> Instant {
    let late = late(since, timeout);
    match (is_at_once(), over_at()) {
        (true, _) => since,
        (false, Some(over)) => late.min(over.max(since + grace())),
        (false, None) => late,
    }
}

/// The same for a client to which nothing more can be sent `since` then. In a child that stops gracefully its `movement`
/// says whether it is given up, of which the result is the next look then; `moved` is called for that.
pub fn gives_up_unsent(
    since: Instant,
    timeout: Duration,
    movement: &mut Movement,
    moved: impl FnOnce() -> u64,
) -> Instant {
    let late = late(since, timeout);
    match (is_at_once(), over_at()) {
        (true, _) => since,
        (false, Some(_)) => {
            let next = movement.look(Instant::now(), moved(), grace());
            next.map_or(since, |next| late.min(next))
        }
        (false, None) => late,
    }
}

fn late(since: Instant, timeout: Duration) -> Instant {
    // A time beyond the clock's range is far away.
    let late = since.checked_add(timeout);
    late.unwrap_or(since + Duration::from_secs(24 * 60 * 60))
}

fn grace() -> Duration {
    GRACE.get().copied().unwrap_or_default()
}

/// Whether no wait goes on any longer.
fn is_at_once() -> bool {
    OVER.load(Ordering::Acquire) || stop::is_told()
}

/// How far the stop is.
pub fn stage() -> StopStage {
    match () {
        () if stop::is_told() => StopStage::AtOnce,
        () if is_over() => StopStage::Over,
        () if is_closing() => StopStage::Closing,
        () => StopStage::Serving,
    }
}

/// Has an event called when the stop begins, and when the child is told to stop at once.
pub fn tell(event: &Arc<Event>) {
    let mut told = TOLD.lock();
    told.retain(|known| known.strong_count() > 0);
    told.push(Arc::downgrade(event));
}

/// Calls all those events.
pub fn call_all() {
    for event in TOLD.lock().iter().filter_map(Weak::upgrade) {
        event.signal();
    }
}
