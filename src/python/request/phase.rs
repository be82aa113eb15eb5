//! Calls the handlers of a phase of a request, on the thread on which httpd runs the phase. The interpreter is entered
//! once for the phase: the GIL is held but for the calls that release it. What the handlers have written is sent after
//! the interpreter was left, so that a request need not wait for the GIL a second time.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::coroutine::awaited;
use super::state::RequestState;
use crate::engine::call_counters::Work;
use crate::engine::handler_lists::Chosen;
use crate::engine::handlers::{Handler, Home};
use crate::engine::phases::{Phase, PhaseHook};
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::{Error, Request, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::python::connection::ends::is_of_peer;
use crate::python::connection::object::taken;
use crate::python::handlers::chain::{Chain, ChainedHandler};
use crate::python::pdb;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::traceback;
use crate::python::runtime::traceback::Page;
use crate::python::values::handler_result::{cut_response, ending, of_request};

/// Calls the handlers of a phase: the configured ones, then those that Python code has added. Returns the status for
/// httpd's hook.
pub fn run(
    r: &Request,
    hook: PhaseHook,
    phase: Phase,
    chosen: Option<Chosen<'_>>,
    settings: &Settings,
) -> Status {
    let first = chosen.and_then(|chosen| chosen.list.first());
    let home = first.map_or(&Home::None, |handler| &handler.home);
    let state = RequestState::of(r);
    let interpreter = match first.is_some_and(Handler::is_application) {
        true => Interpreter::for_application(settings, r, home),
        false => state.interpreter(r, settings, home, phase.knows_file()),
    };
    let interpreter = match interpreter {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            reason.log(About::Request(r), Level::Error, "this request");
            return reason.status;
        }
    };
    let measurement = Measurement::begin(metrics::phase(phase));
    let outcome = interpreter.enter(About::Request(r), |py| {
        let _open = state.lease.open();
        let outcome = match state.object(py, interpreter, r) {
            Ok(object) => {
                let configured = chosen.map(|chosen| chosen.list.clone());
                let chain = Arc::new(Chain::new(configured, state.handlers.take(phase)));
                let extension = chosen.and_then(|chosen| chosen.extension);
                state.handlers.begin(hook, phase, &chain, extension);
                let run = PhaseCall {
                    py,
                    interpreter,
                    phase,
                    settings,
                    r,
                    state,
                };
                state.call_handlers(py, interpreter, || run.chain(&chain, &object))
            }
            Err(error) => {
                traceback::to_log(py, phase.directive(), &error);
                Outcome::Over(Status::INTERNAL_SERVER_ERROR)
            }
        };
        state.forget_unused(py, interpreter);
        outcome
    });
    let status = match outcome {
        Outcome::Over(status) => status,
        Outcome::Returned(status) => finish(r, state, phase, status),
    };
    state.handlers.end(interpreter);
    interpreter.deferred_drops.empty_if_large(interpreter);
    measurement.end(&Work::default());
    status
}

/// What the handlers of a phase came to.
enum Outcome {
    /// They have returned this status; what they have written is not sent yet.
    Returned(Status),
    /// The response was dealt with. The status for httpd.
    Over(Status),
}

/// Sends or drops what the handlers have written, and returns the status for httpd. Without the GIL.
fn finish(r: &Request, state: &RequestState, phase: Phase, status: Status) -> Status {
    let response = &state.response;
    if phase >= Phase::Log || is_answered(r, phase) {
        return concluded(r, state, phase, status);
    }
    match status {
        Status::OK | Status::DONE if status == Status::DONE || phase == Phase::Content => {
            response.end(r);
            status
        }
        Status::OK | Status::DECLINED => {
            // Another handler, of this or a later phase, adds to what was written.
            response.send_rest(r);
            concluded(r, state, phase, status)
        }
        _ if r.has_started() => {
            About::Request(r).log(Level::Error, &cut_response(status));
            response.cut(r)
        }
        Status::NOT_MODIFIED if phase == Phase::Content && !r.is_subrequest() => {
            // httpd answers a status that is returned without the filters. mod_cache is one of them: its client would
            // get this 304, which answers a condition of the cache's own.
            response.discard();
            r.set_status(status.0);
            Status::OK
        }
        _ => {
            response.discard();
            status
        }
    }
}

