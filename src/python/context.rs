//! What this thread's Python works on: whose log gets what is printed.

use std::cell::{Cell, RefCell};

use super::lease;
use crate::engine::lines::Lines;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Connection, Request};

/// What an entry into Python is about.
#[derive(Clone, Copy)]
pub enum About<'a> {
    /// A request.
    Request(&'a Request),
    /// A connection.
    Connection(&'a Connection),
    /// Neither: start and end of things.
    Nothing,
}

/// The same without its lifetime; only read inside the entry that set it.
#[derive(Clone, Copy)]
enum Current {
    Request(*const Request),
    Connection(*const Connection),
    Nothing,
}

thread_local! {
    static CURRENT: Cell<Current> = const { Cell::new(Current::Nothing) };
    static PRINTED: RefCell<[Lines; 2]> = RefCell::default();
}

/// Ends what `begin` began.
pub struct Context {
    before: Current,
    opened: usize,
}

/// From now on, until the answer is dropped, this thread's Python works on `about`.
pub fn begin(about: About<'_>) -> Context {
    let current = match about {
        About::Request(r) => Current::Request(r),
        About::Connection(c) => Current::Connection(c),
        About::Nothing => Current::Nothing,
    };
    Context {
        before: CURRENT.replace(current),
        opened: lease::opened(),
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        finish_lines();
        lease::close_since(self.opened);
        CURRENT.set(self.before);
    }
}

/// Writes a line to the log of what this thread works on.
#[expect(unsafe_code, reason = "a reference that lives as long as its context")]
pub fn log_line(level: Level, line: &(impl AsRef<[u8]> + ?Sized)) {
    match CURRENT.get() {
        Current::Request(r) => {
            // SAFETY: set by the entry that we are in, for as long as its reference lives.
            let r = unsafe { &*r };
            log::request(place!(), r, level, line);
        }
        Current::Connection(c) => {
            // SAFETY: as above.
            let c = unsafe { &*c };
            log::connection(place!(), c, level, line);
        }
        Current::Nothing => log::server(place!(), super::interpreter::main_server(), level, line),
    }
}

/// Takes what Python code printed: `sys.stdout` at notice, `sys.stderr` at error, line by line.
pub fn print(is_error: bool, text: &[u8]) {
    let level = if is_error {
        Level::Error
    } else {
        Level::Notice
    };
    PRINTED.with_borrow_mut(|printed| {
        printed[usize::from(is_error)].push(text, |line| log_line(level, line));
    });
}

/// Logs what was printed without a line end.
pub fn finish_lines() {
    PRINTED.with_borrow_mut(|[out, err]| {
        out.finish(|line| log_line(Level::Notice, line));
        err.finish(|line| log_line(Level::Error, line));
    });
}
