//! `PythonImport` as a child starts, and the end of a child that lacks one that it needs.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::child::ITK;
use crate::httpd::server::shared_memory::Shared;
use crate::httpd::server::{config, process};
use crate::httpd::{Pool, Server, server};
use crate::python::runtime::python_import;
use crate::python::runtime::python_import::NotImported;
use crate::python::values::config_tables;

/// Whether a child of this configuration has started, for all children to see.
type HasStarted = Shared<AtomicBool>;

fn has_started(configuration: &Pool) -> &AtomicBool {
    let has_started: &HasStarted = config::generation(configuration, c"mod_python.has_started");
    has_started
}

/// Called before the children are forked, which share what this makes.
pub(super) fn prepare(configuration: &Pool) {
    has_started(configuration);
}

/// Runs the lines of `PythonImport`. Where one fails that says `required`, this child ends: httpd stops if it was just
/// started and no child has come up yet; else it goes on with the others, and starts at most one child a second.
pub(super) fn run(child: &Pool, main: &'static Server) {
    let only_main = process::has_module(ITK);
    let imports = || python_import::run(main, only_main);
    let has_started = has_started(main.configuration());
    match config_tables::with_writable_options(imports) {
        Ok(()) => has_started.store(true, Relaxed),
        Err(NotImported) => {
            let is_first = server::generation() == 0 && !has_started.load(Relaxed);
            process::refuse_start(child, is_first);
        }
    }
}
