//! Finds what a directive names: search paths, modules, and objects in them.
//!
//! Where a module is looked for depends upon the section that names it, so modules are kept by scope and name.
//! `mod_python._folders` imports them under CPython's import locks: one thread runs a module while others wait for it,
//! and only complete modules are kept here.
//!
//! All functions are called with the GIL. The loader's own lock is short: no Python code runs under it.

use std::sync::Arc;

use pyo3::prelude::*;

use super::context;
use super::dotted_name::{file_of, resolve};
use super::known_names::KnownNames;
use super::python_paths::PythonPaths;
use super::search_path::{ImportScope, SearchPath};
use super::source_changes::{self, SourceChanges};
use super::traceback::{name_searched_folders, to_log, without_our_frames};
use crate::engine::handlers::Handler;
use crate::engine::name_hash::NameMap;
use crate::engine::phase_table::ROWS;
use crate::engine::phases::Phase;
use crate::filter_chain::Direction;
use crate::httpd::log::Level;
use crate::locks::{Guard, Lock};

/// What one interpreter has loaded for handlers.
pub struct Loader {
    inner: Lock<LoaderState>,
    names: KnownNames,
    /// The search paths.
    pub paths: PythonPaths,
    /// What is known of changed files.
    pub changes: SourceChanges,
}

/// A module of handlers; or the object with which it has replaced itself in `sys.modules`.
struct KeptModule {
    /// Its name in `sys.modules`.
    name: Arc<str>,
    module: Py<PyAny>,
    /// The number of changes when it was looked at: it is the newest version while there are no more.
    changes: u64,
}

impl KeptModule {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            name: self.name.clone(),
            module: self.module.clone_ref(py),
            changes: self.changes,
        }
    }
}

/// Modules by the key of their scope and by name.
type Modules = NameMap<NameMap<KeptModule>>;

#[derive(Default)]
struct LoaderState {
    /// The modules that are complete.
    modules: Modules,
    /// Those of them that `PythonHandlerModule` names.
    handler_modules: Modules,
}

