//! Calls the functions of httpd's access control: those of `PythonAuthProvider` and `Require python`. httpd calls on
//! the thread that works on the request; the GIL is held for the call, but where the function lets go of it.
//!
//! Such a function only decides. While it runs, nothing can be written to the response, since what httpd does next
//! depends upon all of its providers.

use std::ffi::CString;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString, PyTuple};

use super::state::RequestState;
use crate::engine::access::{AuthProvider, CHECK_PASSWORD, REALM_HASH, Requirement};
use crate::engine::call_counters::Work;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::hooks::access::{HashAnswer, PasswordAnswer, RequireAnswer};
use crate::httpd::log::Level;
use crate::httpd::{Request, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::python::connection::ends::is_of_peer;
use crate::python::pdb;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::traceback;
use crate::python::text::decode_credential;
use crate::python::values::handler_result::{close_coroutine, ending};

/// Asks `check_password(req, user, password)`.
pub fn check_password(r: &Request, user: &[u8], password: &[u8]) -> PasswordAnswer {
    let Some(provider) = provider(r) else {
        return PasswordAnswer::Failed;
    };
    let question = AccessCall {
        handler: &provider.check_password,
        phase: Phase::Authen,
        what: format!("PythonAuthProvider {}", provider.text()),
    };
    let answer = question.ask(r, &[user, password], |result| {
        if result.is_none() {
            return Ok(PasswordAnswer::UnknownUser);
        }
        match truth(result) {
            Some(true) => Ok(PasswordAnswer::Right),
            Some(false) => Ok(PasswordAnswer::Wrong),
            None => Err(question.wrong(
                result,
                CHECK_PASSWORD,
                "True for the user's password, False for another one, None for a user that it does not know",
            )),
        }
    });
    answer.unwrap_or_else(|unanswered| match unanswered {
        Unanswered::Status(status) => PasswordAnswer::Status(status),
        Unanswered::Failed => PasswordAnswer::Failed,
    })
}

/// Asks `get_realm_hash(req, user, realm)`.
pub fn realm_hash(r: &Request, user: &[u8], realm: &[u8]) -> HashAnswer {
    let Some(provider) = provider(r) else {
        return HashAnswer::Failed;
    };
    let question = AccessCall {
        handler: &provider.realm_hash,
        phase: Phase::Authen,
        what: format!("PythonAuthProvider {}", provider.text()),
    };
    let answer = question.ask(r, &[user, realm], |result| {
        if result.is_none() {
            return Ok(HashAnswer::UnknownUser);
        }
        if truth(result) == Some(false) {
            return Ok(HashAnswer::Refused);
        }
        hash(result).ok_or_else(|| {
            question.wrong(
                result,
                REALM_HASH,
                "the MD5 hash of user:realm:password as a str of 32 hexadecimal digits, None for a user that it does \
                 not know, False for one who may not come in",
            )
        })
    });
    answer.unwrap_or_else(|unanswered| match unanswered {
        Unanswered::Status(status) => HashAnswer::Status(status),
        Unanswered::Failed => HashAnswer::Failed,
    })
}

/// Asks the function of a line `Require python`.
pub fn require(r: &Request, requirement: &Requirement) -> RequireAnswer {
    let question = AccessCall {
        handler: &requirement.handler,
        phase: Phase::Authz,
        what: requirement.to_string(),
    };
    let has_user = r.user().is_some();
    let arguments = requirement.arguments.iter().map(|text| text.as_bytes());
    let answer = question.ask(r, &arguments.collect::<Vec<_>>(), |result| {
        if result.is_none() {
            return Ok(RequireAnswer::Neutral);
        }
        let status = match result.is_instance_of::<PyInt>() {
            true => result.extract().ok().map(Status),
            false => None,
        };
        match (truth(result), status) {
            (Some(true), _) => Ok(RequireAnswer::Granted),
            // A function that looks at `req.user` is asked again when there is one.
            (Some(false), _) if !has_user && r.auth_scheme().is_some() => {
                Ok(RequireAnswer::NeedsUser)
            }
            (_, Some(Status::UNAUTHORIZED)) if !has_user => Ok(RequireAnswer::NeedsUser),
            (Some(false), _) | (_, Some(Status::UNAUTHORIZED | Status::FORBIDDEN)) => {
                Ok(RequireAnswer::Denied)
            }
            _ => Err(question.wrong(
                result,
                "it",
                "True, False, None, apache.HTTP_UNAUTHORIZED to ask for a user or apache.HTTP_FORBIDDEN to ask for none",
            )),
        }
    });
    answer.unwrap_or_else(|unanswered| match unanswered {
        Unanswered::Status(Status::UNAUTHORIZED) if !has_user && r.auth_scheme().is_some() => {
            RequireAnswer::NeedsUser
        }
        Unanswered::Status(status) => RequireAnswer::Status(status),
        Unanswered::Failed => RequireAnswer::Failed,
    })
}

/// The provider of the request's section.
fn provider(r: &Request) -> Option<&AuthProvider> {
    let provider = r.settings::<Settings>().auth_provider.as_deref();
    if provider.is_none() {
        let text = "the provider python is asked for a user, and no PythonAuthProvider holds here: write \
                    PythonAuthProvider module beside AuthBasicProvider python";
        About::Request(r).log(Level::Error, text);
    }
    provider
}

/// True or False, if it is one of them: no other value counts as one.
fn truth(result: &Bound<'_, PyAny>) -> Option<bool> {
    result.cast::<PyBool>().ok().map(|value| value.is_true())
}

/// The hash of Digest, in the lower-case digits that mod_auth_digest compares.
fn hash(result: &Bound<'_, PyAny>) -> Option<HashAnswer> {
    let text = result.cast::<PyString>().ok()?.to_str().ok()?;
    let is_hash = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let text = CString::new(text.to_ascii_lowercase()).ok()?;
    is_hash.then_some(HashAnswer::Hash(text))
}

/// Why a call has no result that means something.
enum Unanswered {
    /// It has raised `SERVER_RETURN` with this status, or the body of the request could not be read.
    Status(Status),
    /// It has failed, which was logged.
    Failed,
}

/// A call of a function that decides.
struct AccessCall<'a> {
    handler: &'a Handler,
    /// The phase as whose its calls are counted.
    phase: Phase,
    /// The directive and what follows it, for the log.
    what: String,
}

