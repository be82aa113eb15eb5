//! The tables that `get_options()` and `get_config()` return. They are copies.

use std::ffi::CString;

use pyo3::prelude::*;

use super::table::TableObject;
use crate::engine::settings::Settings;
use crate::httpd::apr::table::OwnTable;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::runtime::interpreter::Interpreter;

/// The options (`PythonOption`) of a section, as a new table.
pub fn options<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    settings: &Settings,
) -> Answer<'py> {
    let table = OwnTable::new();
    for (key, value) in settings.options() {
        add(&table, key, value);
    }
    class::make(py, interpreter, TableObject::Own(table))
}

/// The directives of a section, without handlers and filters, as a new table; flags are '1' and '0'.
pub fn config<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    settings: &Settings,
) -> Answer<'py> {
    let table = OwnTable::new();
    for (name, value) in settings.flags() {
        if let Some(value) = value {
            add(&table, name, if value { "1" } else { "0" });
        }
    }
    if !settings.imports.is_empty() {
        let imports = settings.imports.iter();
        let lines = imports.map(|one| format!("{} {}", one.handler.text(), one.interpreter));
        add(
            &table,
            "PythonImport",
            &lines.collect::<Vec<_>>().join("\n"),
        );
    }
    let texts = [
        ("PythonPath", &settings.path),
        ("PythonInterpreter", &settings.interpreter),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            add(&table, name, value);
        }
    }
    class::make(py, interpreter, TableObject::Own(table))
}

fn add(table: &OwnTable, key: &str, value: &str) {
    // Lines of a configuration hold no NUL.
    if let (Ok(key), Ok(value)) = (CString::new(key), CString::new(value)) {
        table.add(&key, &value);
    }
}
