//! `conn`: a connection, as connection handlers and `req.connection` see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::async_io;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::Connection;
use crate::httpd::connection::KeepAlive;
use crate::httpd::log::Level;
use crate::parking::transport::Transport;
use crate::python::connection::state::ConnectionState;
use crate::python::handlers::chain::Chain;
use crate::python::handlers::hlist::{HandlerListObject, Serves};
use crate::python::object::arguments::{none, required};
use crate::python::object::class;
use crate::python::object::class::{Answer, Arguments, Class, This};
use crate::python::object::slots::AsyncIterable;
use crate::python::runtime::lease::{Lease, Lent};
use crate::python::text::{decode_option, encode_c};
use crate::python::values::log_entry::{log_level, loggable};

/// What a `conn` holds.
pub struct ConnectionObject {
    pub(in crate::python) lent: Lent<Connection>,
    /// The bytes of the connection: only a connection handler may have them.
    pub(in crate::python) transport: Option<Lent<Transport>>,
    pub(in crate::python) base_server: RefCell<Option<Py<PyAny>>>,
    pub(in crate::python) notes: RefCell<Option<Py<PyAny>>>,
}

pub(in crate::python) type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

impl ConnectionObject {
    /// The connection of a request: HTTP has its bytes.
    pub fn of_request(lease: &Arc<Lease>, c: &Connection) -> Self {
        Self {
            lent: Lent::new(lease, c),
            transport: None,
            base_server: RefCell::default(),
            notes: RefCell::default(),
        }
    }

    /// The connection of a connection handler.
    pub fn with_transport(lease: &Arc<Lease>, c: &Connection, transport: &Transport) -> Self {
        Self {
            lent: Lent::new(lease, c),
            transport: Some(Lent::new(lease, transport)),
            base_server: RefCell::default(),
            notes: RefCell::default(),
        }
    }
}

impl AsyncIterable for ConnectionObject {
    fn aiter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        async_io::lines(this)
    }
}

/// The connection, and its bytes for a connection handler.
///
/// # Errors
/// `RuntimeError` where HTTP has the bytes, or the connection is over.
pub(in crate::python) fn transport<'a>(
    this: &'a Me<'_, '_>,
) -> PyResult<(&'a Connection, &'a Transport)> {
    let me = this.body();
    let c = me.lent.get()?;
    let Some(transport) = &me.transport else {
        return Err(PyRuntimeError::new_err(
            "HTTP has this connection's bytes: only a connection handler can read and write them",
        ));
    };
    refuse_in_filters(c)?;
    Ok((c, transport.get()?))
}

/// What is read or written for a filter of this connection must not pass that filter again.
///
/// # Errors
/// `RuntimeError` while such a filter is being called.
/// The connection, and its bytes for a connection handler.
///
/// # Errors
/// `RuntimeError` where HTTP has the bytes, or the connection is over.
pub(in crate::python) fn refuse_in_filters(c: &Connection) -> PyResult<()> {
    if c.is_being_filtered() {
        return Err(PyRuntimeError::new_err(
            "the bytes of a connection cannot be read or written in one of its filters: a filter \
             reads with filter.read() and writes with filter.write(), or yields",
        ));
    }
    Ok(())
}

/// An object that hangs on the connection, made at its first use: it keeps its identity.
pub(in crate::python) fn once<'py, T: Class>(
    this: &Me<'_, 'py>,
    place: &RefCell<Option<Py<PyAny>>>,
    make: impl FnOnce() -> T,
) -> Answer<'py> {
    if let Some(made) = &*place.borrow() {
        return Ok(made.bind(this.py()).clone());
    }
    let made = class::make(this.py(), this.interpreter(), make())?;
    place.replace(Some(made.clone().unbind()));
    Ok(made)
}

pub(in crate::python) fn text<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Connection) -> Option<&'a [u8]>,
) -> Answer<'py> {
    decode_option(this.py(), field(this.body().lent.get()?))
}

pub(in crate::python) fn number<'py>(
    this: &Me<'_, 'py>,
    field: impl FnOnce(&Connection) -> i64,
) -> Answer<'py> {
    Ok(field(this.body().lent.get()?)
        .into_pyobject(this.py())?
        .into_any())
}

pub(in crate::python) fn hlist<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let settings: &Settings = c.base_server().settings();
    let state = c.existing_state::<ConnectionState>();
    let list = match state.and_then(|state| state.agreed.get()) {
        Some(protocol) => Some(&protocol.handlers),
        None => settings
            .handlers(Phase::Connection, None)
            .map(|chosen| chosen.list),
    };
    match list {
        Some(list) if this.body().transport.is_some() => {
            let chain = Arc::new(Chain::new(Some(list.clone()), Vec::new()));
            let serves = Serves::Connection(Lent::new(this.body().lent.lease(), c));
            let list = HandlerListObject { chain, serves };
            class::make(this.py(), this.interpreter(), list)
        }
        _ => Ok(this.py().None().into_bound(this.py())),
    }
}

pub(in crate::python) fn address<'a, 'py>(
    this: &'a Me<'_, 'py>,
    ip: impl FnOnce(&'a Connection) -> Option<&'a [u8]>,
    port: impl FnOnce(&Connection) -> u16,
) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let pair = (decode_option(this.py(), ip(c))?, port(c));
    Ok(pair.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn set_keepalive(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let c = this.body().lent.get()?;
    c.set_keep_alive(match value.extract::<i64>()? {
        1 => KeepAlive::Close,
        2 => KeepAlive::Keep,
        _ => KeepAlive::Unknown,
    });
    Ok(())
}

pub(in crate::python) fn ssl_var_lookup<'py>(
    this: &Me<'_, 'py>,
    a: Arguments<'_, 'py>,
) -> Answer<'py> {
    let name = encode_c(required(a, 0))?;
    let value = this.body().lent.get()?.tls_variable(&name);
    decode_option(this.py(), value.as_deref())
}

pub(in crate::python) fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let level = log_level(a[1], Level::Error)?;
    if let Some(message) = a[0].filter(|message| !message.is_none()) {
        loggable(&message, |entry| c.log(level, entry))?;
    }
    none(this)
}
