//! The object that a dotted name means in a module.

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::known_names::KnownNames;

/// The file of a module; the module's `repr` if it has none.
pub(super) fn file_of(module: &Bound<'_, PyAny>) -> String {
    let file = module.getattr("__file__").map(|file| file.to_string());
    file.unwrap_or_else(|_| module.to_string())
}

/// Looks a dotted name up. A class before a dot is called with `argument`, and the next name is looked up in the
/// instance.
///
/// # Errors
/// `AttributeError` for a name that is missing; `TypeError` for a class whose instances cannot be called.
pub(super) fn resolve<'py>(
    module: &Bound<'py, PyAny>,
    dotted: &str,
    argument: &Bound<'py, PyAny>,
    names: &KnownNames,
) -> PyResult<Bound<'py, PyAny>> {
    let mut object = module.clone();
    for name in dotted.split('.') {
        if let Ok(class) = object.cast::<PyType>() {
            object = class.call1((argument,)).inspect_err(|error| {
                let class = class.name().map(|name| name.to_string());
                let class = class.unwrap_or_default();
                let note = format!("{dotted}: the class is called first, as {class}(req)");
                let _ = error.value(module.py()).call_method1("add_note", (note,));
            })?;
        }
        object = object
            .getattr(names.get(object.py(), name))
            .map_err(|error| {
                if !error.is_instance_of::<PyAttributeError>(module.py()) {
                    return error;
                }
                PyAttributeError::new_err(format!(
                    "module '{}' contains no '{dotted}'",
                    file_of(module)
                ))
            })?;
    }
    let Ok(class) = object.cast::<PyType>() else {
        return Ok(object);
    };
    // A class as the last name stands for an instance that can be called.
    let is_callable = class.mro().iter().any(|base| {
        let names = base.getattr("__dict__");
        names
            .and_then(|names| names.contains("__call__"))
            .unwrap_or(false)
    });
    if is_callable {
        return object.call1((argument,));
    }
    let name = class.name()?;
    Err(PyTypeError::new_err(format!(
        "'{dotted}' is a class whose objects cannot be called: name one of its methods, as in \
         {name}.handler, or give it a method __call__(self, req)"
    )))
}
