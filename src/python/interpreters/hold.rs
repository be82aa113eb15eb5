//! How a thread holds an interpreter: its thread states, and the GIL.
#![expect(unsafe_code, reason = "the C API of thread states")]

use std::cell::Cell;

use pyo3::ffi;

use super::interpreter::Interpreter;
use super::threads::States;

unsafe extern "C" {
    /// From `c-shim/bind_gilstate.c`.
    fn mp_bind_gilstate(state: *mut ffi::PyThreadState);
}

thread_local! {
    /// The thread states of this thread, ended with it.
    static STATES: States = const { States::new() };
    /// The interpreter whose GIL this thread holds through `enter`.
    pub(in crate::python) static INSIDE: Cell<Option<&'static Interpreter>> = const { Cell::new(None) };
}

/// What CPython 3.11 misses: the state is the one that the thread uses now.
pub(super) fn bind(state: *mut ffi::PyThreadState) {
    // SAFETY: callers give the current state of this thread.
    unsafe { mp_bind_gilstate(state) };
}

/// Takes the state that this thread has already of an interpreter that is not ours to end.
pub(super) fn adopt(interpreter: &Interpreter, state: *mut ffi::PyThreadState) {
    STATES.with(|states| states.adopt(interpreter.state(), state));
}

/// Goes on in a state of an interpreter that this thread has, and does not use now.
fn resume(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    // SAFETY: of this thread, and not current.
    unsafe { ffi::PyEval_RestoreThread(state) };
    bind(state);
    INSIDE.set(Some(interpreter));
}

/// Whether this thread really has the GIL: C code that Python called lets go of it to wait.
pub fn is_attached() -> bool {
    let Some(inside) = INSIDE.get() else {
        return false;
    };
    // SAFETY: only looks.
    let current = unsafe { ffi::compat::PyThreadState_GetUnchecked() };
    !current.is_null() && current == STATES.with(|states| states.of(inside.state()))
}

/// Runs `f` as if this thread, which is inside and has let go of the GIL, were outside.
pub(super) fn anew<R>(f: impl FnOnce() -> R) -> R {
    let inside = INSIDE.take();
    let result = f();
    INSIDE.set(inside);
    if let Some(inside) = inside {
        bind(STATES.with(|states| states.of(inside.state())));
    }
    result
}

/// The interpreter that this thread was in, left for the time of a stay in another one.
pub(in crate::python) struct Outside(&'static Interpreter, *mut ffi::PyThreadState);

impl Outside {
    /// Leaves the interpreter that this thread is in, if it is in one.
    pub(in crate::python) fn leave() -> Option<Self> {
        let interpreter = INSIDE.take()?;
        // SAFETY: this thread is inside, so it has a current state.
        Some(Self(interpreter, unsafe { ffi::PyEval_SaveThread() }))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        resume(self.0, self.1);
    }
}

/// The GIL, held through the thread state that this thread keeps for one interpreter.
pub(in crate::python) struct Held;

impl Held {
    /// For a thread that holds no other.
    pub(in crate::python) fn take(interpreter: &'static Interpreter) -> Self {
        resume(
            interpreter,
            STATES.with(|states| states.of(interpreter.state())),
        );
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        INSIDE.set(None);
        // SAFETY: `take` made the state current, and everything since has put it back.
        unsafe { ffi::PyEval_SaveThread() };
    }
}
