//! The tables that `get_options()` and `get_config()` return. They are copies.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;

use super::own_table::OwnTable;
use super::table::TableObject;
use crate::engine::settings::Settings;
use crate::engine::text_table::{TextEntry, TextTable};
use crate::httpd::Server;
use crate::locks::Lock;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;

/// The options (`PythonOption`) of a section, as a new table, which shares them with others until it is changed.
pub fn options<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    settings: &Settings,
) -> Answer<'py> {
    class::make(py, interpreter, TableObject::Own(own_options(settings)))
}

fn own_options(settings: &Settings) -> OwnTable {
    OwnTable::new(settings.options.table())
}

thread_local! {
    /// While the child starts, on its first thread: the tables of servers' options that Python code may write, each
    /// with its server and its interpreter.
    static WRITABLE: RefCell<Option<Vec<Writable>>> = const { RefCell::new(None) };
}

type Writable = (&'static Server, &'static Interpreter, Py<PyAny>);

/// The options of servers that code of `PythonImport` has asked for, and perhaps written.
static WRITTEN: Lock<Vec<(usize, OwnTable)>> = Lock::short(Vec::new());

/// Runs `imports`, the code of `PythonImport`, which may write the options of servers. Called in `child_init`, on the
/// child's first thread, without the GIL.
pub fn with_writable_options<R>(imports: impl FnOnce() -> R) -> R {
    WRITABLE.set(Some(Vec::new()));
    let result = imports();
    for (server, interpreter, table) in WRITABLE.take().unwrap_or_default() {
        interpreter.enter(About::Server(server), |py| {
            let table = table.into_bound(py);
            if let Some(table) = passed_on(&table, interpreter) {
                let mut written = WRITTEN.lock();
                written.retain(|(known, _)| *known != address(server));
                written.push((address(server), table));
            }
        });
    }
    result
}

/// A copy that takes the place of a table of a server's options.
fn passed_on(table: &Bound<'_, PyAny>, interpreter: &'static Interpreter) -> Option<OwnTable> {
    match class::body(table, interpreter) {
        Some(TableObject::Own(table)) => Some(table.pass_on()),
        _ => None,
    }
}

fn address(server: &Server) -> usize {
    std::ptr::from_ref(server).addr()
}

/// The options of a server. While the child starts, it is one table that code of `PythonImport` may write to pass data
/// on; afterwards a copy of it.
pub fn of_server<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    server: &'static Server,
) -> Answer<'py> {
    let known = WRITABLE.with_borrow(|writable| {
        let of_this = |(one, _, _): &&Writable| address(one) == address(server);
        let tables = writable.iter().flatten().filter(of_this);
        let mut tables = tables.map(|(_, of, table)| (*of, table.clone_ref(py)));
        tables.next_back()
    });
    let made = match known {
        Some((of, table)) if std::ptr::eq(of, interpreter) => return Ok(table.into_bound(py)),
        // What another interpreter has written is passed on.
        Some((of, table)) => passed_on(table.bind(py), of).unwrap_or_default(),
        None => {
            let written = WRITTEN.lock();
            let found = written.iter().find(|(known, _)| *known == address(server));
            match found {
                Some((_, table)) => table.copy(),
                None => own_options(server.settings()),
            }
        }
    };
    let made = class::make(py, interpreter, TableObject::Own(made))?;
    WRITABLE.with_borrow_mut(|writable| {
        if let Some(writable) = writable {
            writable.push((server, interpreter, made.clone().unbind()));
        }
    });
    Ok(made)
}

/// The directives of a section, without handlers and filters, as a new table; flags are '1' and '0'.
pub fn config<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    settings: &Settings,
) -> Answer<'py> {
    let mut table = TextTable::default();
    for (name, value) in settings.flags() {
        if let Some(value) = value {
            add(&mut table, name, if value { "1" } else { "0" });
        }
    }
    if !settings.imports.is_empty() {
        let imports = settings.imports.iter();
        let lines = imports.map(|one| one.text());
        add(
            &mut table,
            "PythonImport",
            &lines.collect::<Vec<_>>().join("\n"),
        );
    }
    let texts = [
        (
            "PythonPath",
            settings.path.as_ref().map(|path| &*path.expression),
        ),
        (
            "PythonHome",
            settings.home.as_ref().map(|home| &*home.folder),
        ),
        (
            "PythonAuthProvider",
            settings.auth_provider.as_ref().map(|one| one.text()),
        ),
        (
            "PythonInterpreter",
            settings.interpreter.as_ref().map(|rule| rule.text()),
        ),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            add(&mut table, name, value);
        }
    }
    let table = OwnTable::new(Arc::new(table));
    class::make(py, interpreter, TableObject::Own(table))
}

fn add(table: &mut TextTable, key: &str, value: &str) {
    // Lines of a configuration hold no NUL.
    table.push(TextEntry::new(key.as_bytes(), Some(value.as_bytes())));
}
