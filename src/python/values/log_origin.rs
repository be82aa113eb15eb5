//! For whom code works that runs elsewhere than in a call of httpd's: in a coroutine of `apache.aio`, or in a thread
//! that Python code has started. A variable of contextvars (PEP 567) carries it, so that its log entries have the
//! client, as long as the request or connection is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::httpd::apr::pool::Pool;
use crate::httpd::connection::snapshot::ConnectionSnapshot;
use crate::python::object::class;
use crate::python::object::class::Class;
use crate::python::object::members::{attributes, methods};
use crate::python::runtime::context;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;

/// The value of the variable: a request or connection for which code works.
pub struct LogOrigin(Arc<OriginState>);

struct OriginState {
    snapshot: ConnectionSnapshot,
    /// The id by which logs call the request.
    request_id: Option<Vec<u8>>,
    /// Whether the request or connection is over.
    over: AtomicBool,
}

/// The same in the pool of the request or connection, with which it ends.
struct InPool(Arc<OriginState>);

impl Drop for InPool {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

impl Class for LogOrigin {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.LogOrigin";
    const DOC: &'static std::ffi::CStr = c"The client for whom code works, for its log entries.";
    const ID: ClassId = ClassId::LogOrigin;
    methods! { LogOrigin: }
    attributes! { LogOrigin: }
}

/// The entry of a request's or connection's pool, made at the first call.
fn shared(
    pool: &Pool,
    copy: impl FnOnce() -> (ConnectionSnapshot, Option<Vec<u8>>),
) -> &Arc<OriginState> {
    let make = || {
        let (snapshot, request_id) = copy();
        InPool(Arc::new(OriginState {
            snapshot,
            request_id,
            over: AtomicBool::new(false),
        }))
    };
    &pool.keyed(c"mod_python.log_origin", make).0
}

/// What the variable's value stands for, if it has one of ours.
fn state<'a>(
    value: &'a Option<Bound<'_, PyAny>>,
    interpreter: &'static Interpreter,
) -> Option<&'a Arc<OriginState>> {
    let origin = class::body::<LogOrigin>(value.as_ref()?, interpreter)?;
    Some(&origin.0)
}

/// Notes in the current context of contextvars for whom this thread works. Copies of the context carry that to other
/// threads. Does nothing on threads that work for no client, which have it of their context, if at all.
///
/// # Errors
/// `MemoryError`.
pub fn carry(py: Python<'_>, interpreter: &'static Interpreter) -> PyResult<()> {
    context::working_on(|about| {
        let shared = match about {
            About::Request(r) => shared(r.pool(), || {
                // mod_remoteip knows the client of a request, not that of a connection.
                let (c, server, port) = (r.connection(), r.server(), r.useragent_port());
                let snapshot = ConnectionSnapshot::new(c, server, r.useragent_ip(), port);
                (snapshot, r.make_log_id().map(<[u8]>::to_vec))
            }),
            About::Connection(c) => shared(c.pool(), || {
                let (client, port) = (c.client_ip(), c.client_port());
                (
                    ConnectionSnapshot::new(c, c.base_server(), client, port),
                    None,
                )
            }),
            About::Server(_) | About::Nothing => return Ok(()),
        };
        let variable = &interpreter.types.log_origin;
        let before = variable.get(py)?;
        if state(&before, interpreter).is_some_and(|before| Arc::ptr_eq(before, shared)) {
            return Ok(());
        }
        let origin = class::make(py, interpreter, LogOrigin(shared.clone()))?;
        variable.set(py, &origin)
    })
}

/// The id by which logs call the request that this thread works for; `None` where it works for none.
pub fn request_id(py: Python<'_>, interpreter: &'static Interpreter) -> Option<Vec<u8>> {
    if !context::works_on_nothing() {
        return context::working_on(|about| match about {
            About::Request(r) => r.make_log_id().map(<[u8]>::to_vec),
            _ => None,
        });
    }
    let object = interpreter.types.log_origin.get(py).ok().flatten();
    state(&object, interpreter)?.request_id.clone()
}

/// Calls `f`, which logs, for whom this thread works: as a call of httpd's says or, on a thread without one, as the
/// current context of contextvars says. Once the request or connection is over, that is its server.
pub fn with_origin<R>(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    f: impl FnOnce() -> R,
) -> R {
    if !context::works_on_nothing() {
        return f();
    }
    let object = interpreter.types.log_origin.get(py).ok().flatten();
    let Some(shared) = state(&object, interpreter) else {
        return f();
    };
    match shared.over.load(Ordering::Acquire) {
        false => context::logging_for(About::Connection(shared.snapshot.connection()), f),
        true => context::logging_for(About::Server(shared.snapshot.server()), f),
    }
}
