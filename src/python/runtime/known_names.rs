//! The names of functions that directives name, as the `str` objects that CPython finds in its caches of attributes.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::engine::name_hash::NameMap;
use crate::locks::Lock;

/// The most names that are kept. Names that Python code gives (`req.add_handler`) could be any number.
const MOST: usize = 1000;

/// The interned names of one interpreter. Used with the GIL; the lock is short.
#[derive(Default)]
pub struct KnownNames(Lock<NameMap<Py<PyString>>>);

impl KnownNames {
    /// The name as an interned `str`.
    pub fn get<'py>(&self, py: Python<'py>, name: &str) -> Bound<'py, PyString> {
        let known = self.0.lock().get(name).map(|known| known.clone_ref(py));
        if let Some(known) = known {
            return known.into_bound(py);
        }
        let made = PyString::intern(py, name);
        let mut names = self.0.lock();
        if names.len() < MOST && !names.contains_key(name) {
            names.insert(name.to_owned(), made.clone().unbind());
        }
        made
    }
}
