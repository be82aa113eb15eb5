//! What users ask to be called at the end of a request, or of the child.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::context::About;
use super::interpreter::Interpreter;
use super::lease::{Lease, Lent};
use super::report;
use super::state::State;
use crate::httpd::Request;

/// A function with its one argument.
pub struct Call {
    function: Py<PyAny>,
    data: Py<PyAny>,
}

impl Call {
    /// Of the arguments of `register_cleanup`; without `data`, the function gets None.
    ///
    /// # Errors
    /// `ValueError` for what cannot be called.
    pub fn new(
        function: &Bound<'_, PyAny>,
        data: Option<Borrowed<'_, '_, PyAny>>,
    ) -> PyResult<Self> {
        if !function.is_callable() {
            let kind = function.get_type().name()?;
            return Err(PyValueError::new_err(format!(
                "register_cleanup() takes a function to call, not {kind}"
            )));
        }
        let data = data.map_or_else(|| function.py().None(), |data| data.to_owned().unbind());
        Ok(Self {
            function: function.clone().unbind(),
            data,
        })
    }

    /// Calls it. An exception ends in the log.
    pub fn run(self, py: Python<'_>) {
        let function = self.function.into_bound(py);
        if let Err(error) = function.call1((self.data.into_bound(py),)) {
            let name = function
                .getattr("__qualname__")
                .and_then(|name| name.extract())
                .unwrap_or_else(|_| function.to_string());
            report::to_log(py, &format!("cleanup {name}"), &error);
        }
    }
}

/// A call at the end of a request. The request's pool owns it, and drops it before all that was
/// given to the pool earlier.
pub struct RequestCleanup {
    request: Lent<Request>,
    interpreter: &'static Interpreter,
    call: Option<Call>,
}

impl RequestCleanup {
    /// Leaves a call with the request.
    pub fn register(
        r: &Request,
        lease: &Arc<Lease>,
        interpreter: &'static Interpreter,
        call: Call,
    ) {
        r.pool().own_first(Self {
            request: Lent::new(lease, r),
            interpreter,
            call: Some(call),
        });
    }
}

impl Drop for RequestCleanup {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        let _open = self.request.lease().open();
        let about = match self.request.get() {
            Ok(r) => {
                State::of(r).has_ended.set(true);
                About::Request(r)
            }
            Err(_) => About::Nothing,
        };
        self.interpreter.enter(about, |py| call.run(py));
    }
}
