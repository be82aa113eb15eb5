//! `conn`: a connection, as connection handlers and `req.connection` see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::alarm;
use super::authorize::{authorize, client};
use super::wire::{self, Wire};
use super::wishes;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::Connection;
use crate::httpd::connection::KeepAlive;
use crate::httpd::log::{self, Level, place};
use crate::python::builtin::module::{log_level, loggable};
use crate::python::object::capsule::capsule;
use crate::python::object::class::{self, Answer, Arguments, Class, This, attributes, methods};
use crate::python::object::lease::{Lease, Lent};
use crate::python::object::slots::{AsyncIterable, Slot, async_iterable_slot};
use crate::python::request::chain::Chain;
use crate::python::request::hlist::{HandlerListObject, Serves};
use crate::python::server::ServerObject;
use crate::python::state::ConnectionState;
use crate::python::table::TableObject;
use crate::python::text::{decode_option, encode_c};

/// What a `conn` holds.
pub struct ConnectionObject {
    pub(super) lent: Lent<Connection>,
    /// The bytes on the wire: only a connection handler may have them.
    pub(super) wire: Option<Lent<Wire>>,
    base_server: RefCell<Option<Py<PyAny>>>,
    notes: RefCell<Option<Py<PyAny>>>,
}

type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

impl ConnectionObject {
    /// The connection of a request: HTTP has its bytes.
    pub fn of_request(lease: &Arc<Lease>, c: &Connection) -> Self {
        Self {
            lent: Lent::new(lease, c),
            wire: None,
            base_server: RefCell::default(),
            notes: RefCell::default(),
        }
    }

    /// The connection of a connection handler.
    pub fn with_wire(lease: &Arc<Lease>, c: &Connection, wire: &Wire) -> Self {
        Self {
            lent: Lent::new(lease, c),
            wire: Some(Lent::new(lease, wire)),
            base_server: RefCell::default(),
            notes: RefCell::default(),
        }
    }
}

impl AsyncIterable for ConnectionObject {
    fn aiter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        wishes::lines(this)
    }
}

impl Class for ConnectionObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Connection";
    const DOC: &'static std::ffi::CStr = c"A connection (conn_rec).";
    const ID: usize = 4;

    fn slots() -> Vec<Slot> {
        vec![async_iterable_slot::<Self>()]
    }

    methods! { ConnectionObject:
        /// Up to length bytes as soon as some are there; without length, what comes next; with -1,
        /// all until the peer closes. b'' at the end. TimeoutError, ConnectionError.
        read(; length) = wire::read;
        /// One line with its end, or at most length bytes of it; b'' at the end of input. In an
        /// async def handler a longer line raises asyncio.LimitOverrunError.
        readline(; length) = wire::readline;
        /// Sends str (as UTF-8), bytes or a buffer. Raises ConnectionError when the peer is gone.
        /// In an async def handler what it returns is awaited: it waits while the peer is slow.
        write(data) = wire::write;
        /// Exactly length bytes; asyncio.IncompleteReadError when the input ends before.
        readexactly(length) = wishes::readexactly;
        /// What comes up to and with separator, at most limit bytes (65536), as asyncio has it.
        readuntil(; separator, limit) = wishes::readuntil;
        /// The next length bytes, fewer only at the end of input; they stay unread.
        peek(length) = wishes::peek;
        /// Waits so many seconds; what was written goes out. At most the virtual host's Timeout.
        sleep(seconds) = wishes::sleep;
        /// Ends our side once all is sent that was written.
        close() = wishes::close;
        /// Writes an entry to the error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
        /// Asks httpd whether a GET of uri with these credentials (Basic; none without a user) would be
        /// let in: the user's name, '' where httpd asks for none, None when it refuses. In an async def
        /// handler it is awaited. RuntimeError when httpd cannot tell; its log says why.
        authorize(uri; user, password) = authorize;
        /// 1 when its bytes are encrypted (TLS).
        is_https() = |this: &Me<'_, 'py>, _| number(this, |c| c.is_tls().into());
        /// A variable of mod_ssl (SSL_PROTOCOL, SSL_CLIENT_S_DN …); None without TLS.
        ssl_var_lookup(name) = ssl_var_lookup;
    }
    attributes! { ConnectionObject:
        /// How many seconds one wait of an async def handler takes at most: TimeoutError then.
        timeout = wishes::timeout, wishes::set_timeout;
        /// Whether the server is about to stop: finish what is begun, and return.
        closing = |this: &Me<'_, 'py>| {
            this.body().lent.get()?;
            Ok(PyBool::new(this.py(), alarm::is_closing()).to_owned().into_any())
        };
        /// The virtual host of its address.
        base_server = |this: &Me<'_, 'py>| {
            let me = this.body();
            let c = me.lent.get()?;
            once(this, &me.base_server, || ServerObject::new(c.base_server()))
        };
        /// What it speaks: 'http/1.1', or what was agreed upon in TLS or by Upgrade.
        protocol = |this: &Me<'_, 'py>| text(this, Connection::protocol);
        /// The handlers of the connection, in a connection handler; else None.
        hlist = hlist;
        /// The peer's address: (ip, port).
        client_addr = |this: &Me<'_, 'py>| address(this, Connection::client_ip, Connection::client_port);
        /// Our address: (ip, port).
        local_addr = |this: &Me<'_, 'py>| address(this, Connection::local_ip, Connection::local_port);
        /// The peer's address as mod_remoteip has it from a PROXY header, else as client_addr.
        useragent_addr = |this: &Me<'_, 'py>| {
            let (ip, port) = client(this)?;
            Ok((decode_option(this.py(), ip.as_deref())?, port).into_pyobject(this.py())?.into_any())
        };
        /// As client_addr.
        remote_addr = |this: &Me<'_, 'py>| address(this, Connection::client_ip, Connection::client_port);
        /// The peer's address.
        client_ip = |this: &Me<'_, 'py>| text(this, Connection::client_ip);
        /// The peer's address as mod_remoteip has it from a PROXY header, else as client_ip.
        useragent_ip = |this: &Me<'_, 'py>| decode_option(this.py(), client(this)?.0.as_deref());
        /// As client_ip.
        remote_ip = |this: &Me<'_, 'py>| text(this, Connection::client_ip);
        /// Our address.
        local_ip = |this: &Me<'_, 'py>| text(this, Connection::local_ip);
        /// The peer's host name, if it was looked up.
        remote_host = |this: &Me<'_, 'py>| text(this, Connection::remote_host);
        /// Our host name, if it was looked up.
        local_host = |this: &Me<'_, 'py>| text(this, Connection::local_host);
        /// What the peer's identd said.
        remote_logname = |this: &Me<'_, 'py>| text(this, Connection::remote_logname);
        /// 1 when the peer is known to be gone.
        aborted = |this: &Me<'_, 'py>| number(this, |c| c.is_aborted().into());
        /// One of apache.AP_CONN_UNKNOWN, AP_CONN_CLOSE, AP_CONN_KEEPALIVE.
        keepalive = |this: &Me<'_, 'py>| number(this, |c| match c.keep_alive() {
            KeepAlive::Unknown => 0,
            KeepAlive::Close => 1,
            KeepAlive::Keep => 2,
        }), set_keepalive;
        /// How many requests it carried after its first.
        keepalives = |this: &Me<'_, 'py>| number(this, |c| c.keep_alives().into());
        /// Whether its host name leads back to its address: 1, -1 if not, 0 if nobody asked.
        double_reverse = |this: &Me<'_, 'py>| number(this, |c| c.double_reverse().into());
        /// httpd's number for it, unique among those open.
        id = |this: &Me<'_, 'py>| number(this, Connection::id);
        /// Notes from module to module.
        notes = |this: &Me<'_, 'py>| {
            let me = this.body();
            let c = me.lent.get()?;
            once(this, &me.notes, || TableObject::new(me.lent.lease(), c.notes()))
        };
        /// The conn_rec, for extensions in C (PyCapsule). It is gone with the connection.
        _conn_rec = |this: &Me<'_, 'py>| capsule(this.py(), this.body().lent.get()?.address());
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        for place in [&self.base_server, &self.notes] {
            if let Ok(Some(object)) = place.try_borrow().as_deref() {
                visit(object);
            }
        }
    }

    fn clear(&mut self) {
        self.base_server.take();
        self.notes.take();
    }
}

