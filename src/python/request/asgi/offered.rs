//! An offer as the loop's Python code sees it: `mod_python._asgi_offers`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::answer::WholeAnswer;
use super::offer::Offer;
use super::scope;
use crate::httpd::Request;
use crate::python::object::arguments::{boolean, none};
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::request::state::RequestState;
use crate::python::request::wsgi::find;
use crate::python::runtime::context;
use crate::python::runtime::context::About;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;
use crate::python::values::log_origin;

/// A request that the loop may serve.
pub struct OfferedRequest(Arc<Offer>);

type Me<'a, 'py> = This<'a, 'py, OfferedRequest>;

impl Class for OfferedRequest {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.OfferedRequest";
    const DOC: &'static std::ffi::CStr = c"A request for an application of an event loop.";
    const ID: ClassId = ClassId::OfferedRequest;
    methods! { OfferedRequest:
        /// Returns what a request is made of: the application, its name, the scope, the context of contextvars, req, whether
        /// it is a stream of HTTP/2, whether it may have a body, whether its client waits for 100 Continue, and the
        /// extension tls or None. Returns None where the thread of the request must see to it.
        take() = take;
        /// Has the application run, whose exchange this is.
        run(exchange) = run;
        /// Has the thread of the request see to it, or to what is in its exchange.
        call() = call;
        /// Has the thread of the request send a whole response: status (int), headers (a list of pairs of bytes, which were
        /// checked), body (bytes). Returns False if that thread sees to the request itself.
        answer(status, headers, body) = answer;
    }
    attributes! { OfferedRequest: }
}

impl OfferedRequest {
    /// The object for an offer.
    pub fn new(offer: Arc<Offer>) -> Self {
        Self(offer)
    }
}

impl Drop for OfferedRequest {
    fn drop(&mut self) {
        self.0.hand_over_unless_it_runs();
    }
}

#[expect(
    unsafe_code,
    reason = "the request's thread waits while its request is used here"
)]
fn take<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let offer = &this.body().0;
    let Some(r) = offer.begin() else {
        return none(this);
    };
    // SAFETY: its thread waits until `run` or `hand_over`, which this thread calls later.
    let r = unsafe { r.as_ref() };
    let (py, interpreter) = (this.py(), this.interpreter());
    let made = context::logging_for(About::Request(r), || prepared(py, interpreter, offer, r));
    if let Ok(Some(made)) = made {
        return Ok(made);
    }
    // What fails here fails there, too, where it can be told.
    offer.hand_over();
    none(this)
}

/// What `take` returns; `None` where the application would have to be imported.
fn prepared<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    offer: &Offer,
    r: &Request,
) -> PyResult<Option<Bound<'py, PyAny>>> {
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
    offer.keep(req.clone().unbind());
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
        req,
        flag(c.is_stream())?,
        flag(c.is_stream() || has(c"Content-Length") || has(c"Transfer-Encoding"))?,
        flag(has(c"Expect"))?,
        tls,
    ];
    Ok(Some(PyTuple::new(py, all)?.into_any()))
}

fn run<'py>(this: &Me<'_, 'py>, exchange: &Bound<'py, PyAny>) -> Answer<'py> {
    this.body().0.run(exchange.clone().unbind());
    none(this)
}

fn call<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().0.call();
    none(this)
}

fn answer<'py>(
    this: &Me<'_, 'py>,
    status: &Bound<'py, PyAny>,
    headers: &Bound<'py, PyAny>,
    body: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let py = this.py();
    let whole = WholeAnswer::of(this.interpreter(), status, headers, body)?;
    let is_taken = this.body().0.answer(py, Box::new(whole));
    boolean(py, is_taken)
}
