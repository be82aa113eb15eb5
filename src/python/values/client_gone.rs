//! The exceptions for what cannot be sent because the client is gone.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// `OSError` for `write()`, in mod_python 3's words.
pub fn write_failed() -> PyErr {
    PyOSError::new_err("Write failed, client closed connection.")
}

/// `OSError` for `flush()`, in mod_python 3's words.
pub fn flush_failed() -> PyErr {
    PyOSError::new_err("Flush failed, client closed connection.")
}
