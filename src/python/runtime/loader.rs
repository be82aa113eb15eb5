//! Finds what a directive names: search paths, modules, and objects in them.
//!
//! Where a module is looked for depends upon the section that names it, so modules are kept by scope and name.
//! `mod_python._folders` imports them under CPython's import locks: one thread runs a module while others wait for it,
//! and only complete modules are kept here.
//!
//! All functions are called with the GIL. The loader's own lock is short: no Python code runs under it.

use std::borrow::Cow;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use super::known_names::KnownNames;
use super::traceback::{name_searched_folders, without_import_frames};
use super::{context, package};
use crate::engine::handlers::{Handler, Home};
use crate::engine::name_hash::NameMap;
use crate::engine::phase_table::ROWS;
use crate::engine::phases::Phase;
use crate::engine::python_path::WrittenPath;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::locks::{Guard, Lock};

/// Where a module is looked for, besides the directory of its handler's section.
#[derive(Clone, Copy)]
pub struct SearchPath<'a> {
    /// `PythonPath`.
    pub path: Option<&'a WrittenPath>,
    /// The request: its file says which directory a section with a pattern means.
    pub r: Option<&'a Request>,
}

/// Where a module's name is looked up.
enum ImportScope<'a> {
    /// Nowhere: the name is the path of a file.
    File,
    /// In the folder of a section, then on `sys.path`.
    Folder(Cow<'a, str>),
    /// On a `PythonPath`, then on `sys.path`.
    Path(&'a WrittenPath),
    /// On `sys.path`, as it was when the interpreter started.
    Start,
}

impl ImportScope<'_> {
    fn of<'a>(handler: &'a Handler, search: SearchPath<'a>) -> ImportScope<'a> {
        if handler.module.starts_with('/') {
            return ImportScope::File;
        }
        match (search.path, &handler.home) {
            (Some(path), _) => ImportScope::Path(path),
            (None, Home::Directory(directory)) => ImportScope::Folder(Cow::Borrowed(directory)),
            (None, Home::Pattern { pattern, is_regex }) => search
                .r
                .and_then(|r| r.directory_by(pattern, *is_regex))
                .map_or(ImportScope::Start, |directory| {
                    ImportScope::Folder(Cow::Owned(directory))
                }),
            (None, Home::Location(_) | Home::None) => ImportScope::Start,
        }
    }

    /// The key under which this scope's modules are kept. No two scopes share one: folders begin with a slash, and no
    /// Python expression does.
    fn key(&self) -> &str {
        match self {
            Self::File => "file",
            Self::Folder(directory) if directory.is_empty() => "/",
            Self::Folder(directory) => directory,
            Self::Path(path) => &path.expression,
            Self::Start => "",
        }
    }
}

/// What one interpreter has loaded for handlers.
pub struct Loader {
    inner: Lock<LoaderState>,
    names: KnownNames,
    /// `sys.path` as it was when the interpreter started.
    initial_path: Py<PyList>,
    sys: Py<PyModule>,
}

/// Modules by the key of their scope and by name; or objects with which they have replaced themselves in `sys.modules`.
type Modules = NameMap<NameMap<Py<PyAny>>>;

struct LoaderState {
    /// The modules that are complete.
    modules: Modules,
    /// Those of them that `PythonHandlerModule` names.
    handler_modules: Modules,
    /// `PythonPath` expressions, evaluated once each.
    paths: NameMap<Py<PyList>>,
    /// The expression whose value is `sys.path` now.
    current: Option<String>,
}

impl Loader {
    /// The loader of the interpreter that is current now.
    ///
    /// # Errors
    /// What looking at `sys.path` raises.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let sys = py.import("sys")?;
        let path = sys.getattr("path")?.cast_into::<PyList>()?;
        package::prepare_path(&path)?;
        Ok(Self {
            inner: Lock::short(LoaderState {
                modules: NameMap::default(),
                handler_modules: NameMap::default(),
                paths: NameMap::default(),
                current: None,
            }),
            names: KnownNames::default(),
            initial_path: copy(&path)?.unbind(),
            sys: sys.unbind(),
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
        // The module is complete, so what is missing now stays missing.
        if handler.is_silent && !self.module(py, handler, search)?.hasattr(default_object)? {
            return Ok(None);
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
        let module = self.module(py, handler, search)?;
        let name = handler.object.as_deref().unwrap_or(default_object);
        resolve(&module, name, argument, &self.names)
    }

    /// The module of a handler.
    ///
    /// # Errors
    /// Whatever importing raises.
    pub fn module<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        search: SearchPath<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let scope = ImportScope::of(handler, search);
        let known = {
            let mut inner = self.inner();
            let of_scope = inner.modules(handler).get(scope.key());
            of_scope
                .and_then(|modules| modules.get(&handler.module))
                .map(|module| module.clone_ref(py))
        };
        if let Some(module) = known {
            return Ok(module.into_bound(py));
        }
        let module = self.import(py, &handler.module, &scope).map_err(|error| {
            let path = self.searched(py, &scope);
            name_searched_folders(py, &error, path);
            without_import_frames(py, error)
        })?;
        let is_first = {
            let mut inner = self.inner();
            let of_scope = inner.modules(handler).entry(scope.key().to_owned());
            let name = handler.module.clone();
            let before = of_scope.or_default().insert(name, module.clone().unbind());
            before.is_none()
        };
        if is_first && handler.is_silent {
            warn_of_no_functions(handler, &module)?;
        }
        Ok(module)
    }

    /// Imports a module. If another thread is importing it, waits for that thread, without the GIL.
    fn import<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        scope: &ImportScope<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let folders = py.import("mod_python._folders")?;
        let path = match scope {
            ImportScope::File => return folders.call_method1("import_file", (name,)),
            ImportScope::Path(path) => self.set_path(py, path)?,
            ImportScope::Folder(directory) => {
                let module = folders.call_method1("import_beside", (&**directory, name))?;
                if !module.is_none() {
                    return Ok(module);
                }
                self.initial_path.bind(py).clone()
            }
            ImportScope::Start => self.initial_path.bind(py).clone(),
        };
        folders.call_method1("import_named", (name, path))
    }