/// An object that hangs on the connection, made at its first use: it keeps its identity.
fn once<'py, T: Class>(
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

fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

fn text<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Connection) -> Option<&'a [u8]>,
) -> Answer<'py> {
    decode_option(this.py(), field(this.body().lent.get()?))
}

fn number<'py>(this: &Me<'_, 'py>, field: impl FnOnce(&Connection) -> i64) -> Answer<'py> {
    Ok(field(this.body().lent.get()?)
        .into_pyobject(this.py())?
        .into_any())
}

fn hlist<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
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
        Some(list) if this.body().wire.is_some() => {
            let chain = Arc::new(Chain::new(Some(list.clone()), Vec::new()));
            let serves = Serves::Connection(Lent::new(this.body().lent.lease(), c));
            let list = HandlerListObject { chain, serves };
            class::make(this.py(), this.interpreter(), list)
        }
        _ => Ok(this.py().None().into_bound(this.py())),
    }
}

fn address<'a, 'py>(
    this: &'a Me<'_, 'py>,
    ip: impl FnOnce(&'a Connection) -> Option<&'a [u8]>,
    port: impl FnOnce(&Connection) -> u16,
) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let pair = (decode_option(this.py(), ip(c))?, port(c));
    Ok(pair.into_pyobject(this.py())?.into_any())
}

fn set_keepalive(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let c = this.body().lent.get()?;
    c.set_keep_alive(match value.extract::<i64>()? {
        1 => KeepAlive::Close,
        2 => KeepAlive::Keep,
        _ => KeepAlive::Unknown,
    });
    Ok(())
}

fn ssl_var_lookup<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let name = a[0].ok_or_else(|| PyTypeError::new_err("ssl_var_lookup() takes a name"))?;
    let name = encode_c(&name)?;
    let value = this.body().lent.get()?.tls_variable(&name);
    decode_option(this.py(), value.as_deref())
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let level = log_level(a[1], Level::Error)?;
    if let Some(message) = a[0].filter(|message| !message.is_none()) {
        loggable(&message, |entry| log::connection(place!(), c, level, entry))?;
    }
    none(this)
}
