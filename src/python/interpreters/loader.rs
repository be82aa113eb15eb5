//! Finds what a directive names: search paths, modules, objects in them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use crate::engine::handlers::{Handler, Home};
use crate::httpd::Request;

/// Where a module is looked for, besides the directory of its handler's section.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// `PythonPath`.
    pub path: Option<&'a str>,
    /// The request, whose file tells the directory where the section has a pattern.
    pub r: Option<&'a Request>,
}

/// What one interpreter has loaded for handlers.
pub struct Loader {
    inner: Mutex<Inner>,
    /// `sys.path` as it was when the interpreter started.
    initial_path: Py<PyList>,
    sys: Py<PyModule>,
}

struct Inner {
    modules: HashMap<String, Py<PyModule>>,
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
            inner: Mutex::new(Inner {
                modules: HashMap::new(),
                paths: HashMap::new(),
                current: None,
            }),
            initial_path: copy(&path)?.unbind(),
            sys: sys.unbind(),
        })
    }

    /// Never held while Python code runs: that could need the GIL of a thread that waits here.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
        resolve(module.as_any(), name, argument)
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
    ) -> PyResult<Bound<'py, PyModule>> {
        let known = {
            let inner = self.inner();
            inner
                .modules
                .get(&handler.module)
                .map(|module| module.clone_ref(py))
        };
        if let Some(module) = known {
            return Ok(module.into_bound(py));
        }
        self.set_path(py, search, &handler.home)?;
        let module = match handler.module.starts_with('/') {
            true => import_file(py, &handler.module)?,
            false => py.import(handler.module.as_str())?,
        };
        self.inner()
            .modules
            .insert(handler.module.clone(), module.clone().unbind());
        Ok(module)
    }

    /// Sets `sys.path` for code that stands in no module.
    ///
    /// # Errors
    /// What the expression of `PythonPath` raises.
    pub fn use_path(&self, py: Python<'_>, search: Search<'_>) -> PyResult<()> {
        self.set_path(py, search, &Home::None)
    }

    /// Sets `sys.path` for an import: what `PythonPath` says comes first, else the directory of the
    /// handler's section. What else is there stays, behind it: handlers of other sections may be
    /// importing right now, or later in their functions, and may have added to it themselves.
    fn set_path(&self, py: Python<'_>, search: Search<'_>, home: &Home) -> PyResult<()> {
        let path = self.sys.bind(py).getattr("path")?.cast_into::<PyList>()?;
        let Some(expression) = search.path else {
            let directory = match home {
                Home::Directory(directory) => Some(directory.to_string()),
                Home::Pattern { pattern, is_regex } => {
                    search.r.and_then(|r| r.directory_by(pattern, *is_regex))
                }
                Home::Location(_) | Home::None => None,
            };
            if let Some(directory) = directory {
                let directory = if directory.is_empty() {
                    "/"
                } else {
                    &directory
                };
                if !path.contains(directory)? {
                    path.insert(0, directory)?;
                }
            }
            return Ok(());
        };
        if self.inner().current.as_deref() == Some(expression) {
            return Ok(());
        }
        let known = {
            let inner = self.inner();
            inner.paths.get(expression).map(|list| list.clone_ref(py))
        };
        let list = match known {
            Some(list) => list.into_bound(py),
            None => {
                let list = self.evaluate(py, expression)?;
                self.inner()
                    .paths
                    .insert(expression.to_owned(), list.clone().unbind());
                list
            }
        };
        let first = copy(&list)?;
        for entry in path.iter() {
            if !list.contains(&entry)? {
                first.append(entry)?;
            }
        }
        path.set_slice(0, path.len(), first.as_any())?;
        self.inner().current = Some(expression.to_owned());
        Ok(())
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

fn copy<'py>(list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(list.py(), list.iter())
}

/// Imports a module by the path of its file. In `sys.modules` it has that path for its name, which no
/// other module has.
fn import_file<'py>(py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyModule>> {
    let modules = py.import("sys")?.getattr("modules")?;
    if let Ok(known) = modules.get_item(path) {
        return Ok(known.cast_into::<PyModule>()?);
    }
    let util = py.import("importlib.util")?;
    let spec = util.call_method1("spec_from_file_location", (path, path))?;
    let module = util.call_method1("module_from_spec", (&spec,))?;
    modules.set_item(path, &module)?;
    if let Err(error) = spec
        .getattr("loader")?
        .call_method1("exec_module", (&module,))
    {
        modules.del_item(path)?;
        return Err(error);
    }
    Ok(module.cast_into::<PyModule>()?)
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
            let place = module.getattr("__file__").map(|file| file.to_string());
            let place = place.unwrap_or_else(|_| module.to_string());
            PyAttributeError::new_err(format!("there is no '{dotted}' in {place}"))
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
