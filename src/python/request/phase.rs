//! Calls the handlers of a phase of a request, on the thread on which httpd runs the phase. The interpreter is entered
//! once for the phase: the GIL is held but for the calls that release it. What the handlers have written is sent after
//! the interpreter was left, so that a request need not wait for the GIL a second time.

use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::coroutine::{CallEnd, awaited};
use super::state::RequestState;
use crate::engine::call_counters::Work;
use crate::engine::handler_lists::Chosen;
use crate::engine::handlers::{Handler, Home};
use crate::engine::phases::{Phase, PhaseHook};
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::{Request, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::python::handlers::chain::{Chain, ChainedHandler};
use crate::python::pdb;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::traceback;
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
                state.call_handlers(py, interpreter, || run.chain(&chain, &object, None))
            }
            Err(error) => {
                traceback::to_log(py, phase.directive(), &error);
                Outcome::Over(Status::INTERNAL_SERVER_ERROR)
            }
        };
        state.forget_unused(py, interpreter);
        outcome
    });
    settled(r, state, interpreter, phase, outcome, measurement)
}

/// Goes on with the content phase of a request that has waited without a thread: `result` gives what its handler has
/// come to. Returns the status for httpd; `SUSPENDED` if the request waits again.
pub fn go_on(
    r: &Request,
    interpreter: &'static Interpreter,
    result: impl for<'py> FnOnce(Python<'py>) -> PyResult<CallEnd<'py>>,
) -> Status {
    let (state, phase) = (RequestState::of(r), Phase::Content);
    let measurement = Measurement::go_on(metrics::phase(phase));
    let outcome = interpreter.enter(About::Request(r), |py| {
        let _open = state.lease.open();
        let outcome = match (state.object(py, interpreter, r), state.handlers.chain()) {
            (Ok(object), Some(chain)) => {
                let run = PhaseCall {
                    py,
                    interpreter,
                    phase,
                    settings: r.settings(),
                    r,
                    state,
                };
                state.call_handlers(py, interpreter, || {
                    let result = result(py);
                    run.chain(&chain, &object, Some(result))
                })
            }
            _ => Outcome::Over(Status::INTERNAL_SERVER_ERROR),
        };
        state.forget_unused(py, interpreter);
        outcome
    });
    settled(r, state, interpreter, phase, outcome, measurement)
}

/// The end of a phase whose handler has answered the request without a call on this thread: the status for httpd. Without
/// the GIL.
pub fn answered(
    r: &Request,
    interpreter: &'static Interpreter,
    phase: Phase,
    measurement: Measurement,
) -> Status {
    let outcome = Outcome::Returned(Status::OK);
    let state = RequestState::of(r);
    settled(r, state, interpreter, phase, outcome, measurement)
}

/// The end of a call of a phase's handlers: the status for httpd.
fn settled(
    r: &Request,
    state: &RequestState,
    interpreter: &'static Interpreter,
    phase: Phase,
    outcome: Outcome,
    measurement: Measurement,
) -> Status {
    let status = match outcome {
        Outcome::Over(status) => status,
        Outcome::Returned(status) => finish(r, state, phase, status),
        Outcome::Waits => Status::SUSPENDED,
    };
    if status != Status::SUSPENDED {
        state.handlers.end(interpreter);
    }
    interpreter.deferred_drops.empty_if_large(interpreter);
    measurement.end(&Work::default());
    status
}

/// What the handlers of a phase came to.
pub(super) enum Outcome {
    /// They have returned this status; what they have written is not sent yet.
    Returned(Status),
    /// The response was dealt with. The status for httpd.
    Over(Status),
    /// One of them waits, and its request goes on later, on another thread.
    Waits,
}

/// What the call of one handler came to.
enum HandlerCall {
    /// A module need not have the function, and has none.
    Absent,
    /// The handler's result.
    Returned(Status),
    /// It waits.
    Waits,
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
            let request = String::from_utf8_lossy(r.the_request().unwrap_or_default());
            let text = format!(
                "{}, for \"{request}\": to send a status with a body, set req.status before the first \
                 write(), and return apache.OK",
                cut_response(status)
            );
            About::Request(r).log(Level::Error, &text);
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
pub(super) struct PhaseCall<'a, 'py> {
    pub(super) py: Python<'py>,
    pub(super) interpreter: &'static Interpreter,
    pub(super) phase: Phase,
    pub(super) settings: &'a Settings,
    pub(super) r: &'a Request,
    pub(super) state: &'a RequestState,
}

impl<'py> PhaseCall<'_, 'py> {
    /// Calls one handler after the other, for as long as `phase.continues()` says so. `resumed` is what the first of them
    /// came to, if that has waited without a thread.
    fn chain(
        &self,
        chain: &Chain,
        object: &Bound<'py, PyAny>,
        mut resumed: Option<PyResult<CallEnd<'py>>>,
    ) -> Outcome {
        let mut status = Status::DECLINED;
        let mut next = match resumed {
            Some(_) => self.state.waits_in.take(),
            None => chain.current(),
        };
        while let Some(chained) = next {
            let called = match resumed.take() {
                Some(result) => self.judge(chained.handler(), result),
                None => self.call(&chained, object),
            };
            match called {
                Ok(HandlerCall::Absent) => {}
                Ok(HandlerCall::Returned(result)) => {
                    status = result;
                    if !self.phase.continues().after(status.0) || self.is_answered() {
                        break;
                    }
                }
                Ok(HandlerCall::Waits) => {
                    self.state.waits_in.replace(Some(chained));
                    return Outcome::Waits;
                }
                Err(error) => return self.failed(chained.handler(), &error),
            }
            chain.advance();
            next = chain.current();
        }
        Outcome::Returned(status)
    }

    /// Calls a handler.
    fn call(&self, chained: &ChainedHandler, object: &Bound<'py, PyAny>) -> PyResult<HandlerCall> {
        let Some(function) = self.find(chained, object)? else {
            return Ok(HandlerCall::Absent);
        };
        self.state.note_call();
        let result = pdb::call1(self.settings, &function, object);
        let result = match self.phase {
            Phase::Content => {
                result.and_then(|result| awaited(self.interpreter, self.r, self.state, result))
            }
            _ => result.map(CallEnd::Result),
        };
        self.judge(chained.handler(), result)
    }

    /// What the call of a handler means for the request.
    fn judge(&self, handler: &Handler, result: PyResult<CallEnd<'py>>) -> PyResult<HandlerCall> {
        let result = match result {
            Ok(CallEnd::Waits) => return Ok(HandlerCall::Waits),
            Ok(CallEnd::Result(result)) => of_request(&result, handler),
            Err(error) => Err(error),
        };
        match result {
            Ok(result) => Ok(HandlerCall::Returned(result)),
            Err(error) => match ending(self.py, self.interpreter, &error)? {
                Some(ending) => {
                    if let Some(status) = ending.status {
                        self.r.set_status(status);
                    }
                    Ok(HandlerCall::Returned(ending.result))
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

    pub(super) fn is_answered(&self) -> bool {
        is_answered(self.r, self.phase)
    }

    pub(super) fn concluded(&self, status: Status) -> Outcome {
        Outcome::Over(concluded(self.r, self.state, self.phase, status))
    }
}
