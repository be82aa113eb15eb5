//! How the waits of a handler end when its connection does: the exceptions, and which of them the peer or the
//! administrator has caused. All functions are called with the GIL.

use std::time::Instant;

use pyo3::exceptions::{PyConnectionResetError, PyTimeoutError};
use pyo3::prelude::*;

use crate::httpd::Connection;
use crate::httpd::connection::parking;
use crate::httpd::server::stop;
use crate::parking::departure::Departed;
use crate::parking::io_state::{IoState, Lost};
use crate::parking::shutdown;
use crate::python::runtime::interpreter::Interpreter;

/// Ends a wait for something else than the peer with an exception if the peer has left. Returns when it will be taken to
/// have left; `None` while it is there, or the handler knows. Called with the GIL of `interpreter`, in a step of the
/// handler of `c`.
///
/// # Errors
/// `ConnectionResetError`, once; `apache.ShuttingDown` if the child has shut the socket.
pub(in crate::python) fn departed(
    py: Python<'_>,
    interpreter: &Interpreter,
    c: &Connection,
    io: &IoState,
) -> PyResult<Option<Instant>> {
    match io.departed() {
        None => Ok(io.departs_at()),
        Some(Departed::Broken) => Err(Lost::broken(c).error(py, interpreter)),
        Some(Departed::Ended(time)) => {
            let seconds = time.as_secs_f64();
            let text = match time.is_zero() {
                true => "the peer has ended its side of the connection".to_owned(),
                false => format!(
                    "the peer has ended its side of the connection, and nothing was sent to it for {seconds} s"
                ),
            };
            Err(of_peer(py, PyConnectionResetError::new_err(text)))
        }
    }
}

impl Lost {
    /// Why a connection is broken: by its peer, or because the child stops. A child that stops at once first closes the
    /// sockets of its workers, after which httpd knows no descriptor; a peer cannot bring that about.
    pub fn broken(c: &Connection) -> Self {
        match c.descriptor() {
            _ if c.is_stream() && !stop::is_told() => Self::Reset,
            Some(_) if !stop::is_told() => Self::Reset,
            _ => Self::Stopping,
        }
    }

    /// Why httpd closes a connection whose handler waits.
    pub fn closing(c: &Connection) -> Self {
        if c.is_aborted() {
            Self::broken(c)
        } else if shutdown::is_closing() {
            Self::Stopping
        } else {
            Self::TimedOut
        }
    }

    /// Why a connection goes that httpd has not closed.
    pub fn gone(c: &Connection) -> Self {
        match parking::is_stopping() {
            true => Self::Stopping,
            false => Self::broken(c),
        }
    }

    /// The exception with which a wait ends: `ConnectionResetError`, `TimeoutError` or `apache.ShuttingDown`. Called
    /// with the GIL of `interpreter`.
    pub fn error(self, py: Python<'_>, interpreter: &Interpreter) -> PyErr {
        let error = match self {
            Self::Reset => {
                PyConnectionResetError::new_err("the peer has broken the connection off")
            }
            Self::TimedOut => PyTimeoutError::new_err("the connection took longer than Timeout"),
            Self::Stopping => {
                let class = interpreter.types.shutting_down.bind(py).clone();
                PyErr::from_type(class, ("the server is about to stop",))
            }
        };
        of_peer(py, error)
    }
}

/// The attribute that marks an exception as caused by the peer or the administrator. If a handler does not catch one,
/// that is no error of the handler, and is logged at level info.
const MARK: &str = "_of_peer";

/// Marks an exception as caused by the peer or the administrator.
pub(in crate::python) fn of_peer(py: Python<'_>, error: PyErr) -> PyErr {
    let _ = error.value(py).setattr(MARK, true);
    error
}

/// Whether an exception was caused by the peer or the administrator.
pub fn is_of_peer(py: Python<'_>, error: &PyErr) -> bool {
    error.value(py).hasattr(MARK).unwrap_or(false)
}
