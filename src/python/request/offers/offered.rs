//! An offer as the loop's Python code sees it: `mod_python._offers`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::answer::WholeAnswer;
use super::at_hand;
use super::offer::Offer;
use super::queue;
use crate::httpd::Request;
use crate::python::handlers::chain::Chain;
use crate::python::object::arguments::{boolean, none};
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::request::asgi;
use crate::python::request::state::RequestState;
use crate::python::runtime::context;
use crate::python::runtime::context::About;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;
use crate::python::values::log_origin;

/// A request that the loop may serve.
pub struct OfferedRequest(Arc<Offer>);

type Me<'a, 'py> = This<'a, 'py, OfferedRequest>;

/// What `take` returns, and `req`.
type Taken<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

impl Class for OfferedRequest {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.OfferedRequest";
    const DOC: &'static std::ffi::CStr = c"A request for code on an event loop.";
    const ID: ClassId = ClassId::OfferedRequest;
    methods! { OfferedRequest:
        /// Returns what the code is called with, or None where the thread of the request must see to it. For a handler, that
        /// is the object that its line names, req, the context of contextvars, and the request line. For an application, it
        /// is the application, its name, the scope, the context, req, whether it is a stream of HTTP/2, whether it may have
        /// a body, whether its client waits for 100 Continue, and the extension tls or None.
        take() = take;
        /// Has the code run, whose exchange this is.
        run(exchange) = run;
        /// Has the thread of the request see to it, or to what is in its exchange.
        call() = call;
        /// Has the thread of the request send the whole response of an application: status (int), headers (a list of pairs
        /// of bytes, which were checked), body (bytes). Returns False if that thread sees to the request itself.
        answer(status, headers, body) = answer;
        /// Has the thread of the request send all that a handler has written (bytes), which has returned apache.OK. Returns
        /// False if that thread sees to the request itself.
        answer_written(data) = answer_written;
        /// Notes that no further requests are to be offered to the handler, unless it is seen on the loop again.
        decline() = decline;
    }
    attributes! { OfferedRequest:
        /// Whether it was offered to a handler, not to an application (bool).
        is_for_handler = is_for_handler;
    }
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
    let made = context::logging_for(About::Request(r), || match offer.chain() {
        Some(chain) => of_handler(py, interpreter, r, chain),
        None => asgi::offered::taken(py, interpreter, r),
    });
    if let Ok(Some((made, req))) = made {
        offer.keep(req.unbind());
        return Ok(made);
    }
    // What fails here fails there, too, where it can be told.
    offer.hand_over();
    none(this)
}

/// What `take` returns for a handler; `None` where its module would have to be imported.
fn of_handler<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
    chain: &Chain,
) -> PyResult<Option<Taken<'py>>> {
    let Some(chained) = chain.current() else {
        return Ok(None);
    };
    let Some(object) = at_hand::object(py, interpreter, r, chained.handler())? else {
        return Ok(None);
    };
    let variables = Variables::empty(py)?;
    variables.run(py, || log_origin::carry(py, interpreter))?;
    let req = RequestState::of(r).object_for_loop(py, interpreter, r)?;
    let line = String::from_utf8_lossy(r.the_request().unwrap_or_default());
    let all = [
        object,
        req.clone(),
        variables.into_object(py),
        PyString::new(py, &line).into_any(),
    ];
    Ok(Some((PyTuple::new(py, all)?.into_any(), req)))
}

fn run<'py>(this: &Me<'_, 'py>, exchange: &Bound<'py, PyAny>) -> Answer<'py> {
    let queue = queue::of(this.interpreter());
    let turn = queue.map_or(0, |queue| queue.turn());
    this.body().0.run(exchange, turn);
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

fn answer_written<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    let py = this.py();
    let whole = WholeAnswer::written(this.interpreter(), data)?;
    let is_taken = this.body().0.answer_of_handler(py, Box::new(whole));
    boolean(py, is_taken)
}

fn decline<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    if let Some(chained) = this.body().0.chain().and_then(|chain| chain.current()) {
        chained.handler().loop_mark.set(false);
    }
    none(this)
}

fn is_for_handler<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    boolean(this.py(), this.body().0.chain().is_some())
}
