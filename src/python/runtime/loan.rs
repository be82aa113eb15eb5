//! Loans of leases to threads that run an event loop of asyncio's. While a handler runs there as a task (`@apache.aio`),
//! the thread of httpd's that has the request or connection waits, or has left it parked, and lends its lease. Python
//! code on the loop's thread borrows it when it first uses the object, and gives it back when the loop has run what it
//! runs now: an entry into the lease like a call of httpd's.
//!
//! A thread of httpd's takes the lease back before it goes on: it waits, without the GIL, for what the loop runs now. The
//! loop's thread waits for httpd's, without the GIL, but not long for one that waits for a client: all that the loop runs
//! would wait with it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::interpreter::unlocked;
use super::lease::Lease;
use crate::locks::{Guard, Lock, Signal};

/// How long a loop's thread waits for a lease whose thread of httpd's may wait for a client.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same where that thread has something short to do, for which it may have to wait for the GIL or a processor.
const MOST: Duration = Duration::from_secs(10);

thread_local! {
    /// Whether this thread runs an event loop, and what has `give_back` called when the loop has run what it runs now.
    static RUNS_LOOP: Cell<bool> = const { Cell::new(false) };
    static AT_END: RefCell<Option<Py<PyAny>>> = const { RefCell::new(None) };
    /// The leases that this thread has borrowed; with the thread that has it open, if any (0), those lent with another one.
    static BORROWED: RefCell<Vec<(Arc<Lease>, Option<usize>)>> = const { RefCell::new(Vec::new()) };
}

/// Who has a lease that can be lent.
#[derive(Debug, Default)]
pub(super) struct Loan {
    state: Lock<Borrower>,
    changed: Signal,
    /// How many calls the lender is in that may wait for a client.
    blocked: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Borrower {
    /// It is not lent.
    #[default]
    Lender,
    /// It is lent, and nobody has it.
    Nobody,
    /// A loop's thread has it.
    Loop,
}

impl Loan {
    /// Lends it. `first` is called before others can have it.
    pub(super) fn lend(&self, first: impl FnOnce()) {
        let mut state = self.state.lock();
        first();
        *state = Borrower::Nobody;
        drop(state);
        self.changed.give_all();
    }

    /// Takes it back, and waits until nobody has it. Returns whether it was lent. Called without the GIL.
    pub(super) fn take_back(&self) -> bool {
        let mut state = self.state.lock();
        while *state == Borrower::Loop {
            state = self.changed.wait(state);
        }
        std::mem::take(&mut *state) == Borrower::Nobody
    }

    /// Calls `f`, in which the lender may wait for a client.
    pub(super) fn blocks<R>(&self, f: impl FnOnce() -> R) -> R {
        self.blocked.fetch_add(1, Ordering::Relaxed);
        let result = f();
        self.blocked.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// Tells a thread that waits for it to look again.
    pub(super) fn tell(&self) {
        self.changed.give_all();
    }

    /// Takes it for this thread, which runs a loop. Returns whether that was possible: a thread of httpd's has it else,
    /// or `is_over` has become true. Called with the GIL.
    pub(super) fn borrow(&self, is_over: impl Fn() -> bool) -> bool {
        let take = |state: &mut Guard<'_, Borrower>| {
            let is_free = **state == Borrower::Nobody;
            if is_free {
                **state = Borrower::Loop;
            }
            is_free
        };
        if take(&mut self.state.lock()) {
            return true;
        }
        let begin = Instant::now();
        unlocked(|| {
            let mut state = self.state.lock();
            loop {
                if take(&mut state) {
                    return true;
                }
                let most = match self.blocked.load(Ordering::Relaxed) {
                    0 => MOST,
                    _ => PATIENCE,
                };
                if begin.elapsed() >= most || is_over() {
                    return false;
                }
                state = self.changed.wait_for(state, PATIENCE);
            }
        })
    }

    /// Gives it back.
    pub(super) fn give_back(&self) {
        let mut state = self.state.lock();
        *state = Borrower::Nobody;
        drop(state);
        self.changed.give_all();
    }
}

/// Whether this thread runs an event loop of asyncio's.
pub fn runs_loop() -> bool {
    RUNS_LOOP.get()
}

/// Says whether this thread runs an event loop from now on, of which `at_end` has `give_back` called when it has run what
/// it runs now; `None` where the loop calls it each time. Called with the GIL.
pub fn set_loop(runs: bool, at_end: Option<Py<PyAny>>) {
    RUNS_LOOP.set(runs);
    drop(AT_END.replace(at_end));
}

/// This thread has borrowed a lease, or has it with another one from `holder`.
///
/// # Errors
/// What the function raises that was given to `set_loop`.
pub(super) fn note(py: Python<'_>, lease: &Arc<Lease>, holder: Option<usize>) -> PyResult<()> {
    let is_first = BORROWED.with(|borrowed| {
        let mut borrowed = borrowed.borrow_mut();
        borrowed.push((lease.clone(), holder));
        borrowed.len() == 1
    });
    if !is_first {
        return Ok(());
    }
    let at_end = AT_END.with(|at_end| at_end.borrow().as_ref().map(|at_end| at_end.clone_ref(py)));
    match at_end {
        Some(at_end) => at_end.call0(py).map(drop),
        None => Ok(()),
    }
}

/// Gives back all leases that this thread has borrowed. The thread that has lent one goes on when it has that: before, it
/// gets those that were lent with it.
pub fn give_back() {
    for (lease, holder) in BORROWED.take().into_iter().rev() {
        lease.give_back(holder);
    }
}
