//! Forks of processes that serve a connection in the place of a child of prefork, as mpm-itk makes them: Python goes on
//! in them as CPython's documentation asks of embedders (`PyOS_BeforeFork` and what follows it). Threads that Python
//! code has started stay behind in the child.
//!
//! CPython ends sub-interpreters in a forked process, and cannot do that: 3.11 waits for itself, later ones crash. So
//! there is none in a child before it forks (`python_import`), and each process makes those that it needs.
#![expect(unsafe_code, reason = "the C API of forks")]

use std::cell::RefCell;

use pyo3::ffi;

use super::attach;
use super::attach::Attached;
use super::context::About;
use super::interpreter::Interpreter;
use super::start;
use crate::httpd::log::Level;
use crate::httpd::server::process;

thread_local! {
    /// The main interpreter, held over the fork.
    static HELD: RefCell<Option<(Attached, &'static Interpreter)>> = const { RefCell::new(None) };
}

/// Takes the GIL and Python's locks. Runs on the thread that is about to fork, which is outside of Python.
pub fn before() {
    let Some(main) = start::main() else {
        return;
    };
    let held = Attached::take(main);
    if is_one_of_several(main) {
        drop(held);
        let text = "another module has made an interpreter of Python before mpm-itk forks a process for a connection: \
                    CPython cannot go on in that process, and it ends at once";
        return About::Nothing.log(Level::Error, text);
    }
    // SAFETY: the main interpreter's state is current.
    unsafe { ffi::PyOS_BeforeFork() };
    HELD.set(Some((held, main)));
}

/// Gives them back in the child.
pub fn parent() {
    let held = HELD.take();
    if held.is_some() {
        // SAFETY: the main interpreter's state is current since `before`.
        unsafe { ffi::PyOS_AfterFork_Parent() };
    }
}

/// Lets Python go on in the new process.
pub fn child() {
    let Some((held, main)) = HELD.take() else {
        match start::main() {
            Some(_) => process::end(1),
            None => return,
        }
    };
    // SAFETY: the main interpreter's state is current since `before`; there is no other interpreter.
    unsafe { ffi::PyOS_AfterFork_Child() };
    attach::only_main_is_left(main);
    drop(held);
}

/// Whether there are other interpreters.
fn is_one_of_several(main: &Interpreter) -> bool {
    // SAFETY: with the GIL, under which interpreters come and go.
    let head = unsafe { ffi::PyInterpreterState_Head() };
    // SAFETY: a live interpreter, with the GIL.
    head != main.state() || !unsafe { ffi::PyInterpreterState_Next(head) }.is_null()
}
