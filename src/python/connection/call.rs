//! Connection handlers: the call of one, and what becomes of the connection, by what it gave: a
//! plain function has served it by then, a coroutine begins to talk.
#![expect(unsafe_code, reason = "a look at the type of what a handler gave")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;

use super::crowd;
use super::object::ConnectionObject;
use super::role::Role;
use super::speaker::{self, Speaker};
use super::talk::Talk;
use super::wire::Wire;
use crate::engine::counters::Work;
use crate::engine::handlers::{Handler, Home};
use crate::engine::names;
use crate::engine::phases::Phase;
use crate::engine::protocols::Protocol;
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Connection, Request, Status, process};
use crate::python::debugger;
use crate::python::interpreters::context::About;
use crate::python::interpreters::interpreter::{Interpreter, main_server};
use crate::python::interpreters::loader::Search;
use crate::python::interpreters::named::NoPython;
use crate::python::meter::{self, Counted, Meter};
use crate::python::object::class;
use crate::python::object::lease::Lease;
use crate::python::result::{number, server_return};
use crate::python::state::ConnectionState;

/// The interpreter for what stands in `home`, for a request or a connection.
///
/// # Errors
/// Why there is none.
pub fn interpreter(
    settings: &Settings,
    r: Option<&Request>,
    home: &Home,
) -> Result<&'static Interpreter, NoPython> {
    let file = || r.and_then(|r| Some((r.filename()?, r.is_directory())));
    // What httpd has not looked for is no directory because a client says so.
    let is_there = |directory: &str| {
        r.is_some_and(Request::has_file)
            || Interpreter::is_known(directory)
            || Path::new(directory).is_dir()
    };
    Interpreter::named(&names::interpreter(settings, home, file, is_there))
}

/// How long handlers have to finish when the server stops gracefully.
const GRACE: Duration = Duration::from_secs(5);

/// The longest `PythonGracefulTimeout` of all servers.
pub fn grace() -> Duration {
    let servers = std::iter::successors(main_server(), |server| server.next());
    servers
        .filter_map(|server| server.settings::<Settings>().graceful_timeout)
        .max()
        .unwrap_or(GRACE)
}

/// What the call of a handler gave.
enum Given {
    /// It has served the connection, or not.
    Status(Status),
    /// It has only begun.
    Coroutine(Py<PyAny>),
}

/// Runs the connection handler for a connection, or goes on with it.
pub fn connection(c: &Connection, role: Role, settings: &Settings) -> Status {
    let asked = c.state(ConnectionState::default);
    if asked.declined.get() {
        return Status::DECLINED;
    }
    let status = match asked.seat.get() {
        Some(seat) => Talk::called(c, seat),
        None => first_call(c, asked, false, role, settings),
    };
    if status == Status::DECLINED {
        asked.member.take();
        asked.declined.set(true);
    }
    status
}

/// Runs the handler of a protocol for a connection whose request asked for it. httpd is in the
/// middle of that request: the thread is held until the connection is over.
pub fn upgraded(c: &Connection, protocol: &Arc<Protocol>, settings: &Settings) {
    let asked = c.state(ConnectionState::default);
    let role = Role::Protocol(protocol.clone());
    first_call(c, asked, true, role, settings);
}

/// httpd is about to close a connection.
pub fn closing(c: &Connection) {
    let Some(state) = c.existing_state::<ConnectionState>() else {
        return;
    };
    for seat in state.seats() {
        Talk::closing(c, seat);
    }
    if state.shaking_hands.borrow().is_some() {
        // mod_ssl would wait for the rest of it, to say good-bye.
        c.abort();
    }
}

/// Has TLS shake hands: it may agree upon a protocol, and comes before what anybody says.
///
/// # Errors
/// What the hook that runs answers, because that is not over yet, or has failed.
pub fn shake_hands(c: &Connection) -> Result<Box<Wire>, Status> {
    let asked = c.state(ConnectionState::default);
    let wire = asked.shaking_hands.take();
    let wire = wire.unwrap_or_else(|| Box::new(Wire::new(c)));
    let parks = c.can_park();
    let started = wire.start(c, !parks);
    asked
        .has_shaken_hands
        .set(!matches!(started, Err(error) if error.is_again()));
    match started {
        Ok(()) => Ok(wire),
        Err(error) if parks && error.is_again() => {
            // A peer that takes its time over TLS's handshake holds no thread.
            asked.shaking_hands.replace(Some(wire));
            c.use_own_timeout();
            Err(c.park())
        }
        // No handshake: HTTP's own handler knows how to answer that.
        Err(_) => Err(Status::DECLINED),
    }
}

