//! Finds what a directive names: search paths, modules, objects in them.
//!
//! Where a module is looked for depends upon the section that names it, so modules are kept by scope
//! and name. `mod_python._folders` imports them under CPython's own locks: one thread runs a module,
//! the others wait, and only what is complete comes here.

use std::borrow::Cow;
use std::collections::HashMap;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use super::context;
use crate::engine::handlers::{Handler, Home};
use crate::engine::phase_table::ROWS;
use crate::engine::phases::Phase;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::locks::{Guard, Lock};

/// Where a module is looked for, besides the directory of its handler's section.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// `PythonPath`.
    pub path: Option<&'a str>,
    /// The request, whose file tells the directory where the section has a pattern.
    pub r: Option<&'a Request>,
}

/// Where the name of a module has its meaning.
enum ImportScope<'a> {
    /// Everywhere: it is the path of a file.
    File,
    /// In the folder of a section, and else on `sys.path`.
    Folder(Cow<'a, str>),
    /// On a `PythonPath`, and else on `sys.path`.
    Path(&'a str),
    /// On `sys.path`, as it was when the interpreter started.
    Start,
}

impl ImportScope<'_> {
    fn of<'a>(handler: &'a Handler, search: Search<'a>) -> ImportScope<'a> {
        if handler.module.starts_with('/') {
            return ImportScope::File;
        }
        match (search.path, &handler.home) {
            (Some(expression), _) => ImportScope::Path(expression),
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

    /// The key under which its modules are kept. No two places have one in common: folders begin with
    /// a slash or are the root, which no Python expression does.
    fn key(&self) -> &str {
        match self {
            Self::File => "file",
            Self::Folder(directory) if directory.is_empty() => "/",
            Self::Folder(directory) => directory,
            Self::Path(expression) => expression,
            Self::Start => "",
        }
    }
}

/// What one interpreter has loaded for handlers.
pub struct Loader {
    inner: Lock<Inner>,
    /// `sys.path` as it was when the interpreter started.
    initial_path: Py<PyList>,
    sys: Py<PyModule>,
}

/// Modules, or the objects that these have put in their places in `sys.modules`, by the key of a scope and by name.
type Modules = HashMap<String, HashMap<String, Py<PyAny>>>;

struct Inner {
    /// The modules that are complete.
    modules: Modules,
    /// Those of them that `PythonHandlerModule` names.
    handler_modules: Modules,
    /// `PythonPath` expressions, evaluated once each.
    paths: HashMap<String, Py<PyList>>,
    /// The expression whose value is `sys.path` now.
    current: Option<String>,
}

impl Loader {
    /// For the interpreter that is current now.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let sys = py.import("sys")?;
        let path = sys.getattr("path")?.cast_into::<PyList>()?;
        if !path.contains(env!("MOD_PYTHON_PACKAGE"))? {
            // An installed package goes before the tree that the module was built in.
            path.append(env!("MOD_PYTHON_PACKAGE"))?;
        }
        Ok(Self {
            inner: Lock::short(Inner {
                modules: HashMap::new(),
                handler_modules: HashMap::new(),
                paths: HashMap::new(),
                current: None,
            }),
            initial_path: copy(&path)?.unbind(),
            sys: sys.unbind(),
        })
    }

    /// Never held while Python code runs: that could need the GIL of a thread that waits here.
    fn inner(&self) -> Guard<'_, Inner> {
        self.inner.lock()
    }

    /// As `find`; None when a handler that need not have the object has it not.
    pub fn find_any<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        default_object: &str,
        search: Search<'_>,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        // The module is complete: what it lacks now, it does not have.
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
        search: Search<'_>,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let module = self.module(py, handler, search)?;
        let name = handler.object.as_deref().unwrap_or(default_object);
        resolve(&module, name, argument)
    }

    /// The module of a handler.
    ///
    /// # Errors
    /// Whatever importing raises.
    pub fn module<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        search: Search<'_>,
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
        let module = self
            .import(py, &handler.module, &scope)
            .map_err(|error| without_import_frames(py, error))?;
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

    /// Imports a module, and waits for another thread that does.
    fn import<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        scope: &ImportScope<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let folders = py.import("mod_python._folders")?;
        let path = match scope {
            ImportScope::File => return folders.call_method1("import_file", (name,)),
            ImportScope::Path(expression) => self.set_path(py, expression)?,
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

    /// Sets `sys.path` for code that stands in no module.
    ///
    /// # Errors
    /// What the expression of `PythonPath` raises.
    pub fn use_path(&self, py: Python<'_>, search: Search<'_>) -> PyResult<()> {
        match search.path {
            Some(expression) => self.set_path(py, expression).map(drop),
            None => Ok(()),
        }
    }

    /// Has `sys.path` begin with what a `PythonPath` says, which is the answer. What else is there
    /// stays, behind it: handlers of other sections may be importing right now, or later in their
    /// functions, and may have added to it themselves.
    fn set_path<'py>(&self, py: Python<'py>, expression: &str) -> PyResult<Bound<'py, PyList>> {
        let known = {
            let inner = self.inner();
            inner.paths.get(expression).map(|list| list.clone_ref(py))
        };
        let list = match known {
            Some(list) => list.into_bound(py),
            None => {
                let list = self.evaluate(py, expression)?;
                // Another thread may have been first: all go by one list.
                let mut inner = self.inner();
                let first = inner.paths.entry(expression.to_owned());
                let first = first.or_insert_with(|| list.clone().unbind());
                first.bind(py).clone()
            }
        };
        if self.inner().current.as_deref() == Some(expression) {
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
        self.inner().current = Some(expression.to_owned());
        Ok(list)
    }

    /// The value of a `PythonPath` expression. It sees `os`, `time` and a copy of `sys`, whose `path`
    /// is that of the interpreter's start, whatever other sections say.
    fn evaluate<'py>(&self, py: Python<'py>, expression: &str) -> PyResult<Bound<'py, PyList>> {
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
        let value = eval.call1((expression, names))?;
        value.cast_into::<PyList>().map_err(|error| {
            let kind = error.into_inner().get_type().to_string();
            PyTypeError::new_err(format!(
                "PythonPath \"{expression}\" gives {kind}: write a list, as in \
                 PythonPath \"sys.path + ['/srv/python']\""
            ))
        })
    }
}

