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
    /// The values of the expressions, evaluated once each.
    lists: Lock<NameMap<Py<PyList>>>,
    /// `sys.path` as it was when the interpreter started.
    pub(super) initial: Py<PyList>,
    sys: Py<PyModule>,
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
            lists: Lock::default(),
            initial: copy(&path)?.unbind(),
            sys: sys.unbind(),
        })
    }

    /// The folders that a `PythonPath` names, if it was used already.
    pub(super) fn folders(&self, py: Python<'_>, path: &WrittenPath) -> Vec<String> {
        let lists = self.lists.lock();
        let list = lists.get(&path.expression).map(|list| list.clone_ref(py));
        drop(lists);
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

    /// Puts the entries of a `PythonPath` that are not on `sys.path` there, and returns all of them. Each stands before
    /// those of the list's next entries that are there: what other sections and code have put there keeps its place.
    pub(super) fn set_path<'py>(
        &self,
        py: Python<'py>,
        path: &WrittenPath,
    ) -> PyResult<Bound<'py, PyList>> {
        let expression = &path.expression;
        let known = {
            let lists = self.lists.lock();
            lists.get(expression).map(|list| list.clone_ref(py))
        };
        let list = match known {
            Some(list) => list.into_bound(py),
            None => {
                let list = self.evaluate(py, path)?;
                // If another thread was first, its list counts.
                let mut lists = self.lists.lock();
                let first = lists.entry(expression.clone());
                let first = first.or_insert_with(|| list.clone().unbind());
                first.bind(py).clone()
            }
        };
        let path = self.sys.bind(py).getattr("path")?.cast_into::<PyList>()?;
        for (at, entry) in list.iter().enumerate() {
            if path.contains(&entry)? {
                continue;
            }
            let mut place = path.len();
            for next in list.iter().skip(at + 1) {
                if path.contains(&next)? {
                    place = path.index(&next)?;
                    break;
                }
            }
            path.insert(place, entry)?;
        }
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
