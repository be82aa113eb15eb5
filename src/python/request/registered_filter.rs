//! A filter that a handler has registered for its request, before it is added to a chain.

use std::sync::Arc;

use crate::engine::filters::Filter as Declared;
use crate::filter_chain::Direction;
use crate::python::handlers::chain::Foreign;

/// A filter that a handler has registered for its request.
pub struct Registered {
    pub(in crate::python) direction: Direction,
    pub(in crate::python) declared: Arc<Declared>,
    /// The function, where one was given instead of a name.
    pub(in crate::python) function: Option<Foreign>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(function) = self.function.take() {
            let about = crate::python::runtime::context::About::Nothing;
            let Foreign {
                interpreter,
                object,
            } = function;
            interpreter.enter(about, |py| drop(object.into_bound(py)));
        }
    }
}
