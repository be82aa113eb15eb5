//! `PythonImport`: modules and functions that are imported or called when a child starts.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use pyo3::prelude::*;

use super::context::About;
use super::forked;
use super::interpreter::Interpreter;
use super::search_path::SearchPath;
use super::traceback;
use crate::engine::import::Import;
use crate::engine::interpreter_name::MAIN;
use crate::engine::settings::Settings;
use crate::httpd::Server;
use crate::httpd::log::Level;

/// A `PythonImport` that a child needs has failed.
pub struct NotImported;

/// Imports what the servers of the configuration ask for, in the order of its lines. Failures are logged, and do not
/// keep the child from its work. Called in `child_init`, on the child's first thread, without the GIL.
///
/// With `only_main`, what is for other interpreters is left out, and a warning says so: the child forks processes that
/// go on with Python, where CPython allows no other interpreter.
///
/// # Errors
/// A line that says `required` has failed; those behind it were not run.
pub fn run(main: &'static Server, only_main: bool) -> Result<(), NotImported> {
    for (server, import) in in_order(main) {
        let settings = server.settings::<Settings>();
        let name = match &import.interpreter {
            Some(name) => Cow::Borrowed(name.as_str()),
            None => Interpreter::name_for_server(settings, server),
        };
        if only_main && name != MAIN {
            left_out(server, import, &name);
        } else if !one(server, import, settings, &name) && import.is_required {
            let text = format!(
                "PythonImport {} ({}) says required, so this child does not start",
                import.text(),
                import.handler.source
            );
            About::Server(server).log(Level::Critical, &text);
            return Err(NotImported);
        }
    }
    Ok(())
}

/// The lines of all servers, each with the server that it stands in.
fn in_order(main: &'static Server) -> Vec<(&'static Server, &'static Import)> {
    let mut done: HashSet<*const Import> = HashSet::new();
    let mut lines = Vec::new();
    for server in main.and_following() {
        // The settings of a virtual host contain the lines of the main server, too, which comes first.
        for import in server.settings::<Settings>().imports.iter() {
            if done.insert(Arc::as_ptr(import)) {
                lines.push((server, &**import));
            }
        }
    }
    lines.sort_by_key(|(_, import)| import.number);
    lines
}

fn left_out(server: &'static Server, import: &Import, name: &str) {
    let handler = &import.handler;
    let text = format!(
        "PythonImport {} ({}) is left out: with mpm-itk, only main_interpreter is there before a connection's process \
         is forked, and {name} is made in it: write PythonImport {} {MAIN}, and PythonInterpreter {MAIN} for the site",
        handler.text(),
        handler.source,
        handler.text()
    );
    About::Server(server).log(Level::Warning, &text);
}

/// Runs one line. Returns whether it succeeded; if not, the log says why.
fn one(server: &'static Server, import: &Import, settings: &Settings, name: &str) -> bool {
    let handler = &import.handler;
    let line = format!("PythonImport {} ({})", handler.text(), handler.source);
    let about = About::Server(server);
    let interpreter = match &import.interpreter {
        Some(name) => Interpreter::named(name),
        None => Interpreter::with_home(name, settings.home.as_ref()),
    };
    let interpreter = match interpreter {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            reason.log(about, Level::Error, &line);
            return false;
        }
    };
    interpreter.enter(about, |py| {
        let search = SearchPath::of(settings, None);
        let loader = &interpreter.loader;
        let imported = match &handler.object {
            None => loader.module(py, handler, "", search).map(drop),
            Some(function) => {
                let nothing = py.None().into_bound(py);
                let found = loader.find(py, handler, function, search, &nothing);
                found.and_then(|function| function.call0()).map(drop)
            }
        };
        let imported = forked::result(py, imported);
        if let Err(error) = &imported {
            traceback::to_log(py, &format!("{line} failed"), error);
        }
        imported.is_ok()
    })
}
