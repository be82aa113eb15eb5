//! The wiring of connections: which handler serves one, and how its peer asks for that.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::capacity::Room;
use crate::engine::phases::Phase;
use crate::engine::protocols::Protocol;
use crate::engine::settings::Settings;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::server::config;
use crate::httpd::{Connection, Pool, Request, Server, Status};
use crate::locks::{Guard, Lock};
use crate::parking::kept_alive::{AfterKeepAlive, KeptAlive};
use crate::parking::limits;
use crate::parking::shutdown;
use crate::parking::shutdown::StopStage;
use crate::parking::task::Task;
use crate::parking::watch::Watch;
use crate::python::connection::call;
use crate::python::connection::role::Role;
use crate::python::connection::state::ConnectionState;
use crate::python::request::waiting::WaitingRequest;
use crate::python::request::waiting_limit;

/// After so many requests in a row that did not wait, a connection is likely to have no more that wait.
const PROMPT: u8 = 4;

/// The protocols that all lines of `PythonProtocol` of this configuration declare.
pub fn registry(configuration: &Pool) -> Guard<'_, Vec<Arc<Protocol>>> {
    let registry: &Lock<Vec<Arc<Protocol>>> =
        config::generation(configuration, c"mod_python.protocols");
    registry.lock()
}

/// Refuses a configuration with a protocol that no peer can get, because no `Protocols` names it.
///
/// # Errors
/// A sentence that says what is wrong, where, and what to write.
pub fn check(main: &Server) -> Result<(), String> {
    let mut served: HashSet<*const Protocol> = HashSet::new();
    for server in main.and_following() {
        for protocol in server.settings::<Settings>().protocols.values() {
            let known = Arc::as_ptr(protocol);
            if !served.contains(&known) && server.allows_protocol(&protocol.name) {
                served.insert(known);
            }
        }
    }
    for protocol in registry(main.configuration()).iter() {
        if !served.contains(&Arc::as_ptr(protocol)) {
            let name = protocol.name.to_string_lossy();
            let source = protocol.handler().map_or("", |handler| &handler.source);
            return Err(format!(
                "{source}: PythonProtocol {name}: no server where this holds names {name} in its \
                 Protocols, so no peer can have it: write Protocols {name} http/1.1"
            ));
        }
    }
    Ok(())
}

/// The handler of a server's connections.
pub fn connection_handler(server: &Server) -> Option<Role> {
    let settings = server.settings::<Settings>();
    let chosen = settings.handlers(Phase::Connection, None)?;
    Some(Role::Connection(chosen.list.clone()))
}

/// Whether connections of a server may have a handler.
pub fn has_any(server: &Server) -> bool {
    let settings = server.settings::<Settings>();
    settings.handlers(Phase::Connection, None).is_some() || !settings.protocols.is_empty()
}

/// Whether a connection that begins may get a handler and can be parked then. Its virtual host may become known
/// only later, from TLS.
pub fn may_serve(c: &Connection) -> bool {
    let server = c.base_server();
    let serves = || {
        has_any(server) || parks_requests(server) || !registry(server.configuration()).is_empty()
    };
    !c.is_outgoing() && c.can_park() && serves()
}

/// Serves a connection, or goes on with a parked one. Called on a thread of the MPM's.
pub fn process(c: &Connection) -> Status {
    if c.is_stream() {
        return Status::DECLINED;
    }
    if let Some(state) = c.existing_state::<ConnectionState>() {
        let waiting = state.waiting.borrow().clone();
        if let Some(task) = waiting {
            let status = WaitingRequest::called(c, state, &task);
            return closable(c, status);
        }
        if state.serves_http.get() {
            return Status::DECLINED;
        }
        let kept_alive = state.kept_alive.borrow().clone();
        if let Some(task) = kept_alive {
            let status = after_keep_alive(c, state, &task);
            return closable(c, status);
        }
    }
    let knows_hands = |state: &ConnectionState| state.has_shaken_hands.get();
    if !c.existing_state().is_some_and(knows_hands) && agrees_in_handshake(c) {
        if let Err(status) = call::shake_hands(c) {
            return status;
        }
    }
    let state = c.existing_state::<ConnectionState>();
    let agreed = state.and_then(|state| state.agreed.get());
    let role = match agreed {
        Some(protocol) => Some(Role::Protocol(protocol.clone())),
        None => connection_handler(c.base_server()),
    };
    match role {
        Some(role) => call::connection(c, role, c.base_server().settings()),
        None => http(c),
    }
}

