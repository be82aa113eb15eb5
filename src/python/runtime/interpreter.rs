//! An interpreter, and the one way in.
//!
//! Interpreters share one GIL and are made when they are first asked for. A thread keeps one thread state for each
//! interpreter that it has entered: making one for each request would cost a hundred times more.
//!
//! Order of locks: a thread waits for the GIL only without a short lock; it may have a turn (`locks`).
#![expect(unsafe_code, reason = "the C API of interpreters and thread states")]

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use pyo3::ffi;
use pyo3::prelude::*;

use super::attach::{Attached, Left, Outside};
use super::context::About;
use super::deferred_drops::DeferredDrops;
use super::entries::InterpreterEntry;
use super::loader::Loader;
use super::types::{BuiltinModule, Types};
use super::wsgi_parts::WsgiParts;
use super::{attach, context, contextvars, forked, source_changes, time_limit};
use crate::engine::python_home::PythonHome;

/// One interpreter of this child. Lives as long as the child.
pub struct Interpreter {
    pub(super) name: String,
    /// Whose packages it has; `None` for those of the installation.
    pub(super) home: Option<Arc<PythonHome>>,
    pub(super) state: *mut ffi::PyInterpreterState,
    /// Objects that threads without the GIL have given up.
    pub deferred_drops: &'static DeferredDrops,
    /// Our classes and exceptions, made for this interpreter.
    pub types: Types,
    /// The built-in module, for further interpreters.
    pub(in crate::python) module: &'static BuiltinModule,
    /// Finds and keeps the modules of handlers.
    pub loader: Loader,
    /// What applications of WSGI need; made at the first request for one.
    pub(super) wsgi: OnceLock<WsgiParts>,
}

// SAFETY: the state's pointer is only used by threads that make thread states from it, which
// CPython allows on any thread; all else is behind locks.
unsafe impl Sync for Interpreter {}

// SAFETY: as above.
unsafe impl Send for Interpreter {}

impl Interpreter {
    /// The interpreter's name, as `PythonInterpreter` gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// CPython's struct of the interpreter.
    pub(in crate::python) fn state(&self) -> *mut ffi::PyInterpreterState {
        self.state
    }

    /// Enters the interpreter, calls `f`, and leaves it, even if `f` panics. Waits for the GIL; no short lock may be
    /// held. A thread that is in this interpreter stays in it; one that is in another leaves that meanwhile. What `f`
    /// prints is logged where `about` logs.
    pub fn enter<R>(&'static self, about: About<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
        match attach::inside().filter(|_| attach::is_attached()) {
            Some(inside) if std::ptr::eq(inside, self) => match InBatch::pause() {
                Some(_goes_on) => {
                    let _about = context::begin(about);
                    self.begin(f)
                }
                None => Python::attach(|py| run(py, f)),
            },
            // Python code of another interpreter on this thread has called httpd, and that us.
            Some(_) => {
                let _goes_on = InBatch::pause();
                Python::attach(|py| release(py, || self.enter(about, f)))
            }
            None => {
                // httpd may have been called by another module that embeds Python, and holds the GIL. Or httpd ends
                // the child in a signal handler, while C code that Python called has let go of the GIL.
                let _left = Left::begin();
                let _about = context::begin(about);
                let _entry = InterpreterEntry::begin(self);
                source_changes::look_at_folders();
                let _held = Attached::take(self);
                self.begin(f)
            }
        }
    }

    /// The begin of an entry; with the GIL.
    fn begin<R>(&self, f: impl FnOnce(Python<'_>) -> R) -> R {
        Python::attach(|py| {
            self.deferred_drops.empty(py);
            contextvars::isolated(py, || run(py, f))
        })
    }

    /// Takes the GIL, and calls `f`, in which each `enter` of this interpreter finds it taken: for several short
    /// entries, where each would wait for another thread that computes. Between them, `f` must not wait for anything.
    /// Called outside of Python, without a short lock.
    pub fn batch<R>(&'static self, f: impl FnOnce() -> R) -> R {
        let _entry = InterpreterEntry::begin(self);
        let _held = Attached::take(self);
        let _batch = InBatch::begin();
        f()
    }
}

/// Calls `f`, without the GIL if this thread has that for a batch and is in none of its entries.
pub fn between_entries<R>(f: impl FnOnce() -> R) -> R {
    match InBatch::pause() {
        Some(_goes_on) => Python::attach(|py| release(py, f)),
        None => f(),
    }
}

thread_local! {
    /// Whether this thread has the GIL for a batch of entries, and is in none of them.
    static BATCH: Cell<bool> = const { Cell::new(false) };
}

/// Sets `BATCH` to this when it is dropped.
struct InBatch(bool);

impl InBatch {
    fn begin() -> Self {
        BATCH.set(true);
        Self(false)
    }

    /// An entry of a batch begins; `None` if this thread is in none.
    fn pause() -> Option<Self> {
        // Made only where there is one: its end sets `BATCH`.
        BATCH.replace(false).then(|| Self(true))
    }
}

impl Drop for InBatch {
    fn drop(&mut self) {
        BATCH.set(self.0);
    }
}

/// Calls `f`. A process that is forked in `f` ends here.
fn run<R>(py: Python<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
    let result = f(py);
    forked::check(py, None);
    result
}

/// Lets go of the GIL, calls `f`, and waits for the GIL again: other threads run Python meanwhile. `f` may enter
/// interpreters. The clock of a filter's step stands still (`time_limit`). A process that was forked ends here.
pub fn release<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    forked::check(py, None);
    // Objects whose bytes were sent are dropped during a long call, too: it may send much.
    let_go(py, f, |interpreter| interpreter.deferred_drops.empty(py))
}

/// Lets go of the GIL while `f` runs, as `release` does. `then` is called with the GIL and the interpreter that this
/// thread is in; not on a thread of Python's own.
fn let_go<R>(py: Python<'_>, f: impl FnOnce() -> R, then: impl FnOnce(&Interpreter)) -> R {
    let step = time_limit::pause();
    // `detach` asks for `Send` to keep Python objects out of `f`; what `f` uses of httpd stays on
    // this thread all the time.
    let f = OnThisThread(f);
    let result = py.detach(|| {
        let _outside = Outside::begin();
        OnThisThread(f.call())
    });
    if let Some(interpreter) = attach::inside() {
        then(interpreter);
    }
    time_limit::resume(step);
    result.0
}

/// Runs `f`, which may block, without the GIL, whether or not this thread has it. No Python code runs on this thread
/// before this returns, and a process that was forked goes on: for log entries.
pub(in crate::python) fn unlocked<R>(f: impl FnOnce() -> R) -> R {
    match attach::has_gil() {
        true => Python::attach(|py| let_go(py, f, |_| ())),
        false => f(),
    }
}

/// Runs `f`, which may enter interpreters, without the GIL, whether or not this thread is in an interpreter.
pub(super) fn outside<R>(f: impl FnOnce() -> R) -> R {
    match attach::is_attached() {
        true => Python::attach(|py| release(py, f)),
        // httpd ends the child in a signal handler, while C code that Python called has let go of the GIL.
        false => {
            let _left = Left::begin();
            f()
        }
    }
}

struct OnThisThread<T>(T);

// SAFETY: `Python::detach` runs its closure on the calling thread.
unsafe impl<T> Send for OnThisThread<T> {}

impl<R, F: FnOnce() -> R> OnThisThread<F> {
    fn call(self) -> R {
        (self.0)()
    }
}
