//! What a thread's Python code works on: a request, a connection or a server. Its log gets what the code prints. All
//! functions act on the calling thread, and take no lock.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use super::interpreter::unlocked;
use super::lease;
use super::loan;
use crate::engine::log_text::Lines;
use crate::httpd::log::{ALWAYS_LOGGED, Level, SourceLocation, with_location};
use crate::httpd::server;
use crate::httpd::{Connection, Filter, Request, Server};

/// What an entry into Python is about.
#[derive(Clone, Copy)]
pub enum About<'a> {
    /// A request.
    Request(&'a Request),
    /// A connection.
    Connection(&'a Connection),
    /// A server whose configuration asks for it, when a child starts.
    Server(&'static Server),
    /// None of these: what belongs to the child as a whole. It is logged where the main server logs.
    Nothing,
}

impl About<'_> {
    /// Writes an entry to the error log of what this is about, if its `LogLevel` takes it. Without the GIL: the log may
    /// be a pipe whose reader is slow. With or without the GIL; all code above this layer logs by this.
    #[track_caller]
    pub fn log(self, level: Level, line: &(impl AsRef<[u8]> + ?Sized)) {
        with_location(Location::caller(), |at| self.log_at(at, level, line));
    }

    fn log_at(self, at: SourceLocation<'_>, level: Level, line: &(impl AsRef<[u8]> + ?Sized)) {
        if level > ALWAYS_LOGGED && !self.takes(level) {
            return;
        }
        // Code on asyncio's loop may work for a connection that is parked; only clients' are.
        let log = |c: &Connection, log: &dyn Fn()| match loan::runs_loop() {
            true => c.marked_while(log),
            false => log(),
        };
        unlocked(|| match self {
            Self::Request(r) => log(r.connection(), &|| r.log_at(at, level, line)),
            Self::Connection(c) => log(c, &|| c.log_at(at, level, line)),
            Self::Server(server) => server.log_at(at, level, line),
            Self::Nothing => server::log_at(at, level, line),
        });
    }

    /// Whether an entry of this level would be logged.
    fn takes(self, level: Level) -> bool {
        match self {
            Self::Request(r) => r.logs(level),
            Self::Connection(c) => c.logs(level),
            Self::Server(server) => server.logs(level),
            Self::Nothing => server::main().is_none_or(|server| server.logs(level)),
        }
    }
}

impl<'a> From<&'a Filter> for About<'a> {
    /// A filter's request; the connection for a filter that has none.
    fn from(filter: &'a Filter) -> Self {
        let connection = || Self::Connection(filter.connection());
        filter.request().map_or_else(connection, Self::Request)
    }
}

/// An [`About`] without its lifetime. It is only read inside the entry that set it.
#[derive(Clone, Copy)]
enum Current {
    Request(*const Request),
    Connection(*const Connection),
    Server(&'static Server),
    Nothing,
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current::Nothing) };
    static PRINTED: RefCell<[Lines; 2]> = RefCell::default();
}

/// Makes the thread-local for what is printed, so that it outlives those that are made later.
pub(in crate::python) fn prepare() {
    let _ = PRINTED.try_with(|_| ());
}

/// A context; dropping it returns to the one before, and logs what was printed without a line end.
pub struct LogContext {
    before: Current,
    opened: usize,
}

/// This thread's Python works on `about` until the returned context is dropped.
pub fn begin(about: About<'_>) -> LogContext {
    LogContext {
        before: CURRENT.replace(about.into()),
        opened: lease::opened(),
    }
}

/// This thread's Python works on `about` until the running context ends.
pub fn go_on_with(about: About<'_>) {
    CURRENT.set(about.into());
}

impl From<About<'_>> for Current {
    fn from(about: About<'_>) -> Self {
        match about {
            About::Request(r) => Self::Request(r),
            About::Connection(c) => Self::Connection(c),
            About::Server(server) => Self::Server(server),
            About::Nothing => Self::Nothing,
        }
    }
}

impl Drop for LogContext {
    fn drop(&mut self) {
        finish_lines();
        lease::close_since(self.opened);
        CURRENT.set(self.before);
    }
}

