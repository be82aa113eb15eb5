//! What the loop's Python code needs of a request that was offered to an application: `mod_python._asgi_offers`.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::scope;
use crate::httpd::Request;
use crate::python::object::arguments::boolean;
use crate::python::request::state::RequestState;
use crate::python::request::wsgi::find;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::values::log_origin;

/// What it needs, and `req`; `None` where the application would have to be imported. On the loop's thread,
/// while the request's thread waits.
///
/// # Errors
/// What a factory raises; `MemoryError`.
pub fn taken<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    let (state, c) = (RequestState::of(r), r.connection());
    let Some(mounted) = state.application.get() else {
        return Ok(None);
    };
    let Some(application) = find::at_hand(py, interpreter, r, &mounted.target)? else {
        return Ok(None);
    };
    let variables = Variables::empty(py)?;
    variables.run(py, || log_origin::carry(py, interpreter))?;
    let scope = scope::of(py, interpreter, r)?;
    let req = state.object_for_loop(py, interpreter, r)?;
    let tls = match c.is_tls() {
        true => {
            let module = py.import("mod_python._asgi_tls")?;
            state.lease.lend(|| module.call_method1("tls", (&req,)))?
        }
        false => py.None().into_bound(py),
    };
    let headers = r.headers_in();
    let has = |name| headers.get(name).is_some();
    let name = scope::name_of(py, interpreter, mounted)?;
    let flag = |value: bool| boolean(py, value);
    let all = [
        application,
        name.into_any(),
        scope.into_any(),
        variables.into_object(py),
        req.clone(),
        flag(c.is_stream())?,
        flag(c.is_stream() || has(c"Content-Length") || has(c"Transfer-Encoding"))?,
        flag(has(c"Expect"))?,
        tls,
    ];
    Ok(Some((PyTuple::new(py, all)?.into_any(), req)))
}
