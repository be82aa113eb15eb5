//! What we keep for a request from phase to phase.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use pyo3::prelude::*;

use super::add_handler::Handlers;
use super::body::Body;
use super::object::RequestObject;
use super::registered_filter::Registered;
use super::response::Response;
use crate::httpd::Request;
use crate::python::cleanup::Cleanups;
use crate::python::object::class;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;

/// Our value for a request; httpd drops it with the request's pool.
pub struct State {
    /// Under which Python may use the request.
    pub lease: Arc<Lease>,
    /// Its body, as far as Python has read it.
    pub body: Body,
    /// Its response, as far as Python has written it.
    pub response: Response,
    /// How far its handlers have come.
    pub handlers: Handlers,
    /// What is to be called at its end.
    pub cleanups: Cleanups,
    /// It stays without a file (`mod_python.location_shortcut`).
    pub has_no_file: Cell<bool>,
    /// The type that a type handler set before it declined.
    pub chosen_type: RefCell<Option<Vec<u8>>>,
    /// The filters that its handlers have registered for it.
    pub(in crate::python) registered: RefCell<Vec<Registered>>,
    /// How many filters Python code has added to it, and to what it led to.
    pub(in crate::python) filters_added: Cell<usize>,
    /// Whether httpd is done with it: only cleanups still run.
    pub has_ended: Cell<bool>,
    /// Whether Python code has set the type of the response.
    pub content_type_set: Cell<bool>,
    /// The request as Python sees it, per interpreter: kept while somebody could tell.
    objects: RefCell<Vec<(&'static Interpreter, Py<PyAny>)>>,
}

impl State {
    /// The state of a request.
    pub fn of(r: &Request) -> &Self {
        let make = || {
            r.watch_framing();
            Self::new(r)
        };
        r.state(make)
    }

    fn new(r: &Request) -> Self {
        Self {
            lease: Lease::new("request"),
            body: Body::new(r),
            response: Response::new(r),
            handlers: Handlers::default(),
            cleanups: Cleanups::default(),
            has_no_file: Cell::new(false),
            chosen_type: RefCell::default(),
            registered: RefCell::default(),
            filters_added: Cell::new(0),
            has_ended: Cell::new(false),
            content_type_set: Cell::new(false),
            objects: RefCell::default(),
        }
    }

    /// The request as Python sees it: one object for all of its phases and filters.
    pub fn object<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = |of: &(&'static Interpreter, _)| std::ptr::eq(of.0, interpreter);
        if let Some((_, object)) = self.objects.borrow().iter().find(|of| known(of)) {
            return Ok(object.bind(py).clone());
        }
        let object = class::make(py, interpreter, RequestObject::new(&self.lease, r))?;
        self.objects
            .borrow_mut()
            .push((interpreter, object.clone().unbind()));
        Ok(object)
    }

    /// Lets go of the objects of this interpreter that nobody would miss. Nothing is left to be
    /// dropped with the pool, as a rule: its end needs no GIL then.
    pub fn forget_unused(&self, py: Python<'_>, interpreter: &'static Interpreter) {
        let position = self.objects.borrow().iter().position(|(of, object)| {
            std::ptr::eq(*of, interpreter) && class::is_forgotten::<RequestObject>(object.bind(py))
        });
        if let Some(position) = position {
            let (_, object) = self.objects.borrow_mut().swap_remove(position);
            drop(object.into_bound(py));
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.lease.end();
        for added in self.handlers.take_all() {
            if let Some(foreign) = &added.object {
                foreign
                    .interpreter
                    .enter(crate::python::runtime::context::About::Nothing, |_| {
                        drop(added.clone())
                    });
            }
        }
        for (interpreter, object) in self.objects.take() {
            interpreter.enter(crate::python::runtime::context::About::Nothing, |py| {
                drop(object.into_bound(py))
            });
        }
    }
}
