//! `PythonImport`: modules and functions that are imported or called when a child starts.

use std::collections::HashSet;
use std::sync::Arc;

use pyo3::prelude::*;

use super::context::About;
use super::forked;
use super::interpreter::Interpreter;
use super::search_path::SearchPath;
use super::traceback;
use crate::engine::interpreter_name::MAIN;
use crate::engine::settings::{Import, Settings};
use crate::httpd::Server;
use crate::httpd::log::Level;

/// Imports what the servers of the configuration ask for, in the order of its lines. Failures are logged and do not end
/// the child. Called in `child_init`, on the child's first thread, without the GIL.
///
/// With `only_main`, what is for other interpreters is left out, and a warning says so: the child forks processes that
/// go on with Python, where CPython allows no other interpreter.
pub fn run(main: &'static Server, only_main: bool) {
    let mut done: HashSet<*const Import> = HashSet::new();
    for server in main.and_following() {
        let settings = server.settings::<Settings>();
        for import in settings.imports.iter() {
            // The settings of a virtual host contain the lines of the main server, too.
            if done.insert(Arc::as_ptr(import)) {
                match only_main && import.interpreter != MAIN {
                    true => left_out(server, import),
                    false => one(server, import, settings),
                }
            }
        }
    }
}

fn left_out(server: &'static Server, import: &Import) {
    let (handler, name) = (&import.handler, &import.interpreter);
    let text = format!(
        "PythonImport {} ({}) is left out: with mpm-itk, only main_interpreter is there before a connection's process \
         is forked, and {name} is made in it: write PythonImport {} {MAIN}, and PythonInterpreter {MAIN} for the site",
        handler.text(),
        handler.source,
        handler.text()
    );
    About::Server(server).log(Level::Warning, &text);
}

fn one(server: &'static Server, import: &Import, settings: &Settings) {
    let handler = &import.handler;
    let name = format!("PythonImport {} ({})", handler.text(), handler.source);
    let about = About::Server(server);
    let interpreter = match Interpreter::named(&import.interpreter) {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            return reason.log(about, Level::Error, &name);
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
        if let Err(error) = forked::result(py, imported) {
            traceback::to_log(py, &format!("{name} failed"), &error);
        }
    });
}
