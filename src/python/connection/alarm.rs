//! The one thread per child that looks after connections which have none: it wakes them at their
//! deadlines, and calls a worker to the reactor when something comes of their sockets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::reactor::{self, Reactor};
use super::seat::Seat;
use crate::engine::deadlines::Deadlines;
use crate::httpd::log::{self, Level, place};
use crate::httpd::poller::Poller;
use crate::httpd::stop;
use crate::locks::{Guard, Lock};
use crate::python::interpreters::interpreter::main_server;

/// It calls little.
const STACK: usize = 256 * 1024;
/// Under which the reactor's sockets are known.
const SOCKETS: u64 = 0;
/// A thread without a connection's socket to wait on looks at the world so often.
pub const GLANCE: Duration = Duration::from_secs(1);

/// Set once handlers are told that the child is about to stop (`conn.closing`): when their time is
/// over, and waits end with `ShuttingDown`.
static CLOSING: OnceLock<Instant> = OnceLock::new();
/// Whether their time is over already.
static OVER: AtomicBool = AtomicBool::new(false);
/// Made in a child when its first connection needs it; the parent has none.
static ALARM: OnceLock<&'static Alarm> = OnceLock::new();
/// One that has no thread yet, since none could be started; the next connection tries again.
static IDLE: Lock<Option<&'static Alarm>> = Lock::short(None);

struct Alarm {
    poller: Poller,
    reactor: Reactor,
    book: Lock<Book>,
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
    if let Some(alarm) = existing() {
        return Some(alarm);
    }
    let mut idle = IDLE.lock();
    // Somebody may have been quicker.
    let started = existing().map_or_else(|| start(&mut idle), Ok);
    drop(idle);
    let failed = |error: std::io::Error| {
        let text = format!("no thread for the deadlines of connections: {error}");
        log::server(place!(), main_server(), Level::Critical, &text);
    };
    started.map_err(failed).ok()
}

fn start(idle: &mut Option<&'static Alarm>) -> std::io::Result<&'static Alarm> {
    let alarm = match *idle {
        Some(alarm) => alarm,
        None => {
            let made = Alarm {
                poller: Poller::new()?,
                reactor: Reactor::new()?,
                book: Lock::default(),
            };
            made.poller.watch_set(made.reactor.sockets(), SOCKETS)?;
            idle.insert(Box::leak(Box::new(made)))
        }
    };
    let builder = thread::Builder::new()
        .name("alarm".into())
        .stack_size(STACK);
    builder.spawn(|| alarm.work())?;
    Ok(ALARM.get_or_init(|| alarm))
}

fn existing() -> Option<&'static Alarm> {
    ALARM.get().copied()
}

impl Alarm {
    fn book(&self) -> Guard<'_, Book> {
        self.book.lock()
    }

    fn work(&'static self) {
        let mut seen = (None, Instant::now());
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
            let progress = self.reactor.progress();
            if progress != seen.0 {
                seen = (progress, now);
            }
            let stuck = progress.is_some() && now >= seen.1 + reactor::PATIENCE;
            if stuck {
                self.help_out();
            }
            let time = next.map(|next| next.saturating_duration_since(Instant::now()));
            let look = self.reactor.has_workers().then_some(reactor::PATIENCE);
            let time = time.into_iter().chain(look).min();
            self.poller.wait(time, |_, _| self.reactor.help(stuck));
        }
    }

    /// All who are at the reactor have long steps to take.
    fn help_out(&'static self) {
        match self.reactor.has_ready() {
            true => self.reactor.help(true),
            false => self.watch_sockets(),
        }
    }

    fn watch_sockets(&self) {
        if let Err(error) = self.poller.watch_set(self.reactor.sockets(), SOCKETS) {
            let text = format!("connections cannot be watched: {error}");
            log::server(place!(), main_server(), Level::Critical, &text);
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

/// Has a connection asked at `when` whether it is due.
pub fn note(when: Instant, number: u64) {
    let sooner = alarm().is_some_and(|alarm| alarm.book().deadlines.note(when, number));
    if sooner {
        interrupt();
    }
}

/// The reactor of this child.
pub fn reactor() -> Option<&'static Reactor> {
    existing().map(|alarm| &alarm.reactor)
}

/// Has a connection stepped.
pub fn enqueue(seat: Arc<Seat>) {
    if let Some(reactor) = reactor() {
        reactor.enqueue(seat);
    }
}

/// Has the reactor called when something comes of its sockets.
pub fn watch_sockets() {
    if let Some(alarm) = existing() {
        alarm.watch_sockets();
    }
}

/// Has the thread look again.
pub fn interrupt() {
    if let Some(alarm) = existing() {
        alarm.poller.interrupt();
    }
}

/// Those of the connections with these numbers that are still there.
pub fn seats<T>(numbers: Vec<(u64, T)>) -> Vec<(Arc<Seat>, T)> {
    let Some(alarm) = existing() else {
        return Vec::new();
    };
    let book = alarm.book();
    let known = |(number, with)| Some((book.seats.get(&number)?.upgrade()?, with));
    numbers.into_iter().filter_map(known).collect()
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

/// The child stops gracefully: handlers are told, and have so much time.
pub fn close(grace: Duration) {
    CLOSING.get_or_init(|| Instant::now() + grace);
    interrupt();
}

/// Wakes all connections: their waits end, or look at the world again.
pub fn wake_all() {
    let seats = existing().map(|alarm| alarm.book().seats.values().cloned().collect::<Vec<_>>());
    for seat in seats
        .into_iter()
        .flatten()
        .filter_map(|seat| seat.upgrade())
    {
        seat.wake();
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
