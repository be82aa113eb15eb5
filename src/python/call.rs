//! Calls handlers, and turns what comes back into what httpd wants to know.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::class;
use super::connection::{ConnectionObject, Wire};
use super::context::About;
use super::interpreter::{Interpreter, MAIN};
use super::lease::Lease;
use super::report::{self, Page};
use super::request::RequestObject;
use super::request_fields::valid_status;
use super::state::{ConnectionState, State};
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Connection, Error, Request, Status};

/// The interpreter that the settings name.
///
/// # Errors
/// Why there is none.
pub fn interpreter(settings: &Settings) -> Result<&'static Interpreter, String> {
    Interpreter::named(settings.interpreter.as_deref().unwrap_or(MAIN))
}

/// Runs the handlers of a phase for a request.
pub fn request(r: &Request, phase: Phase, handlers: &[Handler], settings: &Settings) -> Status {
    let interpreter = match interpreter(settings) {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            log::request(
                place!(),
                r,
                Level::Error,
                &format!("no Python for this request: {reason}"),
            );
            return Status::INTERNAL_SERVER_ERROR;
        }
    };
    interpreter.enter(About::Request(r), |py| {
        let state = State::of(r);
        let _open = state.lease.open();
        let status = match state.object(py, interpreter, r) {
            Ok(object) => {
                let name_phase = |phase| {
                    if let Some(me) = class::body::<RequestObject>(&object, interpreter) {
                        me.set_phase(phase);
                    }
                };
                name_phase(Some(phase.directive()));
                let run = Run {
                    py,
                    interpreter,
                    phase,
                    settings,
                    r,
                    state,
                };
                let status = run.chain(handlers, &object);
                name_phase(None);
                status
            }
            Err(error) => {
                report::to_log(py, phase.directive(), &error);
                Status::INTERNAL_SERVER_ERROR
            }
        };
        state.forget_unused(py, interpreter);
        status
    })
}

/// One phase of one request in Python.
struct Run<'a, 'py> {
    py: Python<'py>,
    interpreter: &'static Interpreter,
    phase: Phase,
    settings: &'a Settings,
    r: &'a Request,
    state: &'a State,
}

impl Run<'_, '_> {
    /// Calls one handler after the other, as the phase's rule says.
    fn chain(&self, handlers: &[Handler], object: &Bound<'_, PyAny>) -> Status {
        let mut status = Status::DECLINED;
        for handler in handlers {
            match self.call(handler, object) {
                Ok(result) => status = result,
                Err(error) => return self.failed(handler, &error),
            }
            if !self.phase.continues().after(status.0) {
                break;
            }
        }
        if self.phase == Phase::Content {
            self.finish(status)
        } else {
            status
        }
    }

    fn call(&self, handler: &Handler, object: &Bound<'_, PyAny>) -> PyResult<Status> {
        let path = self.settings.path.as_deref();
        let default = self.phase.default_object();
        let found = self
            .interpreter
            .loader
            .find(self.py, handler, default, path, object);
        let result = found.and_then(|function| function.call1((object,)));
        let result = result.and_then(|result| number(&result, &handler.text()));
        match result {
            Ok(200) => {
                let text = format!(
                    "{}: 200 is no result for a handler: return apache.OK",
                    handler.text()
                );
                log::request(place!(), self.r, Level::Warning, &text);
                Ok(Status::OK)
            }
            Ok(number) => Ok(Status(number)),
            Err(error) => match server_return(self.py, self.interpreter, &error)? {
                Some(Returned { result, status }) => {
                    if let Some(status) = status {
                        self.r.set_status(status);
                    }
                    Ok(Status(result))
                }
                None => Err(error),
            },
        }
    }

    /// Ends a response that a list of handlers has made, or declined to make.
    fn finish(&self, status: Status) -> Status {
        let response = &self.state.response;
        match status {
            Status::OK | Status::DONE => {
                response.end(self.py, self.r);
                status
            }
            Status::DECLINED => {
                // Another handler goes on behind what was written.
                let _ = response.send_rest(self.py, self.r);
                status
            }
            // An error page is out, say of the filter that read the request's body.
            _ if self.r.is_answered() => {
                response.discard();
                Status::FILTER_ERROR
            }
            _ if self.r.has_started() => {
                let text = format!(
                    "{} after a part of the response was sent: it is cut",
                    status.0
                );
                log::request(place!(), self.r, Level::Error, &text);
                response.cut(self.py, self.r)
            }
            _ => {
                response.discard();
                status
            }
        }
    }