/// The status for httpd once the handlers write no more: `DONE` if the response has ended, so that httpd adds nothing to
/// it. What was written and not sent is dropped.
fn concluded(r: &Request, state: &RequestState, phase: Phase, status: Status) -> Status {
    state.response.discard();
    match is_answered(r, phase) {
        true => Status::DONE,
        false => status,
    }
}

/// Whether the response has ended in a phase whose handlers could still write to it.
fn is_answered(r: &Request, phase: Phase) -> bool {
    phase < Phase::Log && r.is_answered()
}

/// A phase of a request whose handlers are being called.
struct PhaseCall<'a, 'py> {
    py: Python<'py>,
    interpreter: &'static Interpreter,
    phase: Phase,
    settings: &'a Settings,
    r: &'a Request,
    state: &'a RequestState,
}

impl<'py> PhaseCall<'_, 'py> {
    /// Calls one handler after the other, for as long as `phase.continues()` says so.
    fn chain(&self, chain: &Chain, object: &Bound<'py, PyAny>) -> Outcome {
        let mut status = Status::DECLINED;
        while let Some(chained) = chain.current() {
            match self.call(&chained, object) {
                Ok(None) => {}
                Ok(Some(result)) => {
                    status = result;
                    if !self.phase.continues().after(status.0) || self.is_answered() {
                        break;
                    }
                }
                Err(error) => return self.failed(chained.handler(), &error),
            }
            chain.advance();
        }
        Outcome::Returned(status)
    }

    /// Calls a handler. Returns `None` where a module need not have the function, and has none.
    fn call(
        &self,
        chained: &ChainedHandler,
        object: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Status>> {
        let handler = chained.handler();
        let Some(function) = self.find(chained, object)? else {
            return Ok(None);
        };
        let result = pdb::call1(self.settings, &function, object);
        let result = match self.phase {
            Phase::Content => {
                result.and_then(|result| awaited(self.interpreter, self.r, self.state, result))
            }
            _ => result,
        };
        match result.and_then(|result| of_request(&result, handler)) {
            Ok(result) => Ok(Some(result)),
            Err(error) => match ending(self.py, self.interpreter, &error)? {
                Some(ending) => {
                    if let Some(status) = ending.status {
                        self.r.set_status(status);
                    }
                    Ok(Some(ending.result))
                }
                None => Err(error),
            },
        }
    }

    /// The object to call; `None` where a module need not have the function, and has none.
    fn find(
        &self,
        chained: &ChainedHandler,
        object: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let ChainedHandler::Added(added) = chained {
            if let Some(foreign) = &added.object {
                if std::ptr::eq(foreign.interpreter, self.interpreter) {
                    return Ok(Some(foreign.object.bind(self.py).clone()));
                }
                return Err(PyRuntimeError::new_err(format!(
                    "this function was added in interpreter {}, and {} runs in {}: add it by its \
                     name, or set one PythonInterpreter for both",
                    foreign.interpreter.name(),
                    self.phase.directive(),
                    self.interpreter.name()
                )));
            }
        }
        let search = SearchPath::of(self.settings, Some(self.r));
        let default = self.phase.default_object();
        let loader = &self.interpreter.loader;
        loader.find_any(self.py, chained.handler(), default, search, object)
    }

    fn is_answered(&self) -> bool {
        is_answered(self.r, self.phase)
    }

    fn concluded(&self, status: Status) -> Outcome {
        Outcome::Over(concluded(self.r, self.state, self.phase, status))
    }

    /// Answers an exception of a handler: with status 500 and a traceback in the log, or by cutting the response when a
    /// part of it was sent.
    fn failed(&self, handler: &Handler, error: &PyErr) -> Outcome {
        if is_of_peer(self.py, error) {
            // It did not catch that the client is gone or too slow, or that the server stops.
            let text = format!("{}: {error}", self.name(handler));
            About::Request(self.r).log(Level::Info, &text);
            return self.left(error);
        }
        metrics::failed(metrics::phase(self.phase));
        let response = &self.state.response;
        match response.broken() {
            Some(Error::FILTER) => {
                // A filter has failed and logged why; httpd has sent its error page.
                return self.concluded(Status::FILTER_ERROR);
            }
            Some(_) => {
                let text = format!(
                    "{}: the client left before the response was whole",
                    self.name(handler)
                );
                About::Request(self.r).log(Level::Info, &text);
                response.discard();
                return Outcome::Over(Status::DONE);
            }
            None => {}
        }
        if let Some(status) = self.state.body.answer_to(self.py, error) {
            let text = format!(
                "{}: the request's body did not come: {error}",
                self.name(handler)
            );
            About::Request(self.r).log(Level::Info, &text);
            return match self.page(handler, error) {
                Some(page) if status.is_answer() => self.replaced(status, &page),
                _ => Outcome::Returned(status),
            };
        }
        self.log_failure(handler, error);
        if self.phase >= Phase::Log || self.is_answered() {
            return self.concluded(Status::INTERNAL_SERVER_ERROR);
        }
        if self.r.has_started() {
            self.count_cut(handler);
            if let Some(kind) = response.open_text(self.r) {
                let text = traceback::appendix(self.py, kind, &self.name(handler), error);
                response.append(self.py, self.r, &text);
            }
            return Outcome::Over(release(self.py, || response.cut(self.r)));
        }
        let status = Status::INTERNAL_SERVER_ERROR;
        match self.page(handler, error) {
            Some(page) => self.replaced(status, &page),
            None => {
                response.discard();
                Outcome::Over(status)
            }
        }
    }

    /// Ends a request whose handler did not catch that the client has left, or that the server stops.
    fn left(&self, error: &PyErr) -> Outcome {
        let has_bytes = taken(self.r.connection()).is_some();
        if has_bytes || !self.state.is_async.get() || self.is_answered() {
            return self.concluded(Status::DONE);
        }
        let shutting_down = self.interpreter.types.shutting_down.bind(self.py);
        if !error.is_instance(self.py, shutting_down) {
            // A client that has ended only its side must not take an empty response for the whole.
            self.r.connection().abort();
            return self.concluded(Status::DONE);
        }
        match self.r.has_started() {
            true => Outcome::Over(release(self.py, || self.state.response.cut(self.r))),
            false => Outcome::Returned(Status::SERVICE_UNAVAILABLE),
        }
    }

    /// Counts a response of an application that an exception cuts; one with a status of failure counts anyway.
    fn count_cut(&self, handler: &Handler) {
        let is_failure = self.r.status() >= Status::INTERNAL_SERVER_ERROR.0;
        if let Some(application) = self.state.application.get() {
            if handler.is_application() && !is_failure {
                metrics::failed(metrics::application(application));
            }
        }
    }

    /// Logs the traceback of an exception.
    fn log_failure(&self, handler: &Handler, error: &PyErr) {
        if self.state.is_async.get() {
            traceback::name_what_helps(self.py, error);
        }
        let (name, request) = (self.name(handler), self.r.the_request());
        let request = request.map(String::from_utf8_lossy).unwrap_or_default();
        let text = format!("{name} ({}) failed for \"{request}\"", handler.source);
        traceback::to_log(self.py, &text, error);
    }

    /// The page about an exception, with `PythonDebug On` and as long as nothing of the response was sent.
    fn page(&self, handler: &Handler, error: &PyErr) -> Option<Page> {
        let is_late = self.phase >= Phase::Log || self.is_answered() || self.r.has_started();
        if is_late || self.settings.debug != Some(true) {
            return None;
        }
        Page::of(self.py, self.r, &self.name(handler), error)
    }

    /// Answers with a page in place of the response.
    fn replaced(&self, status: Status, page: &Page) -> Outcome {
        let response = &self.state.response;
        response.replace(self.py, self.r, status, page);
        Outcome::Over(Status::DONE)
    }

    /// The names of the directive and the handler, for the log and for pages.
    fn name(&self, handler: &Handler) -> String {
        handler.line(self.phase.directive())
    }
}
