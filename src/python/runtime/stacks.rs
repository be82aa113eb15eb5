//! The stacks of Python code in the error log, for an administrator who asks by a signal (`PythonDumpSignal`).
//!
//! First CPython's `faulthandler` writes, in its signal handler, those of the main interpreter's threads: that needs no
//! GIL. Then a thread of ours enters each interpreter, with the GIL, and writes those of the threads of the others, and
//! those of coroutines that wait. If some thread never gives the GIL back, only the first part is written.

use pyo3::prelude::*;

use super::context::About;
use super::interpreter::Interpreter;
use super::{start, traceback};
use crate::engine::interpreter_name::MAIN;
use crate::httpd::Server;
use crate::httpd::log::Level;
use crate::httpd::server::dump_signal;

/// Answers the signal from now on. Called in `child_init`, on the child's first thread, without the GIL. A failure is
/// logged.
pub fn serve(main: &'static Server) {
    let Ok(interpreter) = Interpreter::named(MAIN) else {
        return;
    };
    if let Err(error) = dump_signal::watch(write) {
        let text = format!("no thread for PythonDumpSignal: {error}");
        return About::Server(main).log(Level::Error, &text);
    }
    interpreter.enter(About::Server(main), |py| {
        let register = || {
            let module = py.import("mod_python._stacks")?;
            module.call_method1("register", (dump_signal::SIGNAL,))
        };
        if let Err(error) = register() {
            traceback::to_log(py, "PythonDumpSignal has no effect", &error);
        }
    });
}

/// Writes the stacks that take the GIL. Called on the thread of the signal.
fn write() {
    for interpreter in start::known() {
        interpreter.enter(About::Nothing, |py| {
            let write = || py.import("mod_python._stacks")?.call_method0("write");
            if let Err(error) = write() {
                traceback::to_log(
                    py,
                    "the stacks of an interpreter could not be written",
                    &error,
                );
            }
        });
    }
}
