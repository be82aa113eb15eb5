//! The application of a request, and the scope that is made of the request.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::engine::application::Application;
use crate::engine::percent;
use crate::httpd::Request;
use crate::python::object::arguments::none;
use crate::python::object::class::Answer;
use crate::python::request::object::Me;
use crate::python::request::state::RequestState;
use crate::python::request::wsgi::find;
use crate::python::runtime::interpreter::Interpreter;

/// `req._application()`: the callable of the application that is mounted for the request, and its name.
///
/// # Errors
/// As `find::application`; `RuntimeError` where none is mounted.
pub(in crate::python) fn application<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let Some(mounted) = RequestState::of(r).application.get() else {
        return Err(PyRuntimeError::new_err(
            "no application is mounted here: write PythonApplication /path asgi module:callable",
        ));
    };
    let py = this.py();
    let found = find::application(py, this.interpreter(), r, &mounted.target)?;
    let name = name_of(py, this.interpreter(), mounted)?;
    Ok(PyTuple::new(py, [found, name.into_any()])?.into_any())
}

/// The name of an application, for logs.
///
/// # Errors
/// What the import of `mod_python._wsgi` raises.
pub(super) fn name_of<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    mounted: &Application,
) -> PyResult<Bound<'py, PyString>> {
    let target = &mounted.target;
    let name = format!("{}:{}", target.handler.module, target.object());
    Ok(interpreter.wsgi(py)?.name(py, &name))
}

/// `req._exchange()`: the exchange of a request whose application runs already; None for any other.
pub(in crate::python) fn exchange<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let state = RequestState::of(this.body().lent.get()?);
    let offer = state.offer.borrow();
    match offer.as_ref().and_then(|offer| offer.take_exchange()) {
        Some(exchange) => Ok(exchange.into_bound(this.py())),
        None => none(this),
    }
}

/// `req._asgi_scope()`: what a scope of type http has of the request.
///
/// # Errors
/// `MemoryError`; what the import of `mod_python._wsgi` raises.
pub(in crate::python) fn scope<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    Ok(of(this.py(), this.interpreter(), r)?.into_any())
}

/// What a scope of type http has of a request.
///
/// # Errors
/// As `scope`.
pub(super) fn of<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
) -> PyResult<Bound<'py, PyDict>> {
    let parts = interpreter.wsgi(py)?;
    let text = |value: &[u8]| parts.name(py, &String::from_utf8_lossy(value)).into_any();
    let bytes = |value: &[u8]| PyBytes::new(py, value).into_any();
    let application = RequestState::of(r).application.get();
    let mount = application.map_or("", |mounted| mounted.mount.as_str());
    let (path, c) = (r.uri().unwrap_or_default(), r.connection());
    // In the order of `SCOPE_KEYS`.
    let values = [
        text(b"http"),
        text(version(r)),
        text(r.method().unwrap_or_default()),
        text(if is_https(r) { b"https" } else { b"http" }),
        PyString::new(py, &String::from_utf8_lossy(path)).into_any(),
        bytes(&raw_path(r, path)),
        bytes(r.args().unwrap_or_default()),
        text(mount.as_bytes()),
        headers(py, r)?.into_any(),
        address(py, r.useragent_ip(), r.useragent_port())?,
        address(py, c.local_ip(), c.local_port())?,
    ];
    let scope = PyDict::new(py);
    for (key, value) in parts.scope_keys.iter().zip(values) {
        scope.set_item(key, value)?;
    }
    Ok(scope)
}

fn version(r: &Request) -> &'static [u8] {
    match r.proto_num() {
        2000.. => b"2",
        1001.. => b"1.1",
        _ => b"1.0",
    }
}

/// Whether the client speaks TLS, with this server or with a proxy that says so.
fn is_https(r: &Request) -> bool {
    let said = r.subprocess_env().get(c"HTTPS");
    r.connection().is_tls()
        || said.is_some_and(|said| said.eq_ignore_ascii_case(b"on") || said == b"1")
}

/// The path as the client has sent it. Where another module has changed it since, that path with its bytes escaped.
fn raw_path(r: &Request, path: &[u8]) -> Vec<u8> {
    let target = r.unparsed_uri().unwrap_or_default();
    let from = match target.first() {
        Some(b'/') | None => 0,
        // An absolute URL, as clients of proxies send it.
        Some(_) => memchr::memmem::find(target, b"://")
            .and_then(|at| memchr::memchr(b'/', &target[at + 3..]).map(|slash| at + 3 + slash))
            .unwrap_or(0),
    };
    let target = &target[from..];
    if target == path && !path.contains(&b'%') && !path.contains(&b'?') {
        return path.to_vec();
    }
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    match percent::decoded(&target[..end], b'+') == path {
        true => target[..end].to_vec(),
        false => escaped(path),
    }
}

fn escaped(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(path.len());
    for &byte in path {
        match byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            true => escaped.push(byte),
            false => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    escaped
}

/// The headers as pairs of bytes, the names in lower case.
fn headers<'py>(py: Python<'py>, r: &Request) -> PyResult<Bound<'py, PyList>> {
    let headers = PyList::empty(py);
    for (name, value) in r.headers_in().entries() {
        let name = PyBytes::new_with(py, name.len(), |lower| {
            lower.copy_from_slice(name);
            lower.make_ascii_lowercase();
            Ok(())
        })?;
        let value = PyBytes::new(py, value.unwrap_or_default());
        headers.append(PyTuple::new(py, [name, value])?)?;
    }
    Ok(headers)
}

fn address<'py>(py: Python<'py>, ip: Option<&[u8]>, port: u16) -> Answer<'py> {
    let Some(ip) = ip else {
        return Ok(py.None().into_bound(py));
    };
    let ip = PyString::new(py, &String::from_utf8_lossy(ip)).into_any();
    let port = port.into_pyobject(py)?.into_any();
    Ok(PyTuple::new(py, [ip, port])?.into_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_and_unescaped() {
        let decoded = |path: &[u8]| percent::decoded(path, b'+');
        assert_eq!(decoded(b"/a%20b%2Fc%zz%"), b"/a b/c%zz%");
        assert_eq!(escaped(b"/a b/\xc3\xa9"), b"/a%20b/%C3%A9");
        assert_eq!(decoded(&escaped(b"/%?\x00\xff")), b"/%?\x00\xff");
    }
}
