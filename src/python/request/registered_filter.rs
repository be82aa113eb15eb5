//! A filter that a handler has registered for its request with `req.register_output_filter()` or its input twin.

use std::sync::Arc;

use crate::engine::filters::DeclaredFilter;
use crate::filter_chain::Direction;
use crate::python::handlers::chain::Foreign;

/// A registered filter. It is dropped with the request, without the GIL; its function is dropped in its interpreter.
pub struct Registered {
    pub(in crate::python) direction: Direction,
    pub(in crate::python) declared: Arc<DeclaredFilter>,
    /// The function, where Python code gave one and not a name.
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
