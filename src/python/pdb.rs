//! `PythonEnablePdb`: calls under Python's debugger.

use pyo3::prelude::*;

use super::runtime::forked;
use crate::engine::settings::Settings;
use crate::httpd::server::is_defined;

/// Calls a function with one argument; under pdb, on httpd's own terminal, where `PythonEnablePdb`
/// is On and httpd was started with `-DONE_PROCESS`.
///
/// # Errors
/// What the function raises; `bdb.BdbQuit` when the user quits the debugger.
pub fn call1<'py>(
    settings: &Settings,
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    if settings.enable_pdb != Some(true) || !is_defined(c"ONE_PROCESS") {
        return forked::result(py, function.call1((argument,)));
    }
    let sys = py.import("sys")?;
    let (input, output) = (sys.getattr("__stdin__")?, sys.getattr("__stdout__")?);
    // With `nosigint`, Ctrl-C still ends httpd.
    let arguments = ("tab", input, output, py.None(), true);
    let pdb = py.import("pdb")?.getattr("Pdb")?.call1(arguments)?;
    forked::result(py, pdb.call_method1("runcall", (function, argument)))
}
