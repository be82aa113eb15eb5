//! How a thread holds an interpreter: its thread states, and the GIL.
#![expect(unsafe_code, reason = "the C API of thread states")]

use std::cell::Cell;
use std::mem::ManuallyDrop;

use pyo3::ffi;

use super::context;
use super::interpreter::Interpreter;
use super::thread_states::{EndOfThread, States};
use crate::locks;

unsafe extern "C" {
    /// From `c-shim/bind_gilstate.c`.
    fn mp_bind_gilstate(state: *mut ffi::PyThreadState);
}

thread_local! {
    /// The thread states of this thread. Without a destructor: Python code that runs while the thread
    /// ends still needs them.
    static STATES: ManuallyDrop<States> = const { ManuallyDrop::new(States::new()) };
    /// Ends them with the thread.
    static END: EndOfThread = const { EndOfThread };
    /// The interpreter whose GIL this thread holds through `enter`.
    static INSIDE: Cell<Option<&'static Interpreter>> = const { Cell::new(None) };
}

/// The interpreter whose GIL this thread holds through `enter`.
pub(in crate::python) fn inside() -> Option<&'static Interpreter> {
    INSIDE.get()
}

/// This thread is about to give the GIL back, or to let go of it for a while.
pub(in crate::python) fn leave() -> Option<&'static Interpreter> {
    locks::has_python(false);
    INSIDE.take()
}

/// This thread has the GIL again, or goes on as before.
pub(in crate::python) fn come_back(interpreter: Option<&'static Interpreter>) {
    locks::has_python(interpreter.is_some());
    INSIDE.set(interpreter);
}

/// Calls `f` with the states of this thread.
pub(in crate::python) fn with_states<R>(f: impl FnOnce(&States) -> R) -> R {
    STATES.with(|states| f(states))
}

/// This thread's state of an interpreter.
fn state_of(interpreter: &'static Interpreter) -> *mut ffi::PyThreadState {
    // What is first used last ends first: what code that runs in `END` prints is still put together.
    context::prepare();
    // Fails while the thread ends: what `END` does then sees new states, too.
    let _ = END.try_with(|_| ());
    with_states(|states| states.of(interpreter))
}

/// What CPython 3.11 misses: the state is the one that the thread uses now.
pub(in crate::python) fn bind(state: *mut ffi::PyThreadState) {
    // SAFETY: callers give the current state of this thread.
    unsafe { mp_bind_gilstate(state) };
}

/// Takes the state that this thread has already of an interpreter that is not ours to end.
pub(in crate::python) fn adopt(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    with_states(|states| states.adopt(interpreter, state));
}

/// Goes on in a state of an interpreter that this thread has, and does not use now.
pub(in crate::python) fn resume(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    locks::before_python();
    // SAFETY: of this thread, and not current.
    unsafe { ffi::PyEval_RestoreThread(state) };
    bind(state);
    come_back(Some(interpreter));
}

/// Whether this thread really has the GIL: C code that Python called lets go of it to wait.
pub fn is_attached() -> bool {
    let Some(inside) = inside() else {
        return false;
    };
    // SAFETY: only looks.
    let current = unsafe { ffi::compat::PyThreadState_GetUnchecked() };
    !current.is_null() && current == state_of(inside)
}

/// Runs `f` as if this thread, which is inside and has let go of the GIL, were outside.
pub(in crate::python) fn anew<R>(f: impl FnOnce() -> R) -> R {
    let inside = leave();
    let result = f();
    come_back(inside);
    if let Some(inside) = inside {
        bind(state_of(inside));
    }
    result
}

/// The interpreter that this thread was in, left for the time of a stay in another one.
pub(in crate::python) struct Detached(&'static Interpreter, *mut ffi::PyThreadState);

impl Detached {
    /// Leaves the interpreter that this thread is in, if it is in one.
    pub(in crate::python) fn leave() -> Option<Self> {
        let interpreter = leave()?;
        // SAFETY: this thread is inside, so it has a current state.
        Some(Self(interpreter, unsafe { ffi::PyEval_SaveThread() }))
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        resume(self.0, self.1);
    }
}

/// The GIL, held through the thread state that this thread keeps for one interpreter.
pub(in crate::python) struct Attached;

impl Attached {
    /// For a thread that holds no other.
    pub(in crate::python) fn take(interpreter: &'static Interpreter) -> Self {
        resume(interpreter, state_of(interpreter));
        Self
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        leave();
        // SAFETY: `take` made the state current, and everything since has put it back.
        unsafe { ffi::PyEval_SaveThread() };
    }
}
