//! How a thread holds an interpreter: through its thread state for it, and with the GIL. All functions act on the
//! calling thread. A thread takes the GIL only through `resume`, which holds no short lock; it may have a turn.
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
    /// Ends the thread states when the thread ends.
    static END: EndOfThread = const { EndOfThread };
    /// The interpreter that this thread has entered, and whose GIL it holds.
    static INSIDE: Cell<Option<&'static Interpreter>> = const { Cell::new(None) };
}

/// The interpreter that this thread has entered; `None` outside, and while it has let go of the GIL by `release`.
pub(in crate::python) fn inside() -> Option<&'static Interpreter> {
    INSIDE.get()
}

/// Notes that this thread is about to give the GIL back. Returns the interpreter that it was in.
pub(in crate::python) fn leave() -> Option<&'static Interpreter> {
    locks::has_python(false);
    INSIDE.take()
}

/// Notes that this thread has the GIL of `interpreter` again; with `None`, that it is outside of Python.
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
    // Thread-locals end in the reverse order of their first use: what code in `END` prints is still collected.
    context::prepare();
    // Fails while the thread ends; `END`, which runs then, ends this state as well.
    let _ = END.try_with(|_| ());
    with_states(|states| states.of(interpreter))
}

/// Tells CPython 3.11 that this thread uses `state` now, for `PyGILState_*`; later versions notice it themselves.
pub(in crate::python) fn bind(state: *mut ffi::PyThreadState) {
    // SAFETY: callers give the current state of this thread.
    unsafe { mp_bind_gilstate(state) };
}

/// Keeps the state that this thread has already of an interpreter that this module does not end.
pub(in crate::python) fn adopt(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    with_states(|states| states.adopt(interpreter, state));
}

/// Waits for the GIL, and makes `state`, which is this thread's and not current, the current one.
pub(in crate::python) fn resume(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    locks::before_python();
    // SAFETY: of this thread, and not current.
    unsafe { ffi::PyEval_RestoreThread(state) };
    bind(state);
    come_back(Some(interpreter));
}

/// Whether this thread has the GIL now. Inside an interpreter it may not: C code that Python called lets go of it to
/// wait.
pub fn is_attached() -> bool {
    let Some(inside) = inside() else {
        return false;
    };
    // SAFETY: only reads, with or without the GIL.
    let current = unsafe { ffi::compat::PyThreadState_GetUnchecked() };
    !current.is_null() && current == state_of(inside)
}

/// Runs `f` outside of Python, on a thread that is inside an interpreter and has let go of the GIL. `f` may enter
/// interpreters.
pub(in crate::python) fn anew<R>(f: impl FnOnce() -> R) -> R {
    let inside = leave();
    let result = f();
    come_back(inside);
    if let Some(inside) = inside {
        bind(state_of(inside));
    }
    result
}

/// The interpreter that this thread was in, left while it is in another one. Dropping this returns to it, and waits for
/// the GIL.
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
    /// Waits for the GIL. Called outside of Python, without a short lock.
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