impl AccessCall<'_> {
    /// Calls the function with the request and `arguments`; `read` says what its result means.
    fn ask<T>(
        &self,
        r: &Request,
        arguments: &[&[u8]],
        read: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, Unanswered> {
        let settings: &Settings = r.settings();
        let state = RequestState::of(r);
        let home = &self.handler.home;
        let interpreter = match state.interpreter(r, settings, home, self.phase.knows_file()) {
            Ok(interpreter) => interpreter,
            Err(reason) => {
                reason.log(About::Request(r), Level::Error, "this request");
                return Err(Unanswered::Failed);
            }
        };
        let measurement = Measurement::begin(metrics::phase(self.phase));
        let answer = interpreter.enter(About::Request(r), |py| {
            let _open = state.lease.open();
            let was_deciding = state.is_deciding.replace(true);
            state.note_call();
            let call = || {
                let result = self.call(py, interpreter, r, arguments)?;
                read(&result)
            };
            let answer = state.call_handlers(py, interpreter, call);
            state.is_deciding.set(was_deciding);
            let answer = answer.map_err(|error| self.unanswered(py, interpreter, r, error));
            state.forget_unused(py, interpreter);
            answer
        });
        interpreter.deferred_drops.empty_if_large(interpreter);
        measurement.end(&Work::default());
        answer
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        r: &Request,
        arguments: &[&[u8]],
    ) -> PyResult<Bound<'py, PyAny>> {
        let settings: &Settings = r.settings();
        let request = RequestState::of(r).object(py, interpreter, r)?;
        let search = SearchPath::of(settings, Some(r));
        // The handler names its object: there is no default.
        let function = (interpreter.loader).find(py, self.handler, "", search, &request)?;
        let mut all = vec![request];
        for text in arguments {
            all.push(decode_credential(py, text)?);
        }
        let all = PyTuple::new(py, all)?;
        pdb::call(settings, &function, &all)
    }

    /// The exception for a result that means nothing. It must not be taken for success.
    fn wrong(&self, result: &Bound<'_, PyAny>, name: &str, wanted: &str) -> PyErr {
        let handler = self.handler;
        if close_coroutine(result) {
            return PyTypeError::new_err(format!(
                "{handler} is an 'async def', which only a PythonHandler, connection handlers and streaming filters can be: write 'def'"
            ));
        }
        let kind = result.get_type().name().map(|name| name.to_string());
        let kind = kind.unwrap_or_default();
        // A hash or a password is no text for a log.
        let value = match result.is_instance_of::<PyInt>() {
            true => format!("{kind} {result}"),
            false => kind,
        };
        PyValueError::new_err(format!("{handler} gave {value}: {name} returns {wanted}"))
    }

    /// What an exception of the function means: a status of an error answers the request, and is logged at info. All
    /// others are failures, so that none lets anyone in.
    fn unanswered(
        &self,
        py: Python<'_>,
        interpreter: &'static Interpreter,
        r: &Request,
        error: PyErr,
    ) -> Unanswered {
        let what = &self.what;
        let status = RequestState::of(r).body.answer_to(py, &error);
        if status.is_some() || is_of_peer(py, &error) {
            let text = format!("{what}: the request's body did not come: {error}");
            About::Request(r).log(Level::Info, &text);
            return status.map_or(Unanswered::Failed, Unanswered::Status);
        }
        match ending(py, interpreter, &error) {
            Ok(Some(ending)) if ending.result.0 >= 400 => {
                let text = format!("{what} has raised SERVER_RETURN {}", ending.result.0);
                About::Request(r).log(Level::Info, &text);
                return Unanswered::Status(ending.result);
            }
            Ok(_) => self.log_failure(py, r, &error),
            Err(error) => self.log_failure(py, r, &error),
        }
        Unanswered::Failed
    }

    fn log_failure(&self, py: Python<'_>, r: &Request, error: &PyErr) {
        let (what, source) = (&self.what, &self.handler.source);
        metrics::failed(metrics::phase(self.phase));
        let request = String::from_utf8_lossy(r.the_request().unwrap_or_default());
        let text = format!("{what} ({source}) failed for \"{request}\"");
        traceback::to_log(py, &text, error);
    }
}
