//! The handlers that a thread of httpd offers to the loop: those under `@apache.aio` that were seen to run there, where
//! nothing must be imported. All functions are called with the GIL.

use pyo3::prelude::*;

use crate::engine::handler_lists::Chosen;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::httpd::Request;
use crate::python::object::arguments::none;
use crate::python::object::class::Answer;
use crate::python::request::object::Me;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::search_path::SearchPath;

/// Whether the content handler of a request, the only one, was seen on the loop.
pub fn is_known(chosen: Chosen<'_>) -> bool {
    matches!(&**chosen.list, [handler] if handler.loop_mark.is_set())
}

/// The object that a handler names, where that is a name in a module that was imported before, and no file has changed
/// since.
///
/// # Errors
/// What a module's own `__getattr__` raises; `AttributeError` for a name that is missing.
pub fn object<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
    handler: &Handler,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let default = Phase::Content.default_object();
    let name = handler.object.as_deref().unwrap_or(default);
    if handler.is_silent || name.contains('.') {
        return Ok(None);
    }
    let search = SearchPath::of(r.settings(), Some(r));
    interpreter.loader.known_object(py, handler, name, search)
}

/// `req._offers(handler)`
pub(in crate::python) fn offers<'py>(
    this: &Me<'_, 'py>,
    handler: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (r, py, interpreter) = (this.body().lent.get()?, this.py(), this.interpreter());
    let chain = RequestState::of(r).handlers.chain();
    if let Some(chained) = chain.and_then(|chain| chain.current()) {
        let running = chained.handler();
        if !running.loop_mark.is_set() {
            // What a module's own code raises there shows when the handler is found the ordinary way.
            let named = object(py, interpreter, r, running).ok().flatten();
            let is_it = named.is_some_and(|named| named.is(handler));
            running.loop_mark.set(is_it);
        }
    }
    none(this)
}
