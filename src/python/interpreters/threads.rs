//! The thread states that a thread has of the interpreters it has entered.
#![expect(unsafe_code, reason = "the C API of thread states")]

use std::cell::RefCell;

use pyo3::ffi;

use super::hold::INSIDE;

/// The thread states of one thread, by interpreter.
pub struct States(RefCell<Vec<Kept>>);

struct Kept {
    interpreter: *mut ffi::PyInterpreterState,
    state: *mut ffi::PyThreadState,
    /// Whether it is ours to end.
    is_ours: bool,
}

impl States {
    /// For a thread that has entered none.
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The state for an interpreter, which lives as long as the child; made if need be.
    pub fn of(&self, interpreter: *mut ffi::PyInterpreterState) -> *mut ffi::PyThreadState {
        if let Some(kept) = self.find(interpreter) {
            return kept;
        }
        // SAFETY: the interpreter lives; made on the thread that uses it.
        let state = unsafe { ffi::PyThreadState_New(interpreter) };
        self.keep(interpreter, state, true);
        state
    }

    /// Takes the state that the thread has already, of a Python that is not ours.
    pub fn adopt(&self, interpreter: *mut ffi::PyInterpreterState, state: *mut ffi::PyThreadState) {
        if self.find(interpreter).is_none() {
            self.keep(interpreter, state, false);
        }
    }

    fn find(&self, interpreter: *mut ffi::PyInterpreterState) -> Option<*mut ffi::PyThreadState> {
        let states = self.0.borrow();
        let kept = states.iter().find(|kept| kept.interpreter == interpreter);
        kept.map(|kept| kept.state)
    }

    fn keep(
        &self,
        interpreter: *mut ffi::PyInterpreterState,
        state: *mut ffi::PyThreadState,
        is_ours: bool,
    ) {
        self.0.borrow_mut().push(Kept {
            interpreter,
            state,
            is_ours,
        });
    }
}

impl Drop for States {
    fn drop(&mut self) {
        if INSIDE.get().is_some() {
            // The child ends in a signal handler, over a call of Python that will not go on.
            return;
        }
        let ours = |kept: Kept| kept.is_ours.then_some(kept.state);
        for state in self.0.borrow_mut().drain(..).filter_map(ours) {
            // SAFETY: made for this thread, which ends and uses it no more.
            unsafe { ffi::PyEval_RestoreThread(state) };
            // SAFETY: current since the line above.
            unsafe { ffi::PyThreadState_Clear(state) };
            // SAFETY: as above; gives the GIL back.
            unsafe { ffi::PyThreadState_DeleteCurrent() };
        }
    }
}
