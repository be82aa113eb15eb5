//! What the module keeps for a request from its first phase to its end.
//!
//! It is used on the thread that httpd handles the request on, by one thread at a time. It is dropped with the
//! request's pool, without the GIL: its Python objects are dropped in their interpreters.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use pyo3::prelude::*;

use super::add_handler::Handlers;
use super::body::Body;
use super::heartbeat::Heartbeat;
use super::object::RequestObject;
use super::offers::offer::Offer;
use super::registered_filter::Registered;
use super::response::Response;
use super::wsgi::start_response::WsgiResponse;
use crate::engine::application::Application;
use crate::engine::handlers::Home;
use crate::engine::interpreter_name::is_by_directory;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::python::cleanup::Cleanups;
use crate::python::handlers::chain::ChainedHandler;
use crate::python::object::class;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::named::NoPython;

/// The state of a request; it is dropped with the request's pool.
pub struct RequestState {
    /// The lease under which Python code may use the request: open while httpd calls a handler or filter for it.
    pub lease: Arc<Lease>,
    /// The body, as far as Python code has read it.
    pub body: Body,
    /// The response, as far as Python code has written it.
    pub response: Response,
    /// What is sent when the response is quiet.
    pub heartbeat: Heartbeat,
    /// The running phase, and the handlers that Python code has added.
    pub handlers: Handlers,
    /// The functions to be called at the end of the request.
    pub cleanups: Cleanups,
    /// The application that is mounted for the request's path (`PythonApplication`).
    pub application: OnceCell<Arc<Application>>,
    /// The request as it was offered to an event loop, when its thread goes on in Python.
    pub offer: RefCell<Option<Arc<Offer>>>,
    /// What the application has said and written.
    pub wsgi: WsgiResponse,
    /// The media type that a type handler has set before it declined.
    pub chosen_type: RefCell<Option<Vec<u8>>>,
    /// The filters that handlers have registered for the request.
    pub(in crate::python) registered: RefCell<Vec<Registered>>,
    /// The number of filters that Python code has added to the request, its subrequests and redirections.
    pub(in crate::python) filters_added: Cell<usize>,
    /// Whether the request has ended: only cleanups are still called.
    pub has_ended: Cell<bool>,
    /// Whether a function of access control is being called, which can only decide.
    pub is_deciding: Cell<bool>,
    /// Whether a handler of the request is an `async def`.
    pub is_async: Cell<bool>,
    /// Whether the code of such a handler runs now: then methods of `req` return what is awaited.
    pub is_stepped: Cell<bool>,
    /// The handler of the request that waits without a thread.
    pub(in crate::python) waits_in: RefCell<Option<ChainedHandler>>,
    /// Whether the content handlers have declined the request after they had waited without a thread.
    pub has_declined: Cell<bool>,
    /// Whether Python code has set the type of the response.
    pub content_type_set: Cell<bool>,
    /// Whether a form that is made for `req.form` keeps its fields without a value.
    pub keeps_blank_fields: Cell<bool>,
    /// How many calls of Python code have begun for the request: of handlers, of functions that decide, of elements of
    /// pages, and of filters.
    pub calls: Cell<usize>,
    /// The interpreter that the directory of the request's file has named, for these settings.
    chosen: Cell<Option<(*const Settings, &'static Interpreter)>>,
    /// The `req` of each interpreter, kept as long as Python code could tell it from a new one.
    objects: RefCell<Vec<(&'static Interpreter, Py<PyAny>)>>,
    /// What its handlers have set in `contextvars`, per interpreter; nothing as long as they set none.
    variables: RefCell<Vec<(&'static Interpreter, Variables)>>,
}

impl RequestState {
    /// The state of a request, which is made at the first call.
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
            heartbeat: Heartbeat::default(),
            handlers: Handlers::default(),
            cleanups: Cleanups::default(),
            application: OnceCell::new(),
            offer: RefCell::default(),
            wsgi: WsgiResponse::default(),
            chosen_type: RefCell::default(),
            registered: RefCell::default(),
            filters_added: Cell::new(0),
            has_ended: Cell::new(false),
            is_deciding: Cell::new(false),
            is_async: Cell::new(false),
            is_stepped: Cell::new(false),
            waits_in: RefCell::default(),
            has_declined: Cell::new(false),
            content_type_set: Cell::new(false),
            keeps_blank_fields: Cell::new(false),
            calls: Cell::new(0),
            chosen: Cell::new(None),
            objects: RefCell::default(),
            variables: RefCell::default(),
        }
    }

    /// The interpreter for a handler or filter of the request that is configured in the section `home`. `knows_file`:
    /// httpd has looked for the request's file. Its directory is asked once: a handler that gives the request another
    /// file leaves it the interpreter.
    ///
    /// # Errors
    /// Why there is none. The caller logs it (`NoPython::log`).
    pub fn interpreter(
        &self,
        r: &Request,
        settings: &Settings,
        home: &Home,
        knows_file: bool,
    ) -> Result<&'static Interpreter, NoPython> {
        let sections = std::ptr::from_ref(settings);
        let chosen = self.chosen.get().filter(|(of, _)| *of == sections);
        if let Some((_, interpreter)) = chosen {
            return Ok(interpreter);
        }
        let interpreter = Interpreter::for_request(settings, r, home, knows_file)?;
        if knows_file && r.has_file() && is_by_directory(settings) {
            self.chosen.set(Some((sections, interpreter)));
        }
        Ok(interpreter)
    }

