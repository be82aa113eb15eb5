//! `conn`: a connection, as connection handlers and `req.connection` see it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::async_io;
use super::on_loop;
use super::on_loop::{Exchange, OnLoop};
use super::state::ConnectionState;
use crate::httpd::{Connection, Request};
use crate::parking::transport::Transport;
use crate::python::object::class::{Answer, This};
use crate::python::object::fields::Shows;
use crate::python::object::slots::AsyncIterable;
use crate::python::runtime::lease::{Lease, Lent};
use crate::python::server::ServerObject;

/// What a `conn` holds.
pub struct ConnectionObject {
    pub(in crate::python) lent: Lent<Connection>,
    /// What a connection handler reads and writes the connection's bytes with.
    pub(in crate::python) transport: Option<Lent<Transport>>,
    /// The request whose `req.connection` it is: its handlers can take the connection's bytes from HTTP.
    pub(in crate::python) request: Option<Lent<Request>>,
    /// The server of its address, which code that keeps `conn` can still ask for when the connection is over.
    pub(in crate::python) server: ServerObject,
    pub(in crate::python) base_server: RefCell<Option<Py<PyAny>>>,
    pub(in crate::python) notes: RefCell<Option<Py<PyAny>>>,
    /// Whether a plain handler's read has given `b''`: the peer has ended its output.
    pub(in crate::python) end_told: Cell<bool>,
    /// Where its handler runs on asyncio's loop.
    pub(in crate::python) exchange: Exchange,
}

pub(in crate::python) type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

impl ConnectionObject {
    /// `req.connection`, whose bytes HTTP has until a handler takes them.
    pub fn of_request(lease: &Arc<Lease>, r: &Request) -> Self {
        let request = Some(Lent::new(lease, r));
        Self::new(lease, r.connection(), None, request)
    }

    /// A connection that cannot be read or written: `filter.connection`, and that of extension modules in C.
    pub fn without_bytes(lease: &Arc<Lease>, c: &Connection) -> Self {
        Self::new(lease, c, None, None)
    }

    /// `conn` of a connection handler, which reads and writes through `transport`.
    pub fn with_transport(lease: &Arc<Lease>, c: &Connection, transport: &Transport) -> Self {
        Self::new(lease, c, Some(Lent::new(lease, transport)), None)
    }

    fn new(
        lease: &Arc<Lease>,
        c: &Connection,
        transport: Option<Lent<Transport>>,
        request: Option<Lent<Request>>,
    ) -> Self {
        Self {
            lent: Lent::new(lease, c),
            transport,
            request,
            server: ServerObject::new(c.base_server()),
            base_server: RefCell::default(),
            notes: RefCell::default(),
            end_told: Cell::new(false),
            exchange: Exchange::default(),
        }
    }
}

impl AsyncIterable for ConnectionObject {
    fn aiter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        on_loop::queued(this, "__aiter__", &[]).unwrap_or_else(|| async_io::lines(this))
    }
}

/// The connection and its transport, for methods that read and write.
///
/// # Errors
/// `RuntimeError` where HTTP has the bytes, in a filter of the connection, and when the connection is over.
pub(in crate::python) fn transport<'a>(
    this: &'a Me<'_, '_>,
) -> PyResult<(&'a Connection, &'a Transport)> {
    let me = this.body();
    let c = me.lent.get()?;
    let transport = match (&me.transport, &me.request) {
        (Some(transport), _) => Some(transport.get()?),
        (None, Some(_)) => taken(c),
        (None, None) => None,
    };
    let transport = transport.ok_or_else(|| {
        PyRuntimeError::new_err(
            "HTTP has this connection's bytes: a connection handler can read and write them, and so can a handler of \
             a request with req.connection.read(), readline() and write()",
        )
    })?;
    refuse_in_filters(c)?;
    Ok((c, transport))
}

/// What reads and writes the bytes of a connection that a request's handler has taken from HTTP.
pub(in crate::python) fn taken(c: &Connection) -> Option<&Transport> {
    let state = c.existing_state::<ConnectionState>()?;
    state.taken.get().map(|transport| &**transport)
}

/// Refuses reading and writing while a filter of this connection is being called: the bytes would pass that filter
/// again, in the middle of its call.
///
/// # Errors
/// `RuntimeError` while such a filter is being called.
pub(in crate::python) fn refuse_in_filters(c: &Connection) -> PyResult<()> {
    if c.is_being_filtered() {
        return Err(PyRuntimeError::new_err(
            "the bytes of a connection cannot be read or written in one of its filters: a filter \
             reads with filter.read() and writes with filter.write(), or yields",
        ));
    }
    Ok(())
}

impl OnLoop for ConnectionObject {
    fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn lease(&self) -> &Arc<Lease> {
        self.lent.lease()
    }

    fn put_back(&self, data: &[u8]) -> PyResult<()> {
        if let Some(transport) = &self.transport {
            transport.get()?.io.unread.borrow_mut().put_back(data);
        }
        Ok(())
    }
}

impl Shows for ConnectionObject {
    type Struct = Connection;

    fn shown(&self) -> PyResult<&Connection> {
        self.lent.get()
    }
}
