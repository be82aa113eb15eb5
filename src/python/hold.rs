//! How a thread holds an interpreter: its thread states, and the GIL.
#![expect(unsafe_code, reason = "the C API of thread states")]

use std::cell::{Cell, RefCell};

use pyo3::ffi;

use super::interpreter::Interpreter;

unsafe extern "C" {
    /// From `c-shim/bind_gilstate.c`.
    fn mp_bind_gilstate(state: *mut ffi::PyThreadState);
}

thread_local! {
    /// The thread states of this thread, ended with it.
    static STATES: States = const { States(RefCell::new(Vec::new())) };
    /// The interpreter whose GIL this thread holds through `enter`.
    pub(super) static INSIDE: Cell<Option<&'static Interpreter>> = const { Cell::new(None) };
}

/// What CPython 3.11 misses: the state is the one that the thread uses now.
pub(super) fn bind(state: *mut ffi::PyThreadState) {
    // SAFETY: callers give the current state of this thread.
    unsafe { mp_bind_gilstate(state) };
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
    !current.is_null() && current == STATES.with(|states| states.of(inside))
}

/// Runs `f` as if this thread, which is inside and has let go of the GIL, were outside.
pub(super) fn anew<R>(f: impl FnOnce() -> R) -> R {
    let inside = INSIDE.take();
    let result = f();
    INSIDE.set(inside);
    if let Some(inside) = inside {
        bind(STATES.with(|states| states.of(inside)));
    }
    result
}

/// The interpreter that this thread was in, left for the time of a stay in another one.
pub(super) struct Outside(&'static Interpreter, *mut ffi::PyThreadState);

impl Outside {
    /// Leaves the interpreter that this thread is in, if it is in one.
    pub(super) fn leave() -> Option<Self> {
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
pub(super) struct Held;

impl Held {
    /// For a thread that holds no other.
    pub(super) fn take(interpreter: &'static Interpreter) -> Self {
        resume(interpreter, STATES.with(|states| states.of(interpreter)));
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

/// The thread states of one thread, by interpreter.
struct States(RefCell<Vec<(*mut ffi::PyInterpreterState, *mut ffi::PyThreadState)>>);

impl States {
    fn of(&self, interpreter: &Interpreter) -> *mut ffi::PyThreadState {
        let mut states = self.0.borrow_mut();
        if let Some((_, state)) = states.iter().find(|(of, _)| *of == interpreter.state()) {
            return *state;
        }
        // SAFETY: the interpreter lives as long as the child; made on the thread that uses it.
        let state = unsafe { ffi::PyThreadState_New(interpreter.state()) };
        states.push((interpreter.state(), state));
        state
    }
}

impl Drop for States {
    fn drop(&mut self) {
        if INSIDE.get().is_some() {
            // The child ends in a signal handler, over a call of Python that will not go on.
            return;
        }
        for (_, state) in self.0.borrow_mut().drain(..) {
            // SAFETY: made for this thread, which ends and uses it no more.
            unsafe { ffi::PyEval_RestoreThread(state) };
            // SAFETY: current since the line above.
            unsafe { ffi::PyThreadState_Clear(state) };
            // SAFETY: as above; gives the GIL back.
            unsafe { ffi::PyThreadState_DeleteCurrent() };
        }
    }
}
