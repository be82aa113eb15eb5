//! The stacks of Python code in the error log, for an administrator who asks by a signal (`PythonDumpSignal`).
//!
//! A thread of ours enters each interpreter, with the GIL, and writes those of its threads, and those of coroutines that
//! wait. If some thread does not give the GIL back within [`PATIENCE`], another thread of ours writes those of all
//! threads without it: then nobody changes what it reads.
#![expect(unsafe_code, reason = "the C shim writes the stacks without the GIL")]

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use super::context::About;
use super::interpreter::Interpreter;
use super::{start, traceback};
use crate::engine::interpreter_name::MAIN;
use crate::httpd::Server;
use crate::httpd::log::Level;
use crate::httpd::server::{dump_signal, process};

/// For so long the GIL is waited for before it is done without.
const PATIENCE: Duration = Duration::from_secs(1);

unsafe extern "C" {
    // From `c-shim/dump_threads.c`.
    fn mp_dump_threads(descriptor: i32);
}

/// Answers the signal from now on. Called in `child_init`, on the child's first thread, without the GIL. A failure is
/// logged.
pub fn serve(main: &'static Server) {
    if Interpreter::named(MAIN).is_err() {
        return;
    }
    if let Err(error) = dump_signal::watch(write) {
        let text = format!("no thread for PythonDumpSignal: {error}");
        About::Server(main).log(Level::Error, &text);
    }
}

/// Writes the stacks. Called on the thread of the signal.
fn write() {
    let (entered, has_entered) = mpsc::channel::<()>();
    let wait = move || {
        process::block_signals();
        if has_entered.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // SAFETY: the GIL was asked for and not given, so the thread that has it is in C code that keeps it; httpd
            // has its children's standard error lead to the main server's error log.
            unsafe { mp_dump_threads(libc::STDERR_FILENO) };
        }
    };
    if let Err(error) = thread::Builder::new().name("dump".into()).spawn(wait) {
        let text = format!("PythonDumpSignal: no thread that does without the GIL: {error}");
        About::Nothing.log(Level::Error, &text);
    }
    for interpreter in start::known() {
        interpreter.enter(About::Nothing, |py| {
            // Nobody may wait for it any more.
            let _ = entered.send(());
            let write = || py.import("mod_python._stacks")?.call_method0("write");
            if let Err(error) = write() {
                let what = "the stacks of an interpreter could not be written";
                traceback::to_log(py, what, &error);
            }
        });
    }
}
