//! How a call of a filter's function failed, and how the response or the body ends then.

use pyo3::prelude::*;

use super::input_or_output::InputOrOutput;
use super::instance::Instance;
use crate::engine::filters::Encoding;
use crate::engine::settings::Settings;
use crate::engine::text_kind::TextKind;
use crate::httpd::filter::stream::Stream;
use crate::httpd::log::Level;
use crate::httpd::{Filter, Request, Status};
use crate::metrics;
use crate::python::runtime::traceback;
use crate::python::runtime::traceback::Page;
use crate::python::values::handler_result::{Ending, cut_response, ending};

/// How a call of a filter's function failed.
pub(in crate::python) struct Failure {
    /// What `SERVER_RETURN` asked for; `OK` for a plain return.
    pub(in crate::python) status: Option<Status>,
    /// The page of `PythonDebug On`.
    pub(in crate::python) page: Option<Page>,
    /// What `PythonDebug On` appends to a response, a part of which was sent; `None` for one that is no text.
    pub(in crate::python) appendix: Option<Vec<u8>>,
}

impl Instance {
    /// Logs an exception, and says how the response or the body ends.
    pub(in crate::python) fn failure(
        &self,
        py: Python<'_>,
        filter: &Filter,
        settings: &Settings,
        error: PyErr,
    ) -> Failure {
        let broken = match &*self.io.borrow() {
            InputOrOutput::Output(output) => output.is_broken(),
            InputOrOutput::Input(input) => input.failed().is_some(),
        };
        if broken {
            // The client closed the connection: exceptions that follow from that are not logged.
            return Failure {
                status: None,
                page: None,
                appendix: None,
            };
        }
        let name = format!(
            "filter {} ({})",
            self.declared.name,
            self.declared.handler.text()
        );
        let error = match ending(py, self.interpreter, &error) {
            Ok(Some(ending)) => return self.returned(filter, &name, &ending),
            Ok(None) => error,
            Err(wrong) => wrong,
        };
        let request = filter.request().and_then(|r| r.the_request());
        let request = request.map(String::from_utf8_lossy).unwrap_or_default();
        let text = format!(
            "{name} of {} failed for \"{request}\"",
            self.declared.handler.source
        );
        if let Some(limit) = self.declared.time.filter(|_| self.is_timeout(py, &error)) {
            let seconds = limit.as_secs_f64();
            let text = format!("{name}: one step took more than time={seconds}: interrupted");
            crate::python::runtime::context::log_line(Level::Error, &text);
        }
        traceback::name_what_helps(py, &error);
        traceback::to_log(py, &text, &error);
        metrics::failed(self.row);
        let r = filter.request().filter(|_| settings.debug == Some(true));
        Failure {
            status: None,
            page: r.and_then(|r| Page::of(py, r, &name, &error)),
            appendix: r
                .and_then(|r| self.text_kind(r))
                .map(|kind| traceback::appendix(py, kind, &name, &error)),
        }
    }

    /// The kind of text that a response is, if what the filter writes is no coded form of it.
    fn text_kind(&self, r: &Request) -> Option<TextKind> {
        let declared = &self.declared;
        if declared.encoding == Encoding::Any || declared.kind.follows_headers() || r.is_partial() {
            return None;
        }
        TextKind::of(r.outermost().content_type()?)
    }

    fn is_timeout(&self, py: Python<'_>, error: &PyErr) -> bool {
        let class = self.interpreter.types.filter_timeout.bind(py);
        error.matches(py, class).unwrap_or(false)
    }

    /// What `SERVER_RETURN` asks for.
    pub(in crate::python) fn returned(
        &self,
        filter: &Filter,
        name: &str,
        ending: &Ending,
    ) -> Failure {
        let sent = matches!(&*self.io.borrow(), InputOrOutput::Output(output) if output.is_under_way(filter));
        if let (Some(status), Some(r), false) = (ending.status, filter.request(), sent) {
            r.set_status(status);
        }
        let status = ending.result;
        if !status.is_answer() {
            self.ended_by_result(filter);
            return Failure {
                status: Some(Status::OK),
                page: None,
                appendix: None,
            };
        }
        if sent {
            let text = format!("{name}: {}", cut_response(status));
            crate::python::runtime::context::log_line(Level::Error, &text);
        }
        Failure {
            status: Some(status),
            page: None,
            appendix: None,
        }
    }

    /// Whether the original body passes on after a failure: with `on_error=pass`, while all of it is held. Restores it
    /// then.
    pub(in crate::python) fn passes_on_error(&self, stream: &mut Stream) -> bool {
        let whole = stream.can_roll_back() || stream.is_untouched();
        let passes = self.declared.pass_on_error && whole;
        if passes {
            stream.restore();
        }
        passes
    }
}
