//! The stop of a child, as connections see it: handlers are told first (`conn.closing`), and when their time is over
//! their waits end with `ShuttingDown`. Any thread may call these functions; they take no lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::httpd::server::stop;

/// When the time of handlers is over and their waits end with `ShuttingDown`. Set once they are told that the child
/// is about to stop (`conn.closing`).
static CLOSING: OnceLock<Instant> = OnceLock::new();
/// Whether the time of handlers is over already.
static OVER: AtomicBool = AtomicBool::new(false);
/// When the time of handlers is over; `None` until the child is about to stop.
pub(super) fn over_at() -> Option<Instant> {
    CLOSING.get().copied()
}

/// The child stops gracefully: the time of handlers is over after `grace`.
pub(super) fn begin(grace: Duration) {
    CLOSING.get_or_init(|| Instant::now() + grace);
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
