//! What becomes of a request whose handler has raised an exception. Called with the GIL, in the call of its phase.

use pyo3::prelude::*;

use super::phase::{Outcome, PhaseCall};
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::httpd::log::Level;
use crate::httpd::{Error, Status};
use crate::metrics;
use crate::python::connection::ends::is_of_peer;
use crate::python::connection::object::taken;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::release;
use crate::python::runtime::traceback;
use crate::python::runtime::traceback::Page;

impl PhaseCall<'_, '_> {
    /// Answers an exception of a handler: with status 500 and a traceback in the log, or by cutting the response when a
    /// part of it was sent.
    pub(super) fn failed(&self, handler: &Handler, error: &PyErr) -> Outcome {
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
            return self.without_body(handler, error, status);
        }
        self.log_failure(handler, error);
        if self.phase >= Phase::Log || self.is_answered() {
            return self.concluded(Status::INTERNAL_SERVER_ERROR);
        }
        if self.r.has_started() {
            self.count_cut(handler);
            if let Some(kind) = response.open_text(self.r) {
                let text = traceback::appendix(self.py, kind, &self.name(handler), error);
                response.add_text(self.py, self.r, &text);
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

    /// Answers a request whose body did not come. A response that has begun is cut without the line about that, which is
    /// for what a server is to blame for.
    fn without_body(&self, handler: &Handler, error: &PyErr, status: Status) -> Outcome {
        let text = format!(
            "{}: the request's body did not come: {error}",
            self.name(handler)
        );
        About::Request(self.r).log(Level::Info, &text);
        match self.page(handler, error) {
            Some(page) if status.is_answer() => self.replaced(status, &page),
            _ if self.phase < Phase::Log && !self.is_answered() && self.r.has_started() => {
                Outcome::Over(release(self.py, || self.state.response.cut(self.r)))
            }
            _ => Outcome::Returned(status),
        }
    }

    /// Ends a request whose handler did not catch that the client has left, or that the server stops.
    fn left(&self, error: &PyErr) -> Outcome {
        let has_bytes = taken(self.r.connection()).is_some();
        let shutting_down = self.interpreter.types.shutting_down.bind(self.py);
        let stops = error.is_instance(self.py, shutting_down);
        if has_bytes || !(stops || self.state.is_async.get()) || self.is_answered() {
            return self.concluded(Status::DONE);
        }
        if !stops {
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