/// Whether this thread works on nothing that belongs to a request, connection or server.
pub fn works_on_nothing() -> bool {
    matches!(CURRENT.get(), Current::Nothing)
}

/// Whether this thread works on what a server's configuration asks for when a child starts.
pub(super) fn works_on_server() -> bool {
    matches!(CURRENT.get(), Current::Server(_))
}

/// Calls `f`, in which this thread logs where `about` logs.
pub fn logging_for<R>(about: About<'_>, f: impl FnOnce() -> R) -> R {
    struct Outer(Current);
    impl Drop for Outer {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _outer = Outer(CURRENT.replace(about.into()));
    f()
}

/// Gives `f` what this thread works on.
#[expect(unsafe_code, reason = "a reference that lives as long as its context")]
pub fn working_on<R>(f: impl FnOnce(About<'_>) -> R) -> R {
    f(match CURRENT.get() {
        // SAFETY: the entry that is under way has set it, and holds the reference until it ends.
        Current::Request(r) => About::Request(unsafe { &*r }),
        // SAFETY: as above.
        Current::Connection(c) => About::Connection(unsafe { &*c }),
        Current::Server(server) => About::Server(server),
        Current::Nothing => About::Nothing,
    })
}

/// Whether this thread's Python works on this request.
pub fn is_about(r: &Request) -> bool {
    working_on(|about| matches!(about, About::Request(current) if std::ptr::eq(current, r)))
}

/// The address of the connection that this thread works on, or on a request of.
pub fn connection() -> Option<usize> {
    let address = |c: &Connection| std::ptr::from_ref(c).addr();
    working_on(|about| match about {
        About::Request(r) => Some(address(r.connection())),
        About::Connection(c) => Some(address(c)),
        About::Server(_) | About::Nothing => None,
    })
}

/// Ends the earlier requests of the connection of which this thread works on a request (`end_earlier_requests`). Their
/// cleanups take the GIL: called without it. Returns whether there may have been some.
pub fn end_earlier_requests() -> bool {
    working_on(|about| match about {
        About::Request(r) => r.connection().end_earlier_requests(),
        _ => false,
    })
}

/// Writes an entry to the log of what this thread works on.
#[track_caller]
pub fn log_line(level: Level, line: &(impl AsRef<[u8]> + ?Sized)) {
    let caller = Location::caller();
    with_location(caller, |at| log_at(at, level, line));
}

/// As `log_line`, with the place in the source that httpd shows beside the entry.
pub fn log_at(at: SourceLocation<'_>, level: Level, line: &(impl AsRef<[u8]> + ?Sized)) {
    working_on(|about| about.log_at(at, level, line));
}

/// Whether an entry of this level would be logged for what this thread works on.
pub fn takes(level: Level) -> bool {
    working_on(|about| about.takes(level))
}

/// Logs what Python code prints, line by line: `sys.stdout` at level notice, `sys.stderr` at error. A part of a line is
/// kept until the rest comes. Called with the GIL.
pub fn print(is_error: bool, text: &[u8]) {
    let level = if is_error {
        Level::Error
    } else {
        Level::Notice
    };
    let mut complete = Vec::new();
    let mut keep = |line: &[u8]| complete.push(line.to_vec());
    let kept = PRINTED.try_with(|printed| {
        printed.borrow_mut()[usize::from(is_error)].push(text, &mut keep);
    });
    if kept.is_err() {
        // The thread ends and has no thread-locals any more: what comes counts as whole lines.
        let mut lines = Lines::default();
        lines.push(text, &mut keep);
        lines.finish(&mut keep);
    }
    complete.iter().for_each(|line| log_line(level, line));
}

/// Logs what was printed without a line end.
pub fn finish_lines() {
    // A thread that ends keeps no parts of lines.
    let _ = PRINTED.try_with(|printed| {
        for (at, level) in [Level::Notice, Level::Error].into_iter().enumerate() {
            let mut rest = None;
            printed.borrow_mut()[at].finish(|line| rest = Some(line.to_vec()));
            if let Some(line) = rest {
                log_line(level, &line);
            }
        }
    });
}
