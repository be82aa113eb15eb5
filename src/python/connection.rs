//! `conn`: a connection, as connection handlers and `req.connection` see it.

use std::sync::Arc;

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyTimeoutError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::class::{self, Answer, Arguments, Class, This, attributes, methods};
use super::data;
use super::interpreter::release;
use super::lease::{Lease, Lent};
use super::module::{log_level, loggable};
use super::request_fields::limit;
use super::server::ServerObject;
use super::table::TableObject;
use super::text::decode_option;
use crate::httpd::bucket::Kind;
use crate::httpd::connection::KeepAlive;
use crate::httpd::held::Held;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Connection, Error};

/// How much is asked for when the handler does not say.
const PORTION: usize = 8192;

/// What a `conn` holds.
pub struct ConnectionObject {
    lent: Lent<Connection>,
    /// The bytes on the wire: only a connection handler may have them.
    wire: Option<Lent<Wire>>,
}

/// What a connection handler has read ahead, and what it sends.
pub struct Wire {
    unread: Held,
    peeked: Held,
    written: Held,
}

impl Wire {
    /// For a connection of which nothing was read.
    pub fn new(c: &Connection) -> Self {
        Self {
            unread: c.new_brigade(),
            peeked: c.new_brigade(),
            written: c.new_brigade(),
        }
    }

    /// Whether something was read and not given to the handler.
    pub fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Fetches one line, or at most `limit` bytes of it, or what is there of it. What follows the
    /// line stays where HTTP finds it, should the handler decline.
    fn fetch_line(&self, c: &Connection, limit: usize) -> Result<(), Error> {
        if limit == usize::MAX {
            return c.read_line(&self.unread);
        }
        c.peek(&self.peeked, limit)?;
        let mut seen = Vec::new();
        while seen.len() < limit && !self.peeked.is_empty() && !seen.ends_with(b"\n") {
            self.peeked.take_data(limit - seen.len(), true, &mut seen);
        }
        self.peeked.clear();
        if seen.is_empty() {
            Err(Error::END_OF_FILE)
        } else {
            c.read(&self.unread, seen.len())
        }
    }

    /// Lets filters such as mod_ssl's shake hands.
    pub fn start(&self, c: &Connection) -> Result<(), Error> {
        c.start(&self.unread)
    }
}

type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

impl ConnectionObject {
    /// The connection of a request: HTTP has its bytes.
    pub fn of_request(lease: &Arc<Lease>, c: &Connection) -> Self {
        Self {
            lent: Lent::new(lease, c),
            wire: None,
        }
    }

    /// The connection of a connection handler.
    pub fn with_wire(lease: &Arc<Lease>, c: &Connection, wire: &Wire) -> Self {
        Self {
            lent: Lent::new(lease, c),
            wire: Some(Lent::new(lease, wire)),
        }
    }
}

impl Class for ConnectionObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Connection";
    const DOC: &'static std::ffi::CStr = c"A connection (conn_rec).";
    const ID: usize = 4;
    methods! { ConnectionObject:
        /// Up to length bytes as soon as some are there; without length, what comes next; with -1,
        /// all until the peer closes. b'' at the end. TimeoutError, ConnectionError.
        read(; length) = read;
        /// One line with its end, or at most length bytes of it; b'' at the end of input.
        readline(; length) = readline;
        /// Sends str (as UTF-8), bytes or a buffer. Raises ConnectionError when the peer is gone.
        write(data) = write;
        /// Writes an entry to the error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
    }
    attributes! { ConnectionObject:
        /// The virtual host of its address.
        base_server = |this: &Me<'_, 'py>| {
            let c = this.body().lent.get()?;
            class::make(this.py(), this.interpreter(), ServerObject::new(c.base_server()))
        };
        /// The peer's address: (ip, port).
        client_addr = |this: &Me<'_, 'py>| address(this, Connection::client_ip, Connection::client_port);
        /// Our address: (ip, port).
        local_addr = |this: &Me<'_, 'py>| address(this, Connection::local_ip, Connection::local_port);
        /// As client_addr.
        remote_addr = |this: &Me<'_, 'py>| address(this, Connection::client_ip, Connection::client_port);
        /// The peer's address.
        client_ip = |this: &Me<'_, 'py>| text(this, Connection::client_ip);
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
        /// httpd's number for it, unique among those open.
        id = |this: &Me<'_, 'py>| number(this, Connection::id);
        /// Notes from module to module.
        notes = |this: &Me<'_, 'py>| {
            let me = this.body();
            let notes = TableObject::new(me.lent.lease(), me.lent.get()?.notes());
            class::make(this.py(), this.interpreter(), notes)
        };
    }
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

