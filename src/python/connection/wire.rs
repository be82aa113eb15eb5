//! The bytes of a connection, as its handler reads and writes them: here for a plain function, which
//! holds its thread; `waits` has the other way.

use pyo3::exceptions::{PyConnectionResetError, PyRuntimeError, PyTimeoutError, PyTypeError};
use pyo3::prelude::*;

use super::duplex::Duplex;
use super::object::ConnectionObject;
use super::waits::of_peer;
use super::wishes;
use crate::httpd::bucket::Kind;
use crate::httpd::held::Held;
use crate::httpd::{Connection, Error, stop};
use crate::python::data::{self, bytes, no_memory};
use crate::python::interpreters::interpreter::release;
use crate::python::object::class::{Answer, Arguments, This};
use crate::python::request::fields::limit;

/// How much is asked for when the handler does not say.
const PORTION: usize = 8192;

type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

/// What a connection handler has read ahead, and what it sends.
pub struct Wire {
    unread: Held,
    /// Passing by: what was just read, or is just sent.
    pub(super) peeked: Held,
    pub(super) written: Held,
    /// The same for an `async def` handler.
    pub duplex: Duplex,
}

impl Wire {
    /// For a connection of which nothing was read.
    pub fn new(c: &Connection) -> Self {
        Self {
            unread: c.new_brigade(),
            peeked: c.new_brigade(),
            written: c.new_brigade(),
            duplex: Duplex::default(),
        }
    }

    /// Lets filters such as mod_ssl's shake hands.
    pub fn start(&self, c: &Connection, block: bool) -> Result<(), Error> {
        c.start(&self.peeked, block)
    }

    /// Takes what was read and not given to the handler.
    pub(super) fn take_unread(&self, take: &mut dyn FnMut(&[u8])) {
        while let Some(kind) = self.unread.front() {
            if kind == Kind::Data {
                take(self.unread.read_front(true).unwrap_or_default());
            }
            drop(self.unread.remove_front());
        }
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
            let room = limit - seen.len();
            self.peeked.take_data(room, true, &mut seen)?;
        }
        self.peeked.clear();
        if seen.is_empty() {
            Err(Error::END_OF_FILE)
        } else {
            c.read(&self.unread, seen.len())
        }
    }
}

pub(super) fn wire<'a>(this: &'a Me<'_, '_>) -> PyResult<(&'a Connection, &'a Wire)> {
    let me = this.body();
    let c = me.lent.get()?;
    let Some(wire) = &me.wire else {
        return Err(PyRuntimeError::new_err(
            "HTTP has this connection's bytes: only a connection handler can read and write them",
        ));
    };
    refuse_in_filters(c)?;
    Ok((c, wire.get()?))
}

/// What is read or written for a filter of this connection must not pass that filter again.
///
/// # Errors
/// `RuntimeError` while such a filter is being called.
pub(super) fn refuse_in_filters(c: &Connection) -> PyResult<()> {
    if c.is_being_filtered() {
        return Err(PyRuntimeError::new_err(
            "the bytes of a connection cannot be read or written in one of its filters: a filter \
             reads with filter.read() and writes with filter.write(), or yields",
        ));
    }
    Ok(())
}

/// Makes sure that there is data at the front. `false`: the peer has closed its side.
fn fill(
    py: Python<'_>,
    c: &Connection,
    unread: &Held,
    fetch: impl Fn() -> Result<(), Error>,
) -> PyResult<bool> {
    let found = find(py, c, unread, fetch)?;
    if !found && stop::is_told() {
        // We have shut the socket: that is no end of the peer's input.
        let text = "the connection could not be read: the server is about to stop";
        return Err(of_peer(py, PyConnectionResetError::new_err(text)));
    }
    Ok(found)
}

fn find(
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
                Err(error) => return Err(lost(py, c, error, "sent nothing", "read")),
            },
        }
    }
}

/// The exception for a plain handler whose peer is gone or too slow. It has the mark of the peer's
/// doing, so that a handler that does not catch it is not reported as having failed.
fn lost(py: Python<'_>, c: &Connection, error: Error, omitted: &str, what: &str) -> PyErr {
    let error = if error.is_timeout() {
        let seconds = c.base_server().timeout().as_secs();
        PyTimeoutError::new_err(format!("the peer {omitted} for {seconds} s (Timeout)"))
    } else {
        PyConnectionResetError::new_err(format!("the connection could not be {what}: {error}"))
    };
    of_peer(py, error)
}

pub(super) fn read<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    if wire.duplex.is_async() {
        return wishes::read(this, a);
    }
    let length: i64 = a[0].map_or(Ok(0), |length| length.extract())?;
    let mut data = Vec::new();
    let portion = usize::try_from(length)
        .ok()
        .filter(|length| *length > 0)
        .unwrap_or(PORTION);
    while fill(this.py(), c, &wire.unread, || c.read(&wire.unread, portion))? {
        let taken = wire.unread.take_data(portion, false, &mut data);
        taken.map_err(|_| no_memory(data.len().saturating_add(portion)))?;
        wire.duplex.touch();
        if length >= 0 {
            break;
        }
    }
    Ok(bytes(this.py(), &data)?.into_any())
}

pub(super) fn readline<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    if wire.duplex.is_async() {
        return wishes::readline(this, a);
    }
    let most = limit(a[0])?.filter(|most| *most > 0).unwrap_or(usize::MAX);
    let mut line = Vec::new();
    while line.len() < most
        && !line.ends_with(b"\n")
        && fill(this.py(), c, &wire.unread, || {
            wire.fetch_line(c, most - line.len())
        })?
    {
        let taken = wire.unread.take_data(most - line.len(), true, &mut line);
        taken.map_err(|_| no_memory(line.len() + PORTION))?;
        wire.duplex.touch();
    }
    Ok(bytes(this.py(), &line)?.into_any())
}

pub(super) fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    if wire.duplex.is_async() {
        return wishes::write(this, a);
    }
    let data = a[0].ok_or_else(|| PyTypeError::new_err("write() takes data"))?;
    let length = data::append(&mut &*wire.written, &data, this.interpreter().drops)?;
    if length > 0 {
        wire.duplex.touch();
        wire.written.append_flush();
        release(this.py(), || c.write(&wire.written))
            .map_err(|error| lost(this.py(), c, error, "took nothing", "written"))?;
    }
    Ok(this.py().None().into_bound(this.py()))
}
