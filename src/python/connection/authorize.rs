//! `conn.authorize()`: httpd's own authentication and authorization, for protocols that have none.

use std::ffi::CString;

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::async_io;
use super::awaitable::Operation;
use super::object::{ConnectionObject, transport};
use super::on_loop::queued;
use crate::engine::credentials;
use crate::httpd::Connection;
use crate::httpd::log::Level;
use crate::httpd::request::auth_probe::Verdict;
use crate::python::object::arguments::given;
use crate::python::object::class::{Answer, This};
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::release;
use crate::python::text::{decode, encode, encode_c};

/// A location of the configuration, and the user who wants to use it.
pub struct Question {
    uri: CString,
    /// The value of the header `Authorization`; `None` for a request without a user.
    credentials: Option<CString>,
    /// Basic authentication cannot carry these credentials (RFC 7617), so httpd would refuse them.
    is_hopeless: bool,
}

impl Question {
    fn new(
        uri: &Bound<'_, PyAny>,
        user: Option<&Bound<'_, PyAny>>,
        password: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let uri = encode_c(uri)?;
        if !credentials::is_path(uri.as_bytes()) {
            return Err(PyValueError::new_err(
                "a location is a path from its first slash, quoted as in a URL: '/mail'",
            ));
        }
        let (user, password) = match (given(user), given(password)) {
            (None, None) => {
                return Ok(Self {
                    uri,
                    credentials: None,
                    is_hopeless: false,
                });
            }
            (Some(user), Some(password)) => (encode(user)?, encode(password)?),
            _ => {
                return Err(PyTypeError::new_err(
                    "authorize() takes a user and a password, or neither",
                ));
            }
        };
        let basic = credentials::basic(&user, &password);
        Ok(Self {
            uri,
            is_hopeless: basic.is_none(),
            credentials: basic.and_then(|basic| CString::new(basic).ok()),
        })
    }

    /// Asks httpd's authentication and authorization, without the GIL: they may wait, as for a database. Called with
    /// the GIL, on the thread that has the connection. Returns the user's name as `str`, `''` where the location asks
    /// for no user, None when httpd refuses.
    ///
    /// # Errors
    /// `ValueError` for a URI that httpd does not take; `RuntimeError` when httpd failed (a status from 500 on).
    pub(in crate::python) fn ask<'py>(&self, py: Python<'py>, c: &Connection) -> Answer<'py> {
        let none = || Ok(py.None().into_bound(py));
        if self.is_hopeless {
            return none();
        }
        let verdict = release(py, || {
            let probe = c.probe_auth(&self.uri, self.credentials.as_deref())?;
            Ok::<_, crate::httpd::Error>(probe.authorize())
        });
        let uri = self.uri.to_string_lossy();
        match verdict {
            Err(_) => Err(PyValueError::new_err(format!(
                "'{uri}' is no path of a URL"
            ))),
            Ok(Verdict::Allowed(user)) => decode(py, &user.unwrap_or_default()),
            Ok(Verdict::Refused(status)) if status.0 >= 500 => {
                Err(PyRuntimeError::new_err(format!(
                    "httpd could not decide about {uri} (status {}): its error log says why",
                    status.0
                )))
            }
            Ok(Verdict::Refused(status)) => {
                let text = format!("authorize({uri}): refused with status {}", status.0);
                About::Connection(c).log(Level::Debug, &text);
                none()
            }
        }
    }
}

/// The address and port that httpd would give requests on this connection as their client's (mod_remoteip). Lets go
/// of the GIL while httpd's hooks run.
pub(in crate::python) fn client(
    this: &This<'_, '_, ConnectionObject>,
) -> PyResult<(Option<Vec<u8>>, u16)> {
    let c = this.body().lent.get()?;
    Ok(release(this.py(), || {
        let Ok(probe) = c.probe_auth(c"/", None) else {
            return (None, 0);
        };
        let r = probe.request();
        match probe.meet_client() {
            Ok(()) => (r.useragent_ip().map(<[u8]>::to_vec), r.useragent_port()),
            // mod_remoteip waits for a PROXY protocol header that has not come.
            Err(_) => (None, 0),
        }
    }))
}

/// `conn.authorize(uri, user, password)`
pub(in crate::python) fn authorize<'py>(
    this: &This<'_, 'py, ConnectionObject>,
    uri: &Bound<'py, PyAny>,
    user: Option<&Bound<'py, PyAny>>,
    password: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let arguments = [("", Some(uri)), ("user", user), ("password", password)];
    if let Some(queued) = queued(this, "authorize", &arguments) {
        return queued;
    }
    let (c, transport) = transport(this)?;
    let question = Question::new(uri, user, password)?;
    match transport.io.is_async() {
        true => async_io::make(this, Operation::Answer(question)),
        false => question.ask(this.py(), c),
    }
}
