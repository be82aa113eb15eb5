//! Events whose signal waits until the thread that has something to tell has let go of the GIL: the thread that waits for
//! such an event needs the GIL, and would be woken to wait a second time.
//!
//! The lock is held for a few instructions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::httpd::connection::poller::Event;
use crate::locks::Lock;

/// The events that were not signalled yet.
static LATE: Lock<Vec<Arc<Event>>> = Lock::short(Vec::new());
/// Whether there are some, for threads that look often.
static ARE_SOME: AtomicBool = AtomicBool::new(false);

/// Has an event signalled by the next call of [`signal_now`], which this thread makes when it lets go of the GIL.
pub fn signal_late(event: Arc<Event>) {
    let mut late = LATE.lock();
    // One signal is enough for all that was told before it.
    if !late.iter().any(|known| Arc::ptr_eq(known, &event)) {
        late.push(event);
    }
    ARE_SOME.store(true, Ordering::Relaxed);
}

/// Signals the events: a thread has let go of the GIL, or takes long before it does. Any thread; waits for nothing.
pub fn signal_now() {
    if !ARE_SOME.load(Ordering::Relaxed) {
        return;
    }
    let mut late = LATE.lock();
    ARE_SOME.store(false, Ordering::Relaxed);
    let events = std::mem::take(&mut *late);
    drop(late);
    for event in events {
        event.signal();
    }
}
