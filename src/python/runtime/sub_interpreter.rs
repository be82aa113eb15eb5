//! Makes sub-interpreters, which share the main interpreter's GIL, and ends those that could not be equipped. All
//! functions are called with the GIL.
#![expect(unsafe_code, reason = "the C API of interpreters")]

use std::sync::Arc;

use pyo3::ffi;
use pyo3::prelude::*;

use super::attach::bind;
use super::interpreter::Interpreter;
use super::start::equip;
use super::types::BuiltinModule;
use super::{site_packages, traceback};
use crate::engine::python_home::PythonHome;

unsafe extern "C" {
    // From `c-shim/thread_ids.c`.
    fn mp_number_threads(first: *mut ffi::PyThreadState);
}

/// Makes a sub-interpreter with the packages of `home`; `site` says whether they are its own affair here
/// (`site_packages`). Called inside the main interpreter, whose thread state is current again afterwards. The
/// first thread state of the sub-interpreter is kept unused: an interpreter must have one, and those of threads end
/// with them.
///
/// # Errors
/// The reason why there is none, as a sentence; what was begun is undone.
pub(in crate::python) fn make(
    name: &str,
    home: Option<&Arc<PythonHome>>,
    site: bool,
    module: &'static BuiltinModule,
) -> Result<&'static Interpreter, String> {
    // SAFETY: called inside `enter`: the main interpreter's state is current.
    let main = unsafe { ffi::PyThreadState_Get() };
    let made = begin().and_then(|state| {
        // SAFETY: the current state, the only one of an interpreter that has run nobody's code yet.
        unsafe { mp_number_threads(state) };
        bind(state);
        let packages = match site {
            true => Python::attach(|py| start_site(py, home)),
            false => Ok(()),
        };
        let made = packages.and_then(|()| equip(name, home, true, module));
        made.inspect_err(|_| end(state))
    });
    // SAFETY: the main one's state belongs to this thread, which has the GIL that all share.
    unsafe { ffi::PyThreadState_Swap(main) };
    bind(main);
    made
}

/// Gives the interpreter its packages.
fn start_site(py: Python<'_>, home: Option<&Arc<PythonHome>>) -> Result<(), String> {
    site_packages::start(py, home.map(|home| &**home)).map_err(|error| {
        let what = "the packages of an interpreter";
        traceback::to_server_log(py, what, &error);
        error.to_string()
    })
}

/// How many interpreters the process has, those of other embedders included.
pub fn count(_py: Python<'_>) -> usize {
    // SAFETY: interpreters are made and ended with the GIL, which this thread has.
    let first = unsafe { ffi::PyInterpreterState_Head() };
    let next = |interpreter: &*mut ffi::PyInterpreterState| {
        // SAFETY: as above, and it is one of them.
        let next = unsafe { ffi::PyInterpreterState_Next(*interpreter) };
        (!next.is_null()).then_some(next)
    };
    std::iter::successors(Some(first), next).count()
}

/// A new interpreter, whose thread state is current. Its settings suit all extension modules: the GIL and the allocator
/// are shared, and daemon threads are allowed.
#[cfg(Py_3_12)]
fn begin() -> Result<*mut ffi::PyThreadState, String> {
    let mut state = std::ptr::null_mut();
    let config = ffi::_PyInterpreterConfig_LEGACY_INIT;
    // SAFETY: the main interpreter's state is current; a place for a pointer, and complete settings.
    let status = unsafe { ffi::Py_NewInterpreterFromConfig(&raw mut state, &raw const config) };
    super::initialize::check(status, "Py_NewInterpreterFromConfig")?;
    Ok(state)
}

/// A new interpreter, whose thread state is current. If CPython cannot open its modules, it ends the process, which
/// `spare_descriptors` prevents.
#[cfg(not(Py_3_12))]
fn begin() -> Result<*mut ffi::PyThreadState, String> {
    // SAFETY: the main interpreter's state is current.
    let state = unsafe { ffi::Py_NewInterpreter() };
    match state.is_null() {
        true => Err("Py_NewInterpreter failed".into()),
        false => Ok(state),
    }
}

/// Ends an interpreter that no thread has entered. Keeps it if its start has left other threads in it.
fn end(state: *mut ffi::PyThreadState) {
    // SAFETY: the state is current.
    let interpreter = unsafe { ffi::PyThreadState_GetInterpreter(state) };
    // SAFETY: a live interpreter, with the GIL.
    let first = unsafe { ffi::PyInterpreterState_ThreadHead(interpreter) };
    // SAFETY: as above; the interpreter has at least the current state.
    let second = unsafe { ffi::PyThreadState_Next(first) };
    if first == state && second.is_null() {
        // SAFETY: the current state, and the only one of its interpreter.
        unsafe { ffi::Py_EndInterpreter(state) };
    }
}