impl Inner {
    fn modules(&mut self, handler: &Handler) -> &mut Modules {
        match handler.is_silent {
            true => &mut self.handler_modules,
            false => &mut self.modules,
        }
    }
}

/// Says so if a module of `PythonHandlerModule` has no function for any phase: it guards and serves nothing.
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

/// Where a module comes from.
fn file_of(module: &Bound<'_, PyAny>) -> String {
    let file = module.getattr("__file__").map(|file| file.to_string());
    file.unwrap_or_else(|_| module.to_string())
}

/// Takes the frames of the import system from the top of a traceback, as an import statement does.
fn without_import_frames(py: Python<'_>, error: PyErr) -> PyErr {
    let is_import = |frame: &Bound<'_, PyAny>| -> PyResult<bool> {
        let code = frame.getattr("tb_frame")?.getattr("f_code")?;
        let file: String = code.getattr("co_filename")?.extract()?;
        let ours = ["/mod_python/_folders.py", "/importlib/__init__.py"];
        Ok(file.starts_with("<frozen importlib") || ours.iter().any(|end| file.ends_with(end)))
    };
    let mut top = error.traceback(py).map(Bound::into_any);
    while let Some(frame) = top
        .as_ref()
        .filter(|frame| is_import(frame).unwrap_or(false))
    {
        top = frame.getattr("tb_next").ok().filter(|next| !next.is_none());
    }
    error.set_traceback(py, top.and_then(|top| top.cast_into().ok()));
    error
}

fn copy<'py>(list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(list.py(), list.iter())
}

/// Looks a dotted name up. Where a class stands before a dot, it is made with `argument`, and the
/// next name is one of the instance.
fn resolve<'py>(
    module: &Bound<'py, PyAny>,
    dotted: &str,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut object = module.clone();
    for name in dotted.split('.') {
        if object.is_instance_of::<PyType>() {
            object = object.call1((argument,))?;
        }
        object = object.getattr(name).map_err(|error| {
            if !error.is_instance_of::<PyAttributeError>(module.py()) {
                return error;
            }
            PyAttributeError::new_err(format!("there is no '{dotted}' in {}", file_of(module)))
        })?;
    }
    let Ok(class) = object.cast::<PyType>() else {
        return Ok(object);
    };
    // A class alone is for objects that can be called.
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
