//! The one thread per child that wakes connections which have none: at their deadlines, and when
//! the socket of a connection is ready for something else than the MPM was asked to watch.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::interpreter::main_server;
use super::seat::Seat;
use crate::engine::deadlines::Deadlines;
use crate::httpd::log::{self, Level, place};
use crate::httpd::parking::Sense;
use crate::httpd::poller::Poller;

/// It calls little.
const STACK: usize = 256 * 1024;
/// A thread without a connection's socket to wait on looks at the world so often.
pub const GLANCE: Duration = Duration::from_secs(1);

/// Set once handlers are told that the child is about to stop (`conn.closing`): when their time is
/// over, and waits end with `ShuttingDown`.
static CLOSING: OnceLock<Instant> = OnceLock::new();
/// Whether their time is over already.
static OVER: AtomicBool = AtomicBool::new(false);
/// Made in a child when its first connection needs it; the parent has none.
static ALARM: OnceLock<Option<&'static Alarm>> = OnceLock::new();

struct Alarm {
    poller: Poller,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    deadlines: Deadlines,
    seats: HashMap<u64, Weak<Seat>>,
    last: u64,
    /// Whether all were woken because their time is over.
    told: bool,
}

fn alarm() -> Option<&'static Alarm> {
    let start = || {
        let poller = Poller::new()?;
        let alarm: &'static Alarm = Box::leak(Box::new(Alarm {
            poller,
            book: Mutex::default(),
        }));
        let builder = thread::Builder::new()
            .name("alarm".into())
            .stack_size(STACK);
        builder.spawn(|| alarm.work())?;
        Ok(alarm)
    };
    let failed = |error: std::io::Error| {
        let text = format!("no thread for the deadlines of connections: {error}");
        log::server(place!(), main_server(), Level::Critical, &text);
    };
    *ALARM.get_or_init(|| start().map_err(failed).ok())
}

fn existing() -> Option<&'static Alarm> {
    ALARM.get().copied().flatten()
}

impl Alarm {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            let mut book = self.book();
            while let Some(number) = book.deadlines.due(now) {
                due.extend(book.seats.get(&number).and_then(Weak::upgrade));
            }
            let over = CLOSING.get().copied().filter(|_| !book.told);
            if over.is_some_and(|over| over <= now) {
                book.told = true;
                due.extend(book.seats.values().filter_map(Weak::upgrade));
            }
            let over = over.filter(|_| !book.told);
            let next = book.deadlines.next().into_iter().chain(over).min();
            drop(book);
            for seat in due {
                seat.is_due(now);
            }
            let time = next.map(|next| next.saturating_duration_since(Instant::now()));
            self.poller.wait(time, |number| {
                let seat = self.book().seats.get(&number).and_then(Weak::upgrade);
                if let Some(seat) = seat {
                    seat.wake();
                }
            });
        }
    }
}

/// Enters a connection; answers its number.
pub fn enter(make: impl FnOnce(u64) -> Arc<Seat>) -> Option<Arc<Seat>> {
    let mut book = alarm()?.book();
    book.last += 1;
    let seat = make(book.last);
    let number = book.last;
    book.seats.insert(number, Arc::downgrade(&seat));
    Some(seat)
}

/// Forgets a connection.
pub fn forget(number: u64) {
    if let Some(alarm) = existing() {
        alarm.book().seats.remove(&number);
    }
}

/// How many connections are entered.
pub fn count() -> usize {
    existing().map_or(0, |alarm| alarm.book().seats.len())
}

/// Has a connection asked at `when` whether it is due.
pub fn note(when: Instant, number: u64) {
    if let Some(alarm) = alarm() {
        if alarm.book().deadlines.note(when, number) {
            alarm.poller.interrupt();
        }
    }
}

/// Has a connection woken when its socket is ready.
pub fn watch(descriptor: RawFd, sense: Sense, number: u64) {
    if let Some(Err(error)) = alarm().map(|alarm| alarm.poller.watch(descriptor, sense, number)) {
        let text = format!("a connection cannot be watched, and waits for its deadline: {error}");
        log::server(place!(), main_server(), Level::Error, &text);
    }
}

/// Whether handlers are told that the child is about to stop.
pub fn is_closing() -> bool {
    CLOSING.get().is_some()
}

/// Whether waits end with `ShuttingDown`.
pub fn is_over() -> bool {
    let over = || CLOSING.get().is_some_and(|over| *over <= Instant::now());
    OVER.load(Ordering::Acquire) || over()
}

/// The child stops gracefully: handlers are told, and have so much time.
pub fn close(grace: Duration) {
    CLOSING.get_or_init(|| Instant::now() + grace);
    if let Some(alarm) = existing() {
        alarm.poller.interrupt();
    }
}

/// The child stops at once. Answers all connections that must end.
pub fn stop() -> Vec<Arc<Seat>> {
    CLOSING.get_or_init(Instant::now);
    OVER.store(true, Ordering::Release);
    let alarm = existing();
    let seats = alarm.map(|alarm| {
        alarm
            .book()
            .seats
            .values()
            .filter_map(Weak::upgrade)
            .collect()
    });
    seats.unwrap_or_default()
}
