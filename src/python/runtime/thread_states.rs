//! The thread states that a thread keeps for the interpreters that it has entered, and their end when it ends. Each
//! thread uses its own only, so there is no lock.
#![expect(unsafe_code, reason = "the C API of thread states")]

use std::cell::RefCell;

use pyo3::ffi;

use super::attach;
use super::context;
use super::context::About;
use super::interpreter::Interpreter;
use crate::engine::interpreter_name::MAIN;
use crate::httpd::server::{fork, stop};

/// The thread states of one thread, by interpreter.
pub struct States(RefCell<Vec<ThreadState>>);

#[derive(Clone, Copy)]
struct ThreadState {
    interpreter: &'static Interpreter,
    state: *mut ffi::PyThreadState,
    /// Whether this module made the state, and ends it.
    is_ours: bool,
}

impl States {
    /// The states of a thread that has entered no interpreter.
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The state for an interpreter, which is made at the first call. With or without the GIL.
    pub fn of(&self, interpreter: &'static Interpreter) -> *mut ffi::PyThreadState {
        if let Some(kept) = self.find(interpreter) {
            return kept;
        }
        let before = attach::bound();
        // SAFETY: the interpreter lives; made on the thread that uses it.
        let state = unsafe { ffi::PyThreadState_New(interpreter.state()) };
        // CPython binds the first state of a thread. One of the main interpreter stays bound: others that ask for
        // a state get one of that interpreter in any case, and each thread should have only one of it.
        if before.is_null() && interpreter.name() != MAIN {
            attach::bind(before);
        }
        self.keep(interpreter, state, true);
        state
    }

    /// Keeps the state that the thread has already, of a Python that this module has not started.
    pub fn adopt(&self, interpreter: &'static Interpreter, state: *mut ffi::PyThreadState) {
        if self.find(interpreter).is_none() {
            self.keep(interpreter, state, false);
        }
    }

    fn find(&self, interpreter: &'static Interpreter) -> Option<*mut ffi::PyThreadState> {
        let states = self.0.borrow();
        let kept = states
            .iter()
            .find(|kept| std::ptr::eq(kept.interpreter, interpreter));
        kept.map(|kept| kept.state)
    }

    fn keep(
        &self,
        interpreter: &'static Interpreter,
        state: *mut ffi::PyThreadState,
        is_ours: bool,
    ) {
        self.0.borrow_mut().push(ThreadState {
            interpreter,
            state,
            is_ours,
        });
    }

    /// Forgets all others.
    pub fn keep_only(&self, state: *mut ffi::PyThreadState) {
        self.0.borrow_mut().retain(|kept| kept.state == state);
    }

    fn first_of_ours(&self) -> Option<ThreadState> {
        self.0.borrow().iter().find(|kept| kept.is_ours).copied()
    }

    fn forget(&self, state: *mut ffi::PyThreadState) {
        self.0.borrow_mut().retain(|kept| kept.state != state);
    }
}

/// The most states that one thread ends: Python code that runs at the end of a state may enter another interpreter,
/// which makes another state.
const MOST: usize = 1000;

/// Ends a thread's states when the thread ends: takes the GIL of each interpreter in turn. The values of
/// `threading.local` end with the state, so `__del__` methods may run then, and print, raise or call `apache`.
pub struct EndOfThread;

impl Drop for EndOfThread {
    fn drop(&mut self) {
        end_all();
    }
}

/// Ends all states of this thread.
pub(in crate::python) fn end_all() {
    if fork::is_forked() || stop::is_off() || attach::inside().is_some() {
        // A forked process ends, or the child does in a signal handler of httpd, or by exit() in
        // the midst of Python code: the GIL cannot be taken, and the states go with the process.
        return;
    }
    attach::with_states(|states| {
        for _ in 0..MOST {
            let Some(kept) = states.first_of_ours() else {
                break;
            };
            end(kept);
            states.forget(kept.state);
        }
        // The list itself has no destructor, so that it can be used until here.
        drop(states.0.take());
    });
}

/// Ends a state. Waits for the GIL of its interpreter, and gives it back.
fn end(kept: ThreadState) {
    let about = context::begin(About::Nothing);
    // As for any entry: CPython 3.11 would take another interpreter's state for the current one.
    attach::resume(kept.interpreter, kept.state);
    // SAFETY: current since the line above; made for this thread, which ends.
    unsafe { ffi::PyThreadState_Clear(kept.state) };
    drop(about);
    attach::go_out();
    // SAFETY: still current; gives the GIL back.
    unsafe { ffi::PyThreadState_DeleteCurrent() };
}
