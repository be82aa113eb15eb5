//! The environ of an application.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::engine::application::rest;
use crate::engine::handlers::Home;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::python::object::arguments::none;
use crate::python::object::class::Answer;
use crate::python::request::object::Me;
use crate::python::request::state::RequestState;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::{Interpreter, release};

/// The option with the path of an application.
const BASE_URI: &str = "mod_python.wsgi.base_uri";

/// `req.build_wsgi_env()`
pub(in crate::python) fn build_wsgi_env<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    match by_options(this.py(), this.interpreter(), r, this.object())? {
        Some(environ) => Ok(environ.into_any()),
        None => none(this),
    }
}

/// The environ of an application that options name, as mod_python 3.5 has them; `None` if the request is not below its
/// path. Reads a body whose length an input filter may change.
///
/// # Errors
/// `ValueError` for a path with a slash at its end, `SERVER_RETURN` for a body that did not come.
pub fn by_options<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
    object: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let (settings, state): (&Settings, _) = (r.settings(), RequestState::of(r));
    let base = match settings
        .options
        .get(BASE_URI)
        .filter(|base| !base.is_empty())
    {
        Some(base) if base.ends_with('/') => {
            return Err(PyValueError::new_err(format!(
                "PythonOption {BASE_URI} {base}: write it without the slash at its end"
            )));
        }
        Some(base) => base.to_owned(),
        None => match state.handlers.home() {
            Home::Location(path) => path.trim_end_matches('/').to_owned(),
            _ => String::new(),
        },
    };
    let path = r.uri().unwrap_or_default();
    let Some(info) = rest(base.as_bytes(), path) else {
        let path = String::from_utf8_lossy(path);
        About::Request(r).log(
            Level::Warning,
            &format!("{path} is not below {BASE_URI} {base}"),
        );
        return Ok(None);
    };
    r.set_path_info(Some(info));
    if let Some(limit) = settings.input_spool() {
        // Applications go by CONTENT_LENGTH, and see no body without it.
        state.body.settle_length(py, interpreter, r, limit, false)?;
    }
    release(py, || r.add_application_vars(base.as_bytes()));
    let environ = make(py, interpreter, r, object)?;
    if let Some(credentials) = r.headers_in().get(c"Authorization") {
        environ.set_item("HTTP_AUTHORIZATION", native(py, credentials))?;
    }
    Ok(Some(environ))
}

/// The environ of an application, from the variables of CGI that the request has already.
///
/// # Errors
/// `MemoryError`; what the import of `mod_python._wsgi` raises.
pub fn make<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
    object: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let parts = interpreter.wsgi(py)?;
    let environ = parts.constants.bind(py).copy()?;
    let variables = r.subprocess_env();
    let mut is_https = r.connection().is_tls();
    for (name, value) in (0..variables.len()).filter_map(|index| variables.entry(index)) {
        let Some(value) = value else {
            continue;
        };
        is_https |= name == b"HTTPS" && (value.eq_ignore_ascii_case(b"on") || value == b"1");
        match std::str::from_utf8(name) {
            Ok(name) if name.is_ascii() => {
                environ.set_item(parts.name(py, name), native(py, value))
            }
            _ => environ.set_item(native(py, name), native(py, value)),
        }?;
    }
    let set = |name, value: &Bound<'py, PyAny>| environ.set_item(parts.name(py, name), value);
    let scheme = if is_https { "https" } else { "http" };
    environ.set_item(parts.name(py, "wsgi.url_scheme"), parts.name(py, scheme))?;
    set("wsgi.input", object)?;
    set("mod_python.request", object)?;
    Ok(environ)
}

/// A native string of PEP 3333: one character for each byte.
fn native<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => PyString::new(py, text),
        _ => {
            let text: String = bytes.iter().copied().map(char::from).collect();
            PyString::new(py, &text)
        }
    }
}
