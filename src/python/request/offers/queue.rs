//! The requests that threads of httpd offer to the event loop of an interpreter, and that its thread has not taken.
//!
//! The locks are held for a few instructions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::offer::Offer;
use crate::httpd::connection::poller::Event;
use crate::locks::Lock;
use crate::python::runtime::interpreter::Interpreter;

/// So many requests in a row that have waited long make the next one likely to do so.
const MANY: u32 = 16;
/// A request that has been offered for longer shows that the loop is held up.
const STUCK: Duration = Duration::from_millis(20);

/// The queues of this process, one an interpreter.
static QUEUES: Lock<Vec<Arc<OfferQueue>>> = Lock::short(Vec::new());

/// The queue of one loop.
pub struct OfferQueue {
    interpreter: &'static Interpreter,
    /// The event that calls the loop.
    event: Arc<Event>,
    /// How many requests in a row have waited longer than a moment.
    long: AtomicU32,
    /// `None` once the loop takes no more.
    offers: Lock<Option<Vec<Arc<Offer>>>>,
}

/// The queue of an interpreter's loop; `None` where there is no loop that takes requests.
pub fn of(interpreter: &'static Interpreter) -> Option<Arc<OfferQueue>> {
    let queues = QUEUES.lock();
    let is_its = |queue: &&Arc<OfferQueue>| std::ptr::eq(queue.interpreter, interpreter);
    queues.iter().find(is_its).cloned()
}

/// An interpreter's requests are offered to the loop that `event` calls from now on.
pub fn begin(interpreter: &'static Interpreter, event: Arc<Event>) {
    let queue = OfferQueue {
        interpreter,
        event,
        long: AtomicU32::new(0),
        offers: Lock::short(Some(Vec::new())),
    };
    replace(|_| true, interpreter, Some(Arc::new(queue)));
}

/// The loop that `event` calls takes no further requests.
pub fn end(interpreter: &'static Interpreter, event: &Arc<Event>) {
    let is_its = |queue: &OfferQueue| Arc::ptr_eq(&queue.event, event);
    replace(is_its, interpreter, None);
}

/// Puts another queue in the place of an interpreter's, if `which` says so. The requests that stand there go on without it.
fn replace(
    which: impl Fn(&OfferQueue) -> bool,
    interpreter: &'static Interpreter,
    made: Option<Arc<OfferQueue>>,
) {
    let mut queues = QUEUES.lock();
    let is_its =
        |queue: &Arc<OfferQueue>| std::ptr::eq(queue.interpreter, interpreter) && which(queue);
    let before = queues.iter().position(is_its).map(|at| queues.remove(at));
    queues.extend(made);
    drop(queues);
    let left = before.and_then(|before| before.offers.lock().take());
    left.iter().flatten().for_each(|offer| offer.hand_over());
}

impl OfferQueue {
    /// Offers a request, and calls the loop. Returns whether the loop takes it. Without the GIL.
    pub fn push(&self, offer: Arc<Offer>) -> bool {
        match &mut *self.offers.lock() {
            Some(offers) => offers.push(offer),
            None => return false,
        }
        self.event.call_for();
        true
    }

    /// Whether the last requests have all waited long.
    pub fn is_slow(&self) -> bool {
        self.long.load(Ordering::Relaxed) >= MANY
    }

    /// Notes whether a request waits long.
    pub fn note(&self, is_long: bool) {
        match is_long {
            true if !self.is_slow() => {
                self.long.fetch_add(1, Ordering::Relaxed);
            }
            true => {}
            false => self.long.store(0, Ordering::Relaxed),
        }
    }

    /// The number of the loop's turn; 0 where that is not known.
    pub fn turn(&self) -> u32 {
        self.event.turns()
    }

    /// Whether the loop's thread has not looked at what was offered for some time: something holds it up.
    pub fn is_stuck(&self) -> bool {
        let offers = self.offers.lock();
        let first = offers.as_ref().and_then(|offers| offers.first());
        first.is_some_and(|offer| offer.age() > STUCK)
    }

    /// Takes what was offered. Called by the loop's thread.
    pub fn take(&self) -> Vec<Arc<Offer>> {
        if !self.event.take_owed() {
            return Vec::new();
        }
        let mut offers = self.offers.lock();
        offers.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