impl Loader {
    /// The loader of the interpreter that is current now.
    ///
    /// # Errors
    /// What looking at `sys.path` raises.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            inner: Lock::default(),
            names: KnownNames::default(),
            paths: PythonPaths::new(py)?,
            changes: SourceChanges::default(),
        })
    }

    /// The short lock: no Python code runs under it, as that may let go of the GIL while others wait here.
    fn inner(&self) -> Guard<'_, LoaderState> {
        self.inner.lock()
    }

    /// As `find`; `None` if the object is missing in a module of `PythonHandlerModule`, which need not have it.
    ///
    /// # Errors
    /// Whatever importing raises; `AttributeError` when another handler's object is missing.
    pub fn find_any<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        default_object: &str,
        search: SearchPath<'_>,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let search = search.for_function(handler, default_object);
        // The module is complete, so what is missing now stays missing in this version.
        if handler.is_silent {
            let module = self.module(py, handler, default_object, search)?;
            if !module.hasattr(default_object)? {
                return Ok(None);
            }
        }
        self.find(py, handler, default_object, search, argument)
            .map(Some)
    }

    /// The object that a handler names, ready to be called with `argument`.
    ///
    /// # Errors
    /// Whatever importing raises; `AttributeError` when the object is missing.
    pub fn find<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        default_object: &str,
        search: SearchPath<'_>,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = handler.object.as_deref().unwrap_or(default_object);
        let module = self.module(py, handler, name, search)?;
        resolve(&module, name, argument, &self.names)
    }

    /// The module of a handler, in which the caller looks for the object `wanted`.
    ///
    /// # Errors
    /// Whatever importing raises.
    pub fn module<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        wanted: &str,
        search: SearchPath<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let scope = ImportScope::of(handler, search);
        let changes = self.changes(py, search);
        let kept = self.kept(py, handler, &scope);
        match kept {
            Some(kept) if kept.changes == changes || !search.reloads => {
                Ok(kept.module.into_bound(py))
            }
            Some(kept) => {
                let kept = KeptModule { changes, ..kept };
                self.newest(py, handler, wanted, search, scope.key(), kept)
            }
            None => self.first(py, handler, wanted, search, &scope, changes),
        }
    }

    /// The module of a handler, if it was imported before and no file has changed since.
    pub fn known<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        search: SearchPath<'_>,
    ) -> Option<Bound<'py, PyAny>> {
        let changes = self.changes(py, search);
        let kept = self.kept(py, handler, &ImportScope::of(handler, search))?;
        let is_newest = kept.changes == changes || !search.reloads;
        let module = kept.module.into_bound(py);
        is_newest.then_some(module)
    }

    /// An object of the module of a handler, as `known`.
    ///
    /// # Errors
    /// `AttributeError` when it is missing; what a module's own `__getattr__` raises.
    pub fn known_object<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        name: &str,
        search: SearchPath<'_>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.known(py, handler, search) {
            Some(module) => module.getattr(self.names.get(py, name)).map(Some),
            None => Ok(None),
        }
    }

    /// The number of changes of files, where they are looked for.
    fn changes(&self, py: Python<'_>, search: SearchPath<'_>) -> u64 {
        match search.reloads {
            true => self.changes.known(py),
            false => 0,
        }
    }

    /// The module of a handler that is kept.
    fn kept(
        &self,
        py: Python<'_>,
        handler: &Handler,
        scope: &ImportScope<'_>,
    ) -> Option<KeptModule> {
        let mut inner = self.inner();
        let of_scope = inner.modules(handler).get(scope.key())?;
        Some(of_scope.get(&handler.module)?.clone_ref(py))
    }

    /// The module of a handler that is needed for the first time.
    fn first<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        wanted: &str,
        search: SearchPath<'_>,
        scope: &ImportScope<'_>,
        changes: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let here = py.import("mod_python._sources")?.getattr("here")?;
        here.setattr("is_guard", search.is_guard)?;
        let imported = self.import(py, &handler.module, scope);
        here.setattr("is_guard", false)?;
        let (name, module) = imported.map_err(|error| {
            let path = match scope {
                ImportScope::File | ImportScope::Start => Vec::new(),
                ImportScope::Folder(directory) => vec![directory.clone().into_owned()],
                ImportScope::Path(path) => self.paths.folders(py, path),
            };
            name_searched_folders(
                py,
                &error,
                path,
                scope.unsearched(handler, search).as_deref(),
            );
            without_our_frames(py, error)
        })?;
        // It may have imported modules that others have used before, and whose files have changed since.
        let is_new = !search.reloads || !source_changes::have_changed(py).unwrap_or(true);
        let kept = KeptModule {
            name: name.into(),
            module: module.clone().unbind(),
            changes: if is_new { changes } else { 0 },
        };
        let again = KeptModule {
            changes,
            ..kept.clone_ref(py)
        };
        if self.keep(handler, scope.key(), kept) && handler.is_silent {
            warn_of_no_functions(handler, &module)?;
        }
        match is_new {
            true => Ok(module),
            false => self.newest(py, handler, wanted, search, scope.key(), again),
        }
    }

    /// Keeps a module; returns whether there was none of this name.
    fn keep(&self, handler: &Handler, scope: &str, kept: KeptModule) -> bool {
        let mut inner = self.inner();
        let of_scope = inner.modules(handler).entry(scope.to_owned());
        let before = of_scope.or_default().insert(handler.module.clone(), kept);
        drop(inner);
        // The reference to the module before goes without the lock: it may be the last one.
        before.is_none()
    }

    /// The newest version of a module that can be used. Files have changed since it was looked at last.
    fn newest<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        wanted: &str,
        search: SearchPath<'_>,
        scope: &str,
        kept: KeptModule,
    ) -> PyResult<Bound<'py, PyAny>> {
        let before = kept.module.bind(py).clone();
        let arguments = (&*kept.name, &before, objects(wanted), kept.changes);
        let newest = py
            .import("mod_python._reload")
            .and_then(|reload| reload.call_method1("newest", arguments))
            .and_then(|newest| {
                newest.extract::<(Bound<'py, PyAny>, bool, Bound<'py, PyAny>, bool)>()
            });
        let (module, is_settled, error, is_news) = match newest {
            Ok(newest) => newest,
            Err(error) => {
                to_log(py, &format!("{}: no newer version", handler.text()), &error);
                return Ok(before);
            }
        };
        if is_settled {
            let module = module.clone().unbind();
            self.keep(handler, scope, KeptModule { module, ..kept });
        }
        if error.is_none() {
            return Ok(module);
        }
        let error = PyErr::from_value(error);
        if search.shows_failures {
            return Err(error);
        }
        if is_news {
            let text = format!(
                "{} ({}): its changed version cannot be used, and the one before it goes on to be used",
                handler.text(),
                handler.source
            );
            to_log(py, &text, &error);
        }
        Ok(module)
    }

    /// Imports a module; returns its name in `sys.modules`, and the module. If another thread is importing it, waits
    /// for that thread, without the GIL.
    fn import<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        scope: &ImportScope<'_>,
    ) -> PyResult<(String, Bound<'py, PyAny>)> {
        let folders = py.import("mod_python._folders")?;
        let path = match scope {
            ImportScope::File => {
                return folders.call_method1("import_file", (name,))?.extract();
            }
            ImportScope::Path(path) => self.paths.set_path(py, path)?,
            ImportScope::Folder(directory) => {
                let found = folders.call_method1("import_beside", (&**directory, name))?;
                if !found.is_none() {
                    return found.extract();
                }
                self.paths.initial.bind(py).clone()
            }
            ImportScope::Start => self.paths.initial.bind(py).clone(),
        };
        folders
            .call_method1("import_named", (name, path))?
            .extract()
    }
}

/// The objects that a new version of a module must have if the one before it had them: without them, it is no whole
/// version. `wanted`: the one that is looked for now.
fn objects(wanted: &str) -> Vec<&str> {
    let first = wanted.split('.').next().unwrap_or(wanted);
    let phases = ROWS.iter().map(|row| row.default_object);
    let filters = [Direction::Input, Direction::Output].map(Direction::default_object);
    phases.chain(filters).chain([first]).collect()
}

impl LoaderState {
    fn modules(&mut self, handler: &Handler) -> &mut Modules {
        match handler.is_silent {
            true => &mut self.handler_modules,
            false => &mut self.modules,
        }
    }
}

/// Logs a warning if a module of `PythonHandlerModule` has a function for none of the phases.
fn warn_of_no_functions(handler: &Handler, module: &Bound<'_, PyAny>) -> PyResult<()> {
    let phases = ROWS.iter().filter(|row| row.phase != Phase::Connection);
    let names: Vec<_> = phases.map(|row| row.default_object).collect();
    for name in &names {
        if module.hasattr(*name)? {
            return Ok(());
        }
    }
    let text = format!(
        "PythonHandlerModule {} ({}) does nothing: {} has none of the functions that are looked for, which are {}",
        handler.module,
        handler.source,
        file_of(module),
        names.join(", ")
    );
    context::log_line(Level::Warning, text.as_bytes());
    Ok(())
}
