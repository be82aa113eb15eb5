//! Calls connection handlers. A plain function has served the connection when it returns; the coroutine of an
//! `async def` handler becomes a session. All functions are called by httpd on the connection's thread, without the
//! GIL and without a turn, unless they say otherwise.
#![expect(unsafe_code, reason = "reads the type of what a handler returned")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pyo3::ffi;
use pyo3::prelude::*;

use super::coroutine;
use super::coroutine::{Called, Coroutine};
use super::object::ConnectionObject;
use super::role::Role;
use super::session::Session;
use crate::engine::call_counters::Work;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::engine::protocols::Protocol;
use crate::engine::settings::Settings;
use crate::httpd::connection::RequestTimeouts;
use crate::httpd::connection::parking::Sense;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::httpd::server::process;
use crate::httpd::{Connection, Error, Status};
use crate::metrics;
use crate::metrics::{Counted, Measurement};
use crate::parking::limits;
use crate::parking::transport::Transport;
use crate::python::connection::state::ConnectionState;
use crate::python::object::class;
use crate::python::pdb;
use crate::python::runtime::context::About;
use crate::python::runtime::contextvars::Variables;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::search_path::SearchPath;
use crate::python::values::handler_result::{number, server_return};

/// How long handlers have to finish when the server stops gracefully, where no server has `PythonGracefulTimeout`.
const GRACE: Duration = Duration::from_secs(5);

/// The longest `PythonGracefulTimeout` of all servers. Any thread.
pub fn grace() -> Duration {
    let servers = server::main()
        .into_iter()
        .flat_map(|main| main.and_following());
    servers
        .filter_map(|server| server.settings::<Settings>().graceful_timeout)
        .max()
        .unwrap_or(GRACE)
}

/// What the call of a handler returned.
enum Given {
    /// The result of a plain function, which is done with the connection.
    Status(Status),
    /// The coroutine of an `async def` function, which has not begun to run.
    Coroutine(Called),
}

/// Serves a connection in httpd's hook `process_connection`: calls its handler, or steps the handler that was called
/// before. Returns what the hook returns; `DECLINED` leaves the connection to HTTP.
pub fn connection(c: &Connection, role: Role, settings: &Settings) -> Status {
    let asked = c.state(ConnectionState::default);
    if asked.declined.get() {
        return Status::DECLINED;
    }
    let status = match asked.task.get() {
        Some(task) => Session::called(c, task),
        None => first_call(c, asked, false, role, settings),
    };
    if status == Status::DECLINED {
        asked.member.take();
        asked.declined.set(true);
    }
    status
}

/// Runs the handler of a protocol that a request has asked for (`Upgrade`), in httpd's hook `protocol_switch`. Returns
/// when the connection is over: httpd is in the middle of that request, so the connection cannot be parked.
pub fn upgraded(c: &Connection, protocol: &Arc<Protocol>, settings: &Settings) {
    let asked = c.state(ConnectionState::default);
    let role = Role::Protocol(protocol.clone());
    first_call(c, asked, true, role, settings);
}

/// Ends the handlers of a connection that httpd is about to close, in its hook `pre_close_connection`.
pub fn closing(c: &Connection) {
    let Some(state) = c.existing_state::<ConnectionState>() else {
        return;
    };
    for task in state.tasks() {
        Session::closing(c, task);
    }
    if state.shaking_hands.borrow().is_some() {
        // mod_ssl would wait for the rest of the handshake, to send its close_notify.
        c.abort();
    }
}

/// Reads the header of the PROXY protocol where mod_remoteip wants one, so that the client's address is known. Has TLS
/// shake hands before the handler is chosen, since both peers may agree upon a protocol there (ALPN, RFC 7301).
/// A connection that can be parked is, until the handshake goes on. Returns the transport that the handshake used.
///
/// # Errors
/// What httpd's hook must return now: the handshake is not over, or it failed and HTTP answers that.
pub fn shake_hands(c: &Connection) -> Result<Box<Transport>, Status> {
    let asked = c.state(ConnectionState::default);
    let transport = asked.shaking_hands.take();
    let transport = transport.unwrap_or_else(|| Box::new(Transport::new(c)));
    let parks = c.can_park();
    // Where it must not wait, mod_remoteip takes a header that has not come for a success. So its first byte is waited
    // for without a thread, and the rest, which comes with it, on this one.
    let has_header = c.has_proxy_header() && !c.is_tls();
    let started = match parks && has_header && !c.has_input() {
        true => Err(Error::AGAIN),
        false => transport.start(c, !parks || has_header),
    };
    asked
        .has_shaken_hands
        .set(!matches!(started, Err(error) if error.is_again()));
    match started {
        Ok(()) => Ok(transport),
        Err(error) if parks && error.is_again() => {
            // A peer that is slow in the handshake holds no thread.
            asked.shaking_hands.replace(Some(transport));
            c.use_own_timeout();
            Err(c.park(Sense::Input))
        }
        // mod_remoteip has logged why; HTTP would wait for the header once more.
        Err(_) if has_header => Err(Status::DONE),
        // The handshake failed: httpd's handler for HTTP answers that.
        Err(_) => Err(Status::DECLINED),
    }
}