fn wire<'a>(this: &'a Me<'_, '_>) -> PyResult<(&'a Connection, &'a Wire)> {
    let me = this.body();
    let Some(wire) = &me.wire else {
        return Err(PyRuntimeError::new_err(
            "HTTP has this connection's bytes: only a connection handler can read and write them",
        ));
    };
    Ok((me.lent.get()?, wire.get()?))
}

/// Makes sure that there is data at the front. `false`: the peer has closed its side.
fn fill(
    py: Python<'_>,
    c: &Connection,
    unread: &Held,
    fetch: impl Fn() -> Result<(), Error>,
) -> PyResult<bool> {
    loop {
        match unread.front() {
            Some(Kind::Data) if !unread.read_front(true).is_ok_and(<[u8]>::is_empty) => {
                return Ok(true);
            }
            Some(Kind::End) => return Ok(false),
            Some(_) => drop(unread.remove_front()),
            None => match release(py, &fetch) {
                Ok(()) if unread.is_empty() => return Ok(false),
                Ok(()) => {}
                Err(error) if error.is_end() => return Ok(false),
                Err(error) if error.is_timeout() => {
                    let seconds = c.base_server().timeout().as_secs();
                    let text = format!("the peer sent nothing for {seconds} s (Timeout)");
                    return Err(PyTimeoutError::new_err(text));
                }
                Err(error) => {
                    let text = format!("the connection could not be read: {error}");
                    return Err(PyConnectionError::new_err(text));
                }
            },
        }
    }
}

fn read<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    let length: i64 = a[0].map_or(Ok(0), |length| length.extract())?;
    let mut data = Vec::new();
    let portion = usize::try_from(length)
        .ok()
        .filter(|length| *length > 0)
        .unwrap_or(PORTION);
    while fill(this.py(), c, &wire.unread, || c.read(&wire.unread, portion))? {
        wire.unread.take_data(portion, false, &mut data);
        if length >= 0 {
            break;
        }
    }
    Ok(PyBytes::new(this.py(), &data).into_any())
}

fn readline<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    let most = limit(a[0])?.filter(|most| *most > 0).unwrap_or(usize::MAX);
    let mut line = Vec::new();
    while line.len() < most
        && !line.ends_with(b"\n")
        && fill(this.py(), c, &wire.unread, || {
            wire.fetch_line(c, most - line.len())
        })?
    {
        wire.unread.take_data(most - line.len(), true, &mut line);
    }
    Ok(PyBytes::new(this.py(), &line).into_any())
}

fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    let data = a[0].ok_or_else(|| PyTypeError::new_err("write() takes data"))?;
    let length = data::append(&mut &*wire.written, &data, this.interpreter().drops)?;
    if length > 0 {
        wire.written.append_flush();
        release(this.py(), || c.write(&wire.written)).map_err(|error| {
            PyConnectionError::new_err(format!("the connection could not be written: {error}"))
        })?;
    }
    none(this)
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let level = log_level(a[1], Level::Error)?;
    if let Some(message) = a[0].filter(|message| !message.is_none()) {
        loggable(&message, |entry| log::connection(place!(), c, level, entry))?;
    }
    none(this)
}
