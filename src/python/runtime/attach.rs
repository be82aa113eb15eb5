//! How a thread holds an interpreter: through its thread state for it, and with the GIL. All functions act on the
//! calling thread. A thread takes the GIL only through `resume` and at the end of a stay outside, and holds no short
//! lock then; it may have a turn.
//!
//! C code of others that runs on the same thread (modules that embed Python, C extensions with callbacks)
//! uses the `PyGILState` functions, which take one thread state for that of the thread. While this thread is
//! in an interpreter, that is its state of the interpreter; at any other time it is what it was before.
#![expect(unsafe_code, reason = "the C API of thread states")]

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::null_mut;

use pyo3::ffi;

use super::interpreter::Interpreter;
use super::thread_states::{EndOfThread, States};
use super::{context, gil_turns};
use crate::locks;
use crate::parking::late_signals;

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
    /// While this thread is inside: the state that was bound before; null for none.
    static BEFORE: Cell<*mut ffi::PyThreadState> = const { Cell::new(null_mut()) };
}

/// The interpreter that this thread has entered; `None` outside, and while it has let go of the GIL by `release`.
pub(in crate::python) fn inside() -> Option<&'static Interpreter> {
    INSIDE.get()
}

/// This thread is inside from now on: it has the GIL, or is about to take it. Called before it takes it,
/// since CPython 3.12 binds the state then.
fn come_in(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    locks::before_python();
    BEFORE.set(bound());
    bind(state);
    locks::has_python(true);
    INSIDE.set(Some(interpreter));
}

/// This thread is outside from now on: it has given the GIL back, or is about to.
pub(in crate::python) fn go_out() -> Option<&'static Interpreter> {
    let interpreter = INSIDE.take()?;
    locks::has_python(false);
    bind(BEFORE.replace(null_mut()));
    late_signals::signal_now();
    Some(interpreter)
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

/// The state that the `PyGILState` functions take for that of this thread; null for none.
pub(in crate::python) fn bound() -> *mut ffi::PyThreadState {
    // SAFETY: reads a thread-local of CPython, which needs no GIL.
    unsafe { ffi::PyGILState_GetThisThreadState() }
}

/// Has the `PyGILState` functions take this state for that of this thread; null for none.
pub(in crate::python) fn bind(state: *mut ffi::PyThreadState) {
    // SAFETY: callers give a live state of this thread, or null.
    unsafe { mp_bind_gilstate(state) };
}

/// Forgets, in a forked process and inside the main interpreter, all thread states but the current one: CPython has
/// deleted them.
pub(in crate::python) fn only_main_is_left(main: &'static Interpreter) {
    let state = state_of(main);
    with_states(|states| states.keep_only(state));
    BEFORE.set(state);
}

/// Keeps the state that this thread has already of an interpreter that this module does not end.
pub(in crate::python) fn adopt(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    with_states(|states| states.adopt(interpreter, state));
}

/// Waits for the GIL, and makes `state`, which is this thread's and not current, the current one.
pub(in crate::python) fn resume(interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
    locks::before_python();
    gil_turns::wait();
    come_in(interpreter, state);
    // SAFETY: of this thread, and not current.
    unsafe { ffi::PyEval_RestoreThread(state) };
}

/// Whether this thread has the GIL now. Inside an interpreter it may not: C code that Python called lets go of it to
/// wait.
pub fn is_attached() -> bool {
    inside().is_some_and(|inside| current() == state_of(inside))
}

/// The current thread state, before CPython 3.12 that of any thread; null for none.
fn current() -> *mut ffi::PyThreadState {
    // SAFETY: reads a thread-local or a global of CPython, which needs no GIL.
    unsafe { ffi::compat::PyThreadState_GetUnchecked() }
}

/// Whether this thread has the GIL now, be it a thread of Python's own, or through another module that embeds Python.
pub(in crate::python) fn has_gil() -> bool {
    let current = current();
    // A start of Python that has failed leaves a state behind.
    // SAFETY: only asks.
    !current.is_null() && current == bound() && unsafe { ffi::Py_IsInitialized() } != 0
}

/// The time for which this thread, which has let go of the GIL, is outside of the interpreter that it is in.
pub(in crate::python) struct Outside(Option<&'static Interpreter>);

impl Outside {
    /// Begins with this call, and ends when it is dropped, before the GIL is taken again.
    pub(in crate::python) fn begin() -> Self {
        Self(go_out())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(interpreter) = self.0 {
            gil_turns::wait();
            come_in(interpreter, state_of(interpreter));
        }
    }
}

/// The interpreter and the thread state of this thread, which are not current while it is in another interpreter.
pub(in crate::python) struct Left {
    outside: Option<Outside>,
    /// Null where this thread did not have the GIL.
    state: *mut ffi::PyThreadState,
}

impl Left {
    /// Lets go of the GIL if this thread has it, be it through another module that embeds Python and calls
    /// httpd meanwhile. Ends when it is dropped: this thread has the GIL again then, if it had it.
    pub(in crate::python) fn begin() -> Self {
        let state = match has_gil() {
            // SAFETY: the current state is that of this thread.
            true => unsafe { ffi::PyEval_SaveThread() },
            false => null_mut(),
        };
        let outside = Some(Outside::begin());
        Self { outside, state }
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        drop(self.outside.take());
        if !self.state.is_null() {
            // SAFETY: of this thread; not current since `begin`.
            unsafe { ffi::PyEval_RestoreThread(self.state) };
        }
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
        // SAFETY: `take` made the state current, and everything since has put it back.
        unsafe { ffi::PyEval_SaveThread() };
        go_out();
    }
}