    /// The `req` of an interpreter: one object for all phases and filters of the request.
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
        let offer = self.offer.borrow();
        let object = match offer.as_ref().and_then(|offer| offer.take_req()) {
            Some(object) => object.into_bound(py),
            None => class::make(py, interpreter, RequestObject::new(&self.lease, r))?,
        };
        self.objects
            .borrow_mut()
            .push((interpreter, object.clone().unbind()));
        Ok(object)
    }

    /// Keeps the `req` of an interpreter, which code on the event loop has used and knows. Without the GIL.
    pub fn keep_object(&self, interpreter: &'static Interpreter, object: Py<PyAny>) {
        self.objects.borrow_mut().push((interpreter, object));
    }

    /// As `object`, on the thread of an event loop, to which the request was offered. A new object is the offer's to keep; if
    /// code can come to the request by another one, it is kept here, too.
    pub fn object_for_loop<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = |of: &(&'static Interpreter, _)| std::ptr::eq(of.0, interpreter);
        match self.objects.borrow().iter().find(|of| known(of)) {
            Some((_, object)) => return Ok(object.bind(py).clone()),
            None if r.prev().is_none() && !r.is_subrequest() => {
                return class::make(py, interpreter, RequestObject::new(&self.lease, r));
            }
            None => {}
        }
        self.object(py, interpreter, r)
    }

    /// Notes that a call of Python code begins.
    pub fn note_call(&self) {
        self.calls.set(self.calls.get() + 1);
    }

    /// Whether handlers of the request have set variables of `contextvars`.
    pub fn has_variables(&self) -> bool {
        !self.variables.borrow().is_empty()
    }

    /// Runs `f` in the context of `contextvars` that was kept for this request, if there is one.
    pub fn with_variables<R>(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        f: impl FnOnce() -> R,
    ) -> R {
        let known = |of: &&(&'static Interpreter, _)| std::ptr::eq(of.0, interpreter);
        let kept = self
            .variables
            .borrow()
            .iter()
            .find(known)
            .map(|(_, kept)| kept.share(py));
        match kept {
            Some(kept) => kept.run(py, f),
            None => f(),
        }
    }

    /// Calls handlers in the request's own context of `contextvars`, which lasts from phase to phase: the one in which
    /// the first of them has set a variable.
    pub fn call_handlers<R>(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        f: impl FnOnce() -> R,
    ) -> R {
        self.with_variables(py, interpreter, || {
            let result = f();
            let is_kept = |of: &(&'static Interpreter, _)| std::ptr::eq(of.0, interpreter);
            if self.variables.borrow().iter().any(is_kept) {
                return result;
            }
            if let Some(set) = Variables::current_if_set(py) {
                self.variables.borrow_mut().push((interpreter, set));
            }
            result
        })
    }

    /// Drops the `req` of this interpreter if no Python code refers to it and nothing was set on it. As a rule
    /// nothing is left then that would need the GIL when the pool is destroyed.
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

impl Drop for RequestState {
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
        for (interpreter, variables) in self.variables.take() {
            interpreter.enter(crate::python::runtime::context::About::Nothing, |_| {
                drop(variables)
            });
        }
        for (interpreter, object) in self.objects.take() {
            interpreter.enter(crate::python::runtime::context::About::Nothing, |py| {
                drop(object.into_bound(py))
            });
        }
    }
}
