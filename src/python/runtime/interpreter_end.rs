//! The end of an interpreter as Python has it at the end of a program, without the end of CPython itself: threads are
//! waited for, functions of `atexit` are called, and what stands in the buffers of open files is written.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::context::About;
use super::interpreter::Interpreter;
use super::{context, forked, traceback};
use crate::httpd::log::Level;

/// What the end of an interpreter is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndStep {
    /// The GIL.
    Gil,
    /// Threads that are no daemons; their names.
    Threads(String),
    /// Functions of `atexit`, those of `weakref.finalize` and `logging` among them.
    Functions,
    /// What stands in the buffers of open files.
    Files,
}

impl Interpreter {
    /// Ends the interpreter's Python code in order; `note` is told each step before it begins. Threads that are daemons
    /// go on, and so does the interpreter. What fails is logged. Called without the GIL.
    pub(in crate::python) fn end(&'static self, note: impl Fn(EndStep)) {
        self.enter(About::Nothing, |py| {
            let steps: [(&str, &dyn Fn() -> PyResult<()>); 3] = [
                ("the end of threads failed", &|| end_threads(py, &note)),
                ("atexit failed", &|| {
                    note(EndStep::Functions);
                    py.import("atexit")?
                        .call_method0("_run_exitfuncs")
                        .map(drop)
                }),
                ("the files were not flushed", &|| {
                    note(EndStep::Files);
                    flush_files(py, self.name())
                }),
            ];
            for (failure, work) in steps {
                if let Err(error) = forked::result(py, work()) {
                    traceback::to_log(
                        py,
                        &format!("interpreter {}: {failure}", self.name()),
                        &error,
                    );
                }
            }
            note_threads(py);
        });
    }
}

/// Whether threads with Python code go on.
static HAS_LEFT_THREADS: AtomicBool = AtomicBool::new(false);

/// Whether, at the end of an interpreter, other threads of any one had Python code under way: daemons, or stuck ones.
pub(in crate::python) fn has_left_threads() -> bool {
    HAS_LEFT_THREADS.load(Ordering::Acquire)
}

/// Looks for threads with Python code under way. This one has none.
fn note_threads(py: Python<'_>) {
    let frames = py
        .import("sys")
        .and_then(|sys| sys.call_method0("_current_frames"));
    let number = frames.and_then(|frames| frames.len());
    if number.unwrap_or(1) > 0 {
        HAS_LEFT_THREADS.store(true, Ordering::Release);
    }
}

/// Has thread pools end, and waits for the threads that are no daemons. A program that never imported `threading` has
/// none.
fn end_threads(py: Python<'_>, note: &impl Fn(EndStep)) -> PyResult<()> {
    let modules = py.import("sys")?.getattr("modules")?;
    let Some(threading) = modules.cast_into::<PyDict>()?.get_item("threading")? else {
        return Ok(());
    };
    let Some(shutdown) = threading.getattr_opt("_shutdown")? else {
        // Its import has not come to its end.
        return Ok(());
    };
    let mut names = Vec::new();
    let main = threading.call_method0("main_thread")?;
    for thread in threading.call_method0("enumerate")?.try_iter()? {
        let thread = thread?;
        if !thread.is(&main) && !thread.getattr("daemon")?.is_truthy()? {
            names.push(thread.getattr("name")?.to_string());
        }
    }
    note(EndStep::Threads(names.join(", ")));
    #[cfg(not(Py_3_13))]
    let_go_of_main_thread(&threading, &main)?;
    shutdown.call0().map(drop)
}

/// Has `_shutdown` not wait for the main thread where another thread calls it: before Python 3.13, the main thread holds
/// a lock until then, which only `_shutdown` on that very thread lets go of.
#[cfg(not(Py_3_13))]
fn let_go_of_main_thread(threading: &Bound<'_, PyAny>, main: &Bound<'_, PyAny>) -> PyResult<()> {
    let lock = main.getattr("_tstate_lock")?;
    let is_main = threading
        .call_method0("get_ident")?
        .eq(main.getattr("ident")?)?;
    if !is_main && !lock.is_none() && lock.call_method0("locked")?.is_truthy()? {
        lock.call_method0("release")?;
    }
    Ok(())
}

/// Flushes all open files: first those that write into others, as text files do, then the buffers of these.
fn flush_files(py: Python<'_>, interpreter: &str) -> PyResult<()> {
    let io = py.import("_io")?;
    let base = io.getattr("_IOBase")?;
    let buffers = [io.getattr("BufferedWriter")?, io.getattr("BufferedRandom")?];
    let objects = py.import("gc")?.call_method0("get_objects")?;
    let (mut outer, mut inner) = (Vec::new(), Vec::new());
    for object in objects.cast_into::<PyList>()? {
        let class = object.get_type();
        if class.is_subclass(&base)? {
            match buffers.iter().any(|buffer| class.is(buffer)) {
                true => inner.push(object),
                false => outer.push(object),
            }
        }
    }
    for file in outer.into_iter().chain(inner) {
        // Those that were not made to their end have no state at all.
        let is_closed = file.getattr("closed").and_then(|closed| closed.is_truthy());
        if is_closed.unwrap_or(true) {
            continue;
        }
        if let Err(error) = file.call_method0("flush") {
            let text = format!("interpreter {interpreter}: {file} was not flushed: {error}");
            context::log_line(Level::Warning, &text);
        }
    }
    Ok(())
}