/// Goes on with a connection that was kept alive.
fn after_keep_alive(c: &Connection, state: &ConnectionState, task: &Arc<Task>) -> Status {
    let (mut watch, call) = match KeptAlive::called(c, task) {
        AfterKeepAlive::Returns(status) => return status,
        AfterKeepAlive::Request(watch, call) => (watch, Some(call)),
        AfterKeepAlive::Ends(watch) => (watch, None),
    };
    state.kept_alive.take();
    watch.leave_reactor();
    if call.is_none() {
        watch.give_back();
    }
    // An event stays in its place: the connection is likely to be parked again.
    state.parked_socket.replace(watch.take_socket());
    match call {
        // The call of the MPM is over when the request has been served.
        Some(_call) => http(c),
        None => c.linger(),
    }
}

/// Readies a connection that was parked, or could be, for its end. A child that stops at once has closed the MPM's
/// descriptor, by which that would wait for the peer's end. Returns what the hook returns.
fn closable(c: &Connection, status: Status) -> Status {
    if shutdown::stage() == StopStage::AtOnce {
        // The peer's part of it is not waited for.
        let _ = c.nudge();
        c.abort();
    }
    status
}

/// Leaves a connection to HTTP; where it can be parked, in a call that does so when a request waits.
fn http(c: &Connection) -> Status {
    let can_park = |state: &&ConnectionState| state.parked_socket.borrow().is_some();
    match c.existing_state().filter(can_park) {
        Some(state) => {
            let resting = |socket: &&ParkedSocket| socket.is_resting();
            if let Some(parked_socket) = state.parked_socket.borrow().as_ref().filter(resting) {
                parked_socket.answer();
            }
            let status = WaitingRequest::serve(c, state);
            if status == Status::OK && state.waiting.borrow().is_none() {
                keep_alive(c, state);
            }
            // What was not parked is the MPM's.
            if let Some(parked_socket) = &*state.parked_socket.borrow() {
                parked_socket.step_back();
            }
            closable(c, status)
        }
        None => Status::DECLINED,
    }
}

/// Parks a connection that is kept alive behind a request that has not waited, if one of the last ones has. Where
/// descriptors are short, others wait with one in the MPM's hands; those of HTTP/2 have a set of their own that knows the
/// other.
fn keep_alive(c: &Connection, state: &ConnectionState) {
    let Some(parked_socket) = state.parked_socket.take() else {
        return;
    };
    let prompt = state.prompt.get().saturating_add(1);
    state.prompt.set(prompt);
    let is_likely = |_: &Duration| prompt <= PROMPT;
    if let Some(time) = state.keep_alive_time.get().filter(is_likely) {
        return state.keep_alive(c, Watch::new(Some(parked_socket)), time);
    }
    let is_scarce = limits::room(parked_socket.socket()) != Room::Plenty;
    if is_scarce && c.protocol() == Some(b"http/1.1") && c.is_kept_alive() {
        parked_socket.rest();
    }
    state.parked_socket.replace(Some(parked_socket));
}

/// Whether requests to a server may wait without a thread.
pub fn parks_requests(server: &Server) -> bool {
    waiting_limit::parks(server.settings())
}

fn agrees_in_handshake(c: &Connection) -> bool {
    c.is_tls() && !registry(c.base_server().configuration()).is_empty()
}

/// The protocols of a server that a peer offers, and that the connection can switch to now.
pub fn propose(
    c: &Connection,
    r: Option<&Request>,
    server: &Server,
    offers: &[&[u8]],
) -> Vec<CString> {
    let is_agreed = c
        .existing_state::<ConnectionState>()
        .is_some_and(|state| state.agreed.get().is_some());
    // What follows the header of a request would be its body.
    if is_agreed || c.is_stream() || r.is_some_and(Request::announces_body) {
        return Vec::new();
    }
    let all = server.settings::<Settings>().protocols.values();
    let meant = |protocol: &&Arc<Protocol>| {
        let mut offers = offers.iter();
        offers.any(|offer| protocol.is_meant_by(offer, r.is_some()))
    };
    all.filter(meant)
        .map(|protocol| protocol.name.clone())
        .collect()
}

/// A protocol was agreed upon. After a request, it is served here.
pub fn switch(c: &Connection, r: Option<&Request>, server: &Server, name: &[u8]) -> Status {
    let settings = server.settings::<Settings>();
    let protocol = std::str::from_utf8(name)
        .ok()
        .and_then(|name| settings.protocols.get(name));
    let Some(protocol) = protocol else {
        return Status::DECLINED;
    };
    let state = c.state(ConnectionState::default);
    if state.agreed.set(protocol.clone()).is_err() {
        return Status::DECLINED;
    }
    c.belong_to(server);
    if let Some(r) = r {
        r.leave_http();
        call::upgraded(c, protocol, settings);
        // mod_reqtimeout's filter is gone by now.
        r.leave_http();
    }
    Status::OK
}

/// The name of the protocol that was agreed upon.
pub fn name(c: &Connection) -> Option<&CStr> {
    let state = c.existing_state::<ConnectionState>()?;
    Some(&state.agreed.get()?.name)
}