    /// The folders in which a module of this scope was looked for before those of `sys.path`.
    fn searched(&self, py: Python<'_>, scope: &ImportScope<'_>) -> Vec<String> {
        match scope {
            ImportScope::File | ImportScope::Start => Vec::new(),
            ImportScope::Folder(directory) => vec![directory.clone().into_owned()],
            ImportScope::Path(path) => {
                let inner = self.inner();
                let list = inner
                    .paths
                    .get(&path.expression)
                    .map(|list| list.clone_ref(py));
                drop(inner);
                list.and_then(|list| list.extract(py).ok())
                    .unwrap_or_default()
            }
        }
    }

    /// Sets `sys.path` for code outside of modules, as in SSI pages.
    ///
    /// # Errors
    /// What the expression of `PythonPath` raises.
    pub fn use_path(&self, py: Python<'_>, search: SearchPath<'_>) -> PyResult<()> {
        let set = |path| self.set_path(py, path).map(drop);
        search.path.map_or(Ok(()), set)
    }

    /// Puts the entries of a `PythonPath` at the front of `sys.path`, and returns them. The other entries stay behind
    /// them: handlers of other sections may be importing at this moment or later, and may have added entries.
    fn set_path<'py>(&self, py: Python<'py>, path: &WrittenPath) -> PyResult<Bound<'py, PyList>> {
        let expression = &path.expression;
        let known = {
            let inner = self.inner();
            inner.paths.get(expression).map(|list| list.clone_ref(py))
        };
        let list = match known {
            Some(list) => list.into_bound(py),
            None => {
                let list = self.evaluate(py, path)?;
                // If another thread was first, its list counts.
                let mut inner = self.inner();
                let first = inner.paths.entry(expression.clone());
                let first = first.or_insert_with(|| list.clone().unbind());
                first.bind(py).clone()
            }
        };
        if self.inner().current.as_ref() == Some(expression) {
            return Ok(list);
        }
        let path = self.sys.bind(py).getattr("path")?.cast_into::<PyList>()?;
        let first = copy(&list)?;
        for entry in path.iter() {
            if !list.contains(&entry)? {
                first.append(entry)?;
            }
        }
        path.set_slice(0, path.len(), first.as_any())?;
        self.inner().current = Some(expression.clone());
        Ok(list)
    }

    /// The value of a `PythonPath`, whose expression can use `os`, `time` and a copy of `sys`, whose `path` is that of
    /// the interpreter's start, without the paths of other sections.
    ///
    /// # Errors
    /// What the expression raises, and `TypeError` if its value is no list; with a note that names the directive.
    fn evaluate<'py>(&self, py: Python<'py>, path: &WrittenPath) -> PyResult<Bound<'py, PyList>> {
        let sys = py.import("types")?.getattr("SimpleNamespace")?.call0()?;
        let known = sys.getattr("__dict__")?;
        known.call_method1("update", (self.sys.bind(py).dict(),))?;
        sys.setattr("path", copy(self.initial_path.bind(py))?)?;
        let names = PyDict::new(py);
        names.set_item("sys", sys)?;
        for name in ["os", "time"] {
            names.set_item(name, py.import(name)?)?;
        }
        let eval = py.import("builtins")?.getattr("eval")?;
        let value = eval.call1((&path.expression, names));
        let list = value.and_then(|value| Ok(value.cast_into()?));
        list.inspect_err(|error| {
            let note = format!("this is {}, which must give a list", path.text());
            // The exception must do without the note, should it fail.
            let _ = error.value(py).call_method1("add_note", (note,));
        })
    }
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

/// The file of a module; the module's `repr` if it has none.
fn file_of(module: &Bound<'_, PyAny>) -> String {
    let file = module.getattr("__file__").map(|file| file.to_string());
    file.unwrap_or_else(|_| module.to_string())
}

fn copy<'py>(list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(list.py(), list.iter())
}

/// Looks a dotted name up. A class before a dot is called with `argument`, and the next name is looked up in the
/// instance.
///
/// # Errors
/// `AttributeError` for a name that is missing; `TypeError` for a class whose instances cannot be called.
fn resolve<'py>(
    module: &Bound<'py, PyAny>,
    dotted: &str,
    argument: &Bound<'py, PyAny>,
    names: &KnownNames,
) -> PyResult<Bound<'py, PyAny>> {
    let mut object = module.clone();
    for name in dotted.split('.') {
        if object.is_instance_of::<PyType>() {
            object = object.call1((argument,))?;
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
