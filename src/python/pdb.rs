//! `PythonEnablePdb`: calls under Python's debugger.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::runtime::forked;
use crate::engine::settings::Settings;
use crate::httpd::server::is_defined;

/// Calls a function with one argument, as [`call`].
///
/// # Errors
/// As of [`call`].
pub fn call1<'py>(
    settings: &Settings,
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    if is_debugged(settings) {
        return debug(function, &PyTuple::new(py, [argument])?);
    }
    forked::result(py, function.call1((argument,)))
}

/// Calls a function; under pdb, on httpd's own terminal, where `PythonEnablePdb` is On and httpd was started with
/// `-DONE_PROCESS`.
///
/// # Errors
/// What the function raises; `bdb.BdbQuit` when the user quits the debugger.
pub fn call<'py>(
    settings: &Settings,
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    if is_debugged(settings) {
        return debug(function, arguments);
    }
    forked::result(function.py(), function.call1(arguments))
}

fn is_debugged(settings: &Settings) -> bool {
    settings.enable_pdb == Some(true) && is_defined(c"ONE_PROCESS")
}

fn debug<'py>(
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let sys = py.import("sys")?;
    let (input, output) = (sys.getattr("__stdin__")?, sys.getattr("__stdout__")?);
    // With `nosigint`, Ctrl-C still ends httpd.
    let setup = ("tab", input, output, py.None(), true);
    let run = (py.import("pdb")?.getattr("Pdb")?.call1(setup)?).getattr("runcall")?;
    let all = std::iter::once(function.clone()).chain(arguments.iter());
    forked::result(py, run.call1(PyTuple::new(py, all.collect::<Vec<_>>())?))
}
