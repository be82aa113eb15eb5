//! What the applications of WSGI in one interpreter have in common, made at the first request for one.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use super::interpreter::Interpreter;
use crate::engine::name_hash::NameMap;
use crate::locks::Lock;

/// The most names of variables that are kept: clients name headers as they like.
const MOST: usize = 500;

/// What an ASGI scope has of a request of httpd's.
pub const SCOPE_KEYS: [&str; 11] = [
    "type",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
    "client",
    "server",
];

/// The objects that requests for applications use. They are used with the GIL.
pub struct WsgiParts {
    /// The entries of an environ that are the same for all requests.
    pub constants: Py<PyDict>,
    /// The class of `wsgi.file_wrapper`.
    pub file_wrapper: Py<PyType>,
    /// `mod_python._wsgi`.
    pub module: Py<PyModule>,
    /// The keys of an ASGI scope (`SCOPE_KEYS`).
    pub scope_keys: Vec<Py<PyString>>,
    /// The names of the variables.
    names: Lock<NameMap<Py<PyString>>>,
    /// Why applications could not be imported the last time, by their targets.
    failures: Lock<NameMap<(u64, String)>>,
}

impl WsgiParts {
    fn make(py: Python<'_>) -> PyResult<Self> {
        let module = py.import("mod_python._wsgi")?;
        let constants = module.getattr("constants")?.call0()?;
        let file_wrapper = module.getattr("FileWrapper")?;
        Ok(Self {
            constants: constants.cast_into::<PyDict>()?.unbind(),
            file_wrapper: file_wrapper.cast_into::<PyType>()?.unbind(),
            module: module.unbind(),
            scope_keys: SCOPE_KEYS
                .map(|key| PyString::intern(py, key).unbind())
                .into(),
            names: Lock::default(),
            failures: Lock::default(),
        })
    }

    /// The name of a variable as a `str`: one object for all requests, as far as there are not too many.
    pub fn name<'py>(&self, py: Python<'py>, name: &str) -> Bound<'py, PyString> {
        let known = self.names.lock().get(name).map(|known| known.clone_ref(py));
        if let Some(known) = known {
            return known.into_bound(py);
        }
        let made = PyString::new(py, name);
        let kept = made.clone().unbind();
        let mut names = self.names.lock();
        if names.len() < MOST && !names.contains_key(name) {
            names.insert(name.to_owned(), kept);
        }
        made
    }

    /// Notes why an application could not be imported; returns whether that is news since the last time. `changes`:
    /// the number of changes of files.
    pub fn is_news(&self, application: &str, changes: u64, why: &str) -> bool {
        let now = (changes, why.to_owned());
        let mut failures = self.failures.lock();
        if failures.get(application) == Some(&now) {
            return false;
        }
        if failures.len() < MOST || failures.contains_key(application) {
            failures.insert(application.to_owned(), now);
        }
        true
    }
}

impl Interpreter {
    /// What applications of WSGI need. With the GIL, in this interpreter.
    ///
    /// # Errors
    /// What importing `mod_python._wsgi` raises.
    pub fn wsgi(&self, py: Python<'_>) -> PyResult<&WsgiParts> {
        if let Some(parts) = self.wsgi.get() {
            return Ok(parts);
        }
        // Two threads may come here at once; one result is kept, and the other one is as good.
        let made = WsgiParts::make(py)?;
        Ok(self.wsgi.get_or_init(|| made))
    }
}