fn first_call(
    c: &Connection,
    asked: &ConnectionState,
    is_upgraded: bool,
    role: Role,
    settings: &Settings,
) -> Status {
    let Some(handler) = role.handler() else {
        return Status::DECLINED;
    };
    let interpreter = match interpreter(settings, None, &handler.home) {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            let text = format!("no Python for this connection: {reason}");
            log::connection(place!(), c, Level::Error, &text);
            return Status::DONE;
        }
    };
    if asked.member.borrow().is_none() {
        match crowd::join(c, settings) {
            Some(member) => asked.member.replace(Some(member)),
            None => return c.linger(),
        };
    }
    let wire = match shake_hands(c) {
        Ok(wire) => wire,
        Err(status) => return status,
    };
    let timeouts = c.leave_request_timeouts();
    let lease = Lease::new("connection");
    let open = Counted::open();
    let meter = Meter::begin(meter::phase(Phase::Connection));
    let given = interpreter.enter(About::Connection(c), |py| {
        let _open = lease.open();
        let object = ConnectionObject::with_wire(&lease, c, &wire);
        let result = class::make(py, interpreter, object)
            .and_then(|object| call(py, interpreter, handler, settings, &object));
        result.unwrap_or_else(|error| {
            speaker::failed(py, c, &role, &error);
            Given::Status(Status::DONE)
        })
    });
    meter.end(&Work::default());
    let status = match given {
        Given::Status(status) => status,
        Given::Coroutine(coroutine) => {
            let (seat, stand_in) = match asked.take_seat(is_upgraded, c.can_park()) {
                Ok(taken) => taken,
                Err(error) => {
                    // Closing what has not begun runs none of it.
                    let close =
                        |py: Python<'_>| coroutine.into_bound(py).call_method0("close").map(drop);
                    let _ = interpreter.enter(About::Connection(c), close);
                    return refuse(c, &error);
                }
            };
            drop(open);
            let speaker = Speaker {
                interpreter,
                role,
                lease,
                coroutine: Some(coroutine),
            };
            return Talk::begin(c, seat, wire, speaker, timeouts, stand_in);
        }
    };
    lease.end();
    if role.judge(c, &wire.duplex, status) != Status::DECLINED {
        return Status::OK;
    }
    if let Some(timeouts) = timeouts {
        c.take_request_timeouts(timeouts);
    }
    status
}

/// There is no room for an `async def` handler's connection.
fn refuse(c: &Connection, error: &io::Error) -> Status {
    let mut text = format!("closed: no room for a connection: {error}");
    if error.raw_os_error() == Some(libc::EMFILE) {
        let most = process::most_descriptors();
        text += &format!(
            ". This child has {most} descriptors: raise ulimit -n (APACHE_ULIMIT_MAX_FILES, \
             LimitNOFILE=), or set PythonMaxConnections"
        );
    }
    log::connection(place!(), c, Level::Error, &text);
    c.linger()
}

fn call(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    handler: &Handler,
    settings: &Settings,
    object: &Bound<'_, PyAny>,
) -> PyResult<Given> {
    let search = Search {
        path: settings.path.as_deref(),
        r: None,
    };
    let default = Phase::Connection.default_object();
    let function = interpreter
        .loader
        .find(py, handler, default, search, object)?;
    let result = debugger::call1(settings, &function, object).and_then(|result| {
        if is_coroutine(&result) {
            return Ok(Given::Coroutine(result.unbind()));
        }
        Ok(Given::Status(Status(number(&result, &handler.text())?)))
    });
    match result {
        Err(error) => match server_return(py, interpreter, &error)? {
            Some(returned) => Ok(Given::Status(Status(returned.result))),
            None => Err(error),
        },
        given => given,
    }
}

/// Whether a call gave a coroutine: the shape of a handler that waits without a thread.
fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a look at the object's type.
    let class = unsafe { ffi::Py_TYPE(object.as_ptr()) };
    std::ptr::eq(class, &raw const ffi::PyCoro_Type)
}