/// Calls the handler of a connection for the first time: counts the connection, has TLS shake hands, then enters the
/// interpreter. A coroutine gets a task, and its first step on this thread.
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
    let interpreter = match Interpreter::for_connection(settings, c, &handler.home) {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            reason.log(About::Connection(c), Level::Error, "this connection");
            return Status::DONE;
        }
    };
    if asked.member.borrow().is_none() {
        match limits::join(c, settings) {
            Some(member) => asked.member.replace(Some(member)),
            None => return c.linger(),
        };
    }
    let transport = match shake_hands(c) {
        Ok(transport) => transport,
        Err(status) => return status,
    };
    let timeouts = c.leave_request_timeouts();
    let lease = Lease::new("connection");
    let (open, blocking) = (Counted::open(), c.blocks());
    let given = call_first(c, interpreter, &lease, &transport, &role, handler, settings);
    drop((open, blocking));
    let status = match given {
        Given::Status(status) => status,
        Given::Coroutine(coroutine) => {
            let coroutine = Coroutine {
                interpreter,
                role,
                lease,
                coroutine: Some(coroutine),
            };
            return begin_session(c, asked, is_upgraded, transport, coroutine, timeouts);
        }
    };
    lease.end();
    if role.judge(c, &transport.io, status) != Status::DECLINED {
        return Status::OK;
    }
    if let Some(timeouts) = timeouts {
        c.take_request_timeouts(timeouts);
    }
    status
}

/// Calls a handler for a connection, counted and timed; a failure of it is logged.
fn call_first(
    c: &Connection,
    interpreter: &'static Interpreter,
    lease: &Arc<Lease>,
    transport: &Transport,
    role: &Role,
    handler: &Handler,
    settings: &Settings,
) -> Given {
    let measurement = Measurement::begin(metrics::phase(Phase::Connection));
    let given = interpreter.enter(About::Connection(c), |py| {
        let _open = lease.open();
        let object = ConnectionObject::with_transport(lease, c, transport);
        let result = class::make(py, interpreter, object)
            .and_then(|object| call(py, interpreter, handler, settings, &object));
        result.unwrap_or_else(|error| {
            coroutine::failed(py, c, role, &error);
            Given::Status(Status::DONE)
        })
    });
    measurement.end(&Work::default());
    given
}

/// Makes a session of what an `async def` handler has begun, and runs it.
fn begin_session(
    c: &Connection,
    asked: &ConnectionState,
    is_upgraded: bool,
    transport: Box<Transport>,
    coroutine: Coroutine,
    timeouts: Option<RequestTimeouts>,
) -> Status {
    match asked.take_task(is_upgraded, c.can_park()) {
        Ok((task, parked_socket)) => {
            Session::begin(c, task, transport, coroutine, timeouts, parked_socket)
        }
        Err(error) => {
            // Closing what has not begun runs none of it.
            let close = |py: Python<'_>| match coroutine.coroutine {
                Some(called) => called.object.into_bound(py).call_method0("close").map(drop),
                None => Ok(()),
            };
            let _ = coroutine.interpreter.enter(About::Connection(c), close);
            refuse(c, &error)
        }
    }
}

/// Closes a connection for whose `async def` handler there is no task, and logs why.
fn refuse(c: &Connection, error: &io::Error) -> Status {
    let mut text = format!("closed: no room for a connection: {error}");
    if error.raw_os_error() == Some(libc::EMFILE) {
        let most = process::most_descriptors();
        text += &format!(
            ". This child has {most} descriptors: raise ulimit -n (APACHE_ULIMIT_MAX_FILES, \
             LimitNOFILE=), or set PythonMaxConnections"
        );
    }
    About::Connection(c).log(Level::Error, &text);
    c.linger()
}

/// Calls the handler with `object`, which is `conn`. Called with the GIL, and with the lease open.
///
/// # Errors
/// What loading or calling the handler raises; `TypeError` for a result that is no number.
fn call(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    handler: &Handler,
    settings: &Settings,
    object: &Bound<'_, PyAny>,
) -> PyResult<Given> {
    let search = SearchPath::of(settings, None);
    let default = Phase::Connection.default_object();
    let function = interpreter
        .loader
        .find(py, handler, default, search, object)?;
    let result = pdb::call1(settings, &function, object).and_then(|result| {
        if is_coroutine(&result) {
            let variables = Variables::copy_current(py)?;
            let object = result.unbind();
            return Ok(Given::Coroutine(Called { object, variables }));
        }
        Ok(Given::Status(Status(number(&result, handler)?)))
    });
    match result {
        Err(error) => match server_return(py, interpreter, &error)? {
            Some(returned) => Ok(Given::Status(Status(returned.result))),
            None => Err(error),
        },
        given => given,
    }
}

/// Whether an object is a coroutine, as the call of an `async def` function returns it.
pub fn is_coroutine(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: only reads the type of a live object.
    let class = unsafe { ffi::Py_TYPE(object.as_ptr()) };
    std::ptr::eq(class, &raw const ffi::PyCoro_Type)
}
