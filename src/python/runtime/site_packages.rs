//! The packages of an interpreter: those of its `PythonHome`, or of the process's installation.
//!
//! CPython reads the settings of one virtual environment in a process. Where the configuration has any, interpreters
//! start without `site`, and it is imported here, once each interpreter knows its own environment: `site` then adds the
//! environment's packages, runs its `.pth` files, and adds the system's packages only if `pyvenv.cfg` says so.
#![expect(unsafe_code, reason = "a field of sys.flags")]

use std::path::Path;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::engine::python_home::{HomeKind, PythonHome};

/// Imports `site` in an interpreter that has started without it. Called with the GIL, before any other Python code.
///
/// # Errors
/// What `site`, or code of `.pth` files that it does not catch, raises.
pub(super) fn start(py: Python<'_>, home: Option<&PythonHome>) -> PyResult<()> {
    let sys = py.import("sys")?;
    if let Some(home) = home.filter(|home| is_environment(home)) {
        // `site` finds the environment by the path of its program, as it does where that runs.
        sys.setattr("executable", format!("{}/bin/python", home.folder))?;
        if cfg!(Py_3_14) {
            // From this version on CPython sets them before it imports `site`, and `site` only checks them.
            sys.setattr("prefix", &home.folder)?;
            sys.setattr("exec_prefix", &home.folder)?;
        }
    }
    has_site(&sys.getattr("flags")?)?;
    py.import("site").map(drop)
}

/// Whether it is a virtual environment, for this child.
pub(super) fn is_environment(home: &PythonHome) -> bool {
    home.kind(Path::new("/")) == HomeKind::Environment
}

/// Clears `sys.flags.no_site`: processes that `multiprocessing` starts get the flags of this one, and need `site`.
fn has_site(flags: &Bound<'_, PyAny>) -> PyResult<()> {
    let names = flags.get_type().getattr("__match_args__")?;
    let index = names.call_method1("index", ("no_site",))?.extract()?;
    let no = 0i32.into_pyobject(flags.py())?;
    // SAFETY: a struct sequence that has a field of this index, and a reference that it takes.
    unsafe { ffi::PyStructSequence_SetItem(flags.as_ptr(), index, no.into_ptr()) };
    Ok(())
}