    /// An exception: 500 and a traceback in the log; a cut response when something of it is out.
    fn failed(&self, handler: &Handler, error: &PyErr) -> Status {
        let response = &self.state.response;
        match response.broken() {
            Some(Error::FILTER) => {
                // A filter failed and said so; httpd has answered with its error page.
                response.discard();
                return Status::FILTER_ERROR;
            }
            Some(_) => {
                let text = format!(
                    "{}: the client left before the response was whole",
                    handler.text()
                );
                log::request(place!(), self.r, Level::Info, &text);
                response.discard();
                return Status::DONE;
            }
            None => {}
        }
        if let Some(status) = self.state.body.answer_to(self.py, error) {
            let text = format!(
                "{}: the request's body did not come: {error}",
                handler.text()
            );
            log::request(place!(), self.r, Level::Info, &text);
            return self.finish(status);
        }
        let name = format!("{} {}", self.phase.directive(), handler.text());
        let request = self
            .r
            .the_request()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        let text = format!("{name} ({}) failed for \"{request}\"", handler.source);
        report::to_log(self.py, &text, error);
        if self.r.has_started() {
            return response.cut(self.py, self.r);
        }
        response.discard();
        if self.settings.debug != Some(true) {
            return Status::INTERNAL_SERVER_ERROR;
        }
        response.replace(self.py, self.r, &Page::of(self.py, self.r, &name, error));
        Status::DONE
    }
}

/// What `SERVER_RETURN(result[, status])` says.
pub struct Returned {
    /// The result, as if it had been returned.
    pub result: i32,
    /// The response's status, if it was given.
    pub status: Option<i32>,
}

/// What `error` says if it is a `SERVER_RETURN`; None if it is not.
///
/// # Errors
/// `TypeError` when its arguments are no numbers.
pub fn server_return(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    error: &PyErr,
) -> PyResult<Option<Returned>> {
    if !error.matches(py, interpreter.types.server_return.bind(py))? {
        return Ok(None);
    }
    let arguments = error.value(py).getattr("args")?;
    let result = arguments.get_item(0).map_err(|_| {
        PyTypeError::new_err("SERVER_RETURN takes a result: raise SERVER_RETURN(apache.DONE)")
    })?;
    let status = arguments
        .get_item(1)
        .ok()
        .map(|status| status.extract::<i32>())
        .transpose()?;
    let status = status
        .filter(|status| *status != 0)
        .map(valid_status)
        .transpose()?;
    Ok(Some(Returned {
        result: number(&result, "SERVER_RETURN")?,
        status,
    }))
}

/// A handler's result as a number.
fn number(result: &Bound<'_, PyAny>, who: &str) -> PyResult<i32> {
    if !result.is_instance_of::<PyBool>() {
        if let Ok(number) = result.extract::<i32>() {
            return Ok(number);
        }
    }
    close_coroutine(result);
    let kind = result.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{who} gave {kind}: a handler returns apache.OK, apache.DECLINED, apache.DONE or an HTTP \
         status such as apache.HTTP_NOT_FOUND"
    )))
}

/// A coroutine that nobody will run is closed, so that Python does not complain about it, too.
pub fn close_coroutine(result: &Bound<'_, PyAny>) {
    if result.hasattr("cr_frame").unwrap_or(false) {
        let _ = result.call_method0("close");
    }
}

/// Runs the connection handler for a connection.
pub fn connection(c: &Connection, handler: &Handler, settings: &Settings) -> Status {
    let asked = c.state(ConnectionState::default);
    if asked.declined.get() {
        return Status::DECLINED;
    }
    let interpreter = match interpreter(settings) {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            let text = format!("no Python for this connection: {reason}");
            log::connection(place!(), c, Level::Error, &text);
            return Status::DONE;
        }
    };
    let wire = c.pool().own_first(Wire::new(c));
    if wire.start(c).is_err() {
        // No handshake: HTTP's own handler knows how to answer that.
        return Status::DECLINED;
    }
    let timeouts = c.leave_request_timeouts();
    let lease = Lease::new("connection");
    let status = interpreter.enter(About::Connection(c), |py| {
        let _open = lease.open();
        let object = ConnectionObject::with_wire(&lease, c, wire);
        let result = class::make(py, interpreter, object).and_then(|object| {
            let path = settings.path.as_deref();
            let default = Phase::Connection.default_object();
            let function = interpreter
                .loader
                .find(py, handler, default, path, &object)?;
            match function
                .call1((&object,))
                .and_then(|result| number(&result, &handler.text()))
            {
                Err(error) => match server_return(py, interpreter, &error)? {
                    Some(returned) => Ok(returned.result),
                    None => Err(error),
                },
                result => result,
            }
        });
        result.map(Status).unwrap_or_else(|error| {
            let name = format!("{} {}", Phase::Connection.directive(), handler.text());
            let text = format!("{name} ({}) failed", handler.source);
            report::to_log(py, &text, &error);
            Status::DONE
        })
    });
    lease.end();
    if status != Status::DECLINED {
        return Status::OK;
    }
    if wire.has_unread() {
        let text = format!(
            "{} declined after it had read a part of a line: closed",
            handler.text()
        );
        log::connection(place!(), c, Level::Error, &text);
        return Status::OK;
    }
    asked.declined.set(true);
    if let Some(timeouts) = timeouts {
        c.take_request_timeouts(timeouts);
    }
    status
}
