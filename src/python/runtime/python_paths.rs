//! The lists of `PythonPath` in one interpreter, and `sys.path`.
//!
//! All functions are called with the GIL. The lock is short: no Python code runs under it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::package;
use super::search_path::SearchPath;
use crate::engine::name_hash::NameMap;
use crate::engine::python_path::WrittenPath;
use crate::locks::Lock;

/// The search paths of an interpreter.
pub struct PythonPaths {
    state: Lock<PathState>,
    /// `sys.path` as it was when the interpreter started.
    pub(super) initial: Py<PyList>,
    sys: Py<PyModule>,
}

#[derive(Default)]
struct PathState {
    /// `PythonPath` expressions, evaluated once each.
    lists: NameMap<Py<PyList>>,
    /// The expression whose value is `sys.path` now.
    current: Option<String>,
}

impl PythonPaths {
    /// Those of the interpreter that is current now.
    ///
    /// # Errors
    /// What looking at `sys.path` raises.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        let sys = py.import("sys")?;
        let path = sys.getattr("path")?.cast_into::<PyList>()?;
        package::prepare_path(&path)?;
        Ok(Self {
            state: Lock::default(),
            initial: copy(&path)?.unbind(),
            sys: sys.unbind(),
        })
    }

    /// The folders that a `PythonPath` names, if it was used already.
    pub(super) fn folders(&self, py: Python<'_>, path: &WrittenPath) -> Vec<String> {
        let inner = self.state.lock();
        let list = inner
            .lists
            .get(&path.expression)
            .map(|list| list.clone_ref(py));
        drop(inner);
        list.and_then(|list| list.extract(py).ok())
            .unwrap_or_default()
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
    pub(super) fn set_path<'py>(
        &self,
        py: Python<'py>,
        path: &WrittenPath,
    ) -> PyResult<Bound<'py, PyList>> {
        let expression = &path.expression;
        let known = {
            let inner = self.state.lock();
            inner.lists.get(expression).map(|list| list.clone_ref(py))
        };
        let list = match known {
            Some(list) => list.into_bound(py),
            None => {
                let list = self.evaluate(py, path)?;
                // If another thread was first, its list counts.
                let mut inner = self.state.lock();
                let first = inner.lists.entry(expression.clone());
                let first = first.or_insert_with(|| list.clone().unbind());
                first.bind(py).clone()
            }
        };
        if self.state.lock().current.as_ref() == Some(expression) {
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
        self.state.lock().current = Some(expression.clone());
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
        sys.setattr("path", copy(self.initial.bind(py))?)?;
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

fn copy<'py>(list: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(list.py(), list.iter())
}
