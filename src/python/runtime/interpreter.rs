//! An interpreter, and the one way in.
//!
//! Interpreters share one GIL and are made when they are first asked for. A thread keeps one thread
//! state for each interpreter it has entered: making one per request costs a hundred times more.
#![expect(unsafe_code, reason = "the C API of interpreters and thread states")]

use pyo3::ffi;
use pyo3::prelude::*;

use super::attach::{Attached, bind};
use super::context::About;
use super::deferred_drops::DeferredDrops;
use super::loader::Loader;
use super::types::{Module, Types};
use super::{attach, context, forked, gil_turns, time_limit};
use crate::locks;

/// One interpreter of this child. Lives as long as the child.
pub struct Interpreter {
    pub(super) name: String,
    pub(super) state: *mut ffi::PyInterpreterState,
    /// Objects whose last holder could not take the GIL.
    pub deferred_drops: &'static DeferredDrops,
    /// Our classes and exceptions, made for this interpreter.
    pub types: Types,
    /// The built-in module, for further interpreters.
    pub(in crate::python) module: &'static Module,
    /// What was imported for handlers.
    pub loader: Loader,
}

// SAFETY: the state's pointer is only used by threads that make thread states from it, which
// CPython allows on any thread; all else is behind locks.
unsafe impl Sync for Interpreter {}

// SAFETY: as above.
unsafe impl Send for Interpreter {}

impl Interpreter {
    /// Its name, as `PythonInterpreter` gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// CPython's pointer to it, for C.
    pub(in crate::python) fn state(&self) -> *mut ffi::PyInterpreterState {
        self.state
    }

    /// Waits for the GIL as a thread of this interpreter, and gives it back.
    pub fn take_turn(&'static self) {
        drop(Attached::take(self));
    }

    /// Enters the interpreter for the time of `f`: takes the GIL, and gives it back even if `f`
    /// panics. What `f` prints is logged with what the entry is about.
    pub fn enter<R>(&'static self, about: About<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
        match attach::inside() {
            // A signal ends the child while C code that Python called has let go of the GIL.
            Some(_) if !attach::is_attached() => attach::anew(|| self.enter(about, f)),
            Some(inside) if std::ptr::eq(inside, self) => Python::attach(|py| run(py, f)),
            // A cleanup that runs while Python of another interpreter waits on this thread.
            Some(_) => Python::attach(|py| release(py, || self.enter(about, f))),
            None => {
                gil_turns::note_entry();
                let _about = context::begin(about);
                let _held = Attached::take(self);
                Python::attach(|py| {
                    self.deferred_drops.empty(py);
                    run(py, f)
                })
            }
        }
    }
}

/// Calls `f`. A process that is forked in it does not come back.
fn run<R>(py: Python<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
    let result = f(py);
    forked::check(py, None);
    result
}

/// Lets other threads run Python while `f` waits for something. `f` may enter interpreters.
pub fn release<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    forked::check(py, None);
    let inside = attach::leave();
    let step = time_limit::pause();
    // `detach` asks for `Send` to keep Python objects out of `f`; what `f` uses of httpd stays on
    // this thread all the time.
    let f = OnThisThread(f);
    let result = py.detach(|| {
        let result = OnThisThread(f.call());
        locks::before_python();
        result
    });
    attach::come_back(inside);
    // SAFETY: this thread is attached again, so there is a current state.
    let state = unsafe { ffi::PyThreadState_Get() };
    // `f` may have bound another one.
    bind(state);
    if let Some(interpreter) = inside {
        // A long call sends much in between: what was sent is let go as it goes along.
        interpreter.deferred_drops.empty(py);
    }
    time_limit::resume(step);
    result.0
}

/// Runs `f` without Python, whether or not this thread is in an interpreter.
pub(super) fn outside<R>(f: impl FnOnce() -> R) -> R {
    match attach::inside() {
        None => f(),
        Some(_) if attach::is_attached() => Python::attach(|py| release(py, f)),
        // C code that Python called has let go of the GIL.
        Some(_) => attach::anew(f),
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
