//! The classes and exceptions of one interpreter.

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::class::Class;

/// The classes and exceptions of one interpreter.
pub struct Types {
    classes: Vec<Py<PyType>>,
    /// `apache.SERVER_RETURN`.
    pub server_return: Py<PyType>,
    /// `apache.BodyTooLarge`.
    pub body_too_large: Py<PyType>,
    /// `apache.FilterLimit`.
    pub filter_limit: Py<PyType>,
    /// `apache.FilterTimeout`.
    pub filter_timeout: Py<PyType>,
    /// `apache.ShuttingDown`.
    pub shutting_down: Py<PyType>,
}

impl Types {
    /// Makes them in the interpreter that is current now.
    pub fn make(py: Python<'_>) -> PyResult<Self> {
        let base = py
            .import("builtins")?
            .getattr("Exception")?
            .cast_into::<PyType>()?;
        let above = py
            .import("builtins")?
            .getattr("BaseException")?
            .cast_into::<PyType>()?;
        let exception = |name, doc| PyErr::new_type(py, name, Some(doc), Some(&base), None);
        Ok(Self {
            classes: crate::python::builtin::module::classes(py)?,
            server_return: exception(
                c"mod_python.apache.SERVER_RETURN",
                c"Ends a handler with a result: SERVER_RETURN(result[, status]).",
            )?,
            body_too_large: exception(
                c"mod_python.apache.BodyTooLarge",
                c"A body is larger than the limit that its reader gave.",
            )?,
            filter_limit: exception(
                c"mod_python.apache.FilterLimit",
                c"A filter asks for the original body, of which more was read than is held.",
            )?,
            // No `except Exception` of a filter takes it for an error of its own.
            filter_timeout: PyErr::new_type(
                py,
                c"mod_python.apache.FilterTimeout",
                Some(c"A step of a filter has taken longer than its time= allows."),
                Some(&above),
                None,
            )?,
            shutting_down: exception(
                c"mod_python.apache.ShuttingDown",
                c"The server stops or restarts, and the time for what was begun is over.",
            )?,
        })
    }

    /// A class's type.
    pub fn of<T: Class>(&self) -> &Py<PyType> {
        &self.classes[T::ID]
    }
}
