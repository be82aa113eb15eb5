//! Finds what a directive names: search paths, modules, objects in them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyType};

use crate::engine::handlers::{Handler, Home};

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

    /// The object that a handler names, ready to be called with `argument`.
    ///
    /// # Errors
    /// Whatever importing raises; `AttributeError` when the object is missing.
    pub fn find<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        default_object: &str,
        path: Option<&str>,
        argument: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let module = self.module(py, handler, path)?;
        let name = handler.object.as_deref().unwrap_or(default_object);
        resolve(module.as_any(), name, argument)
    }

    fn module<'py>(
        &self,
        py: Python<'py>,
        handler: &Handler,
        path: Option<&str>,
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
        self.set_path(py, path, &handler.home)?;
        let module = py.import(handler.module.as_str())?;
        self.inner()
            .modules
            .insert(handler.module.clone(), module.clone().unbind());
        Ok(module)
    }

    /// Sets `sys.path` for code that stands in no module.
    ///
    /// # Errors
    /// What the expression of `PythonPath` raises.
    pub fn use_path(&self, py: Python<'_>, path: Option<&str>) -> PyResult<()> {
        self.set_path(py, path, &Home::None)
    }

    /// Sets `sys.path` for an import: what `PythonPath` says comes first, else the directory of the
    /// handler's section. What else is there stays, behind it: handlers of other sections may be
    /// importing right now, or later in their functions, and may have added to it themselves.
    fn set_path(&self, py: Python<'_>, expression: Option<&str>, home: &Home) -> PyResult<()> {
        let path = self.sys.bind(py).getattr("path")?.cast_into::<PyList>()?;
        let Some(expression) = expression else {
            if let Home::Directory(directory) = home {
                if !path.contains(&**directory)? {
                    path.insert(0, &**directory)?;
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
    Ok(object)
}
