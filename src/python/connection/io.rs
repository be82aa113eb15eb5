//! The methods of `conn` that read and write for a plain connection handler. They are called by Python code on the
//! connection's thread, with the GIL, and let go of it while they wait for the peer. `async_io` serves an `async def`
//! handler.

use super::object::{ConnectionObject, transport};
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::server::stop;
use crate::httpd::{Connection, Error};
use crate::python::connection::async_io;
use crate::python::connection::ends::of_peer;
use crate::python::memory::{bytes, no_memory};
use crate::python::object::arguments::{limit, none};
use crate::python::object::class::{Answer, This};
use crate::python::runtime::interpreter::release;
use crate::python::values::buffer;
use pyo3::exceptions::{PyConnectionResetError, PyOSError, PyTimeoutError};
use pyo3::prelude::*;

/// How many bytes one read asks httpd for where the handler gives no length.
const PORTION: usize = 8192;

type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

/// Calls `fetch` until `unread` begins with data. Returns `false` if the peer has ended its output instead.
///
/// # Errors
/// `TimeoutError` or `ConnectionResetError`, marked as the peer's.
fn fill(
    py: Python<'_>,
    c: &Connection,
    unread: &OwnedBrigade,
    fetch: impl Fn() -> Result<(), Error>,
) -> PyResult<bool> {
    let found = find(py, c, unread, fetch);
    if stop::is_told() && !found.as_ref().is_ok_and(|found| *found) {
        // This child has shut the socket: the peer has not ended its output.
        let text = "the connection could not be read: the server is about to stop";
        return Err(of_peer(py, PyConnectionResetError::new_err(text)));
    }
    found
}

fn find(
    py: Python<'_>,
    c: &Connection,
    unread: &OwnedBrigade,
    fetch: impl Fn() -> Result<(), Error>,
) -> PyResult<bool> {
    loop {
        match unread.front() {
            Some(BucketKind::Data) if !unread.read_front(true).is_ok_and(<[u8]>::is_empty) => {
                return Ok(true);
            }
            Some(BucketKind::End) => return Ok(false),
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

/// The exception for a plain handler whose peer is gone or too slow: "the peer {omitted} for N s", or "the connection
/// could not be {what}". It is marked as the peer's, so that a handler that does not catch it has not failed.
fn lost(py: Python<'_>, c: &Connection, error: Error, omitted: &str, what: &str) -> PyErr {
    let error = if error.is_timeout() {
        let seconds = c.base_server().timeout().as_secs();
        PyTimeoutError::new_err(format!("the peer {omitted} for {seconds} s (Timeout)"))
    } else {
        PyConnectionResetError::new_err(format!("the connection could not be {what}: {error}"))
    };
    of_peer(py, error)
}

/// What a plain handler's read has taken. Without data the peer has ended its output: that is told once by `b''`. A
/// handler that goes on reading would never end, as 3.5's `while 1: conn.write(conn.readline())` has no other end than
/// an exception.
///
/// # Errors
/// `OSError`, marked as the peer's, at the second read that finds nothing but the end; `MemoryError`.
fn taken<'py>(this: &Me<'_, 'py>, data: &[u8]) -> Answer<'py> {
    if data.is_empty() && this.body().end_told.replace(true) {
        let text = "the peer has ended its output, which an earlier read has told by b''";
        return Err(of_peer(this.py(), PyOSError::new_err(text)));
    }
    Ok(bytes(this.py(), data)?.into_any())
}

pub(in crate::python) fn read<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (_, transport) = transport(this)?;
    match transport.io.is_async() {
        true => async_io::read(this, length),
        false => read_some(this, some(length)?),
    }
}

/// The argument of a plain handler's `read()`.
///
/// # Errors
/// `TypeError` for what is no number.
pub(in crate::python) fn some(length: Option<&Bound<'_, PyAny>>) -> PyResult<Option<i64>> {
    length.map(|length| length.extract()).transpose()
}

/// Waits for a plain handler's data: at most `length` bytes, which is nothing to wait for if that is 0; what comes next
/// for `None`; all for a negative number.
///
/// # Errors
/// As [`fill`] and [`taken`].
fn read_some<'py>(this: &Me<'_, 'py>, length: Option<i64>) -> Answer<'py> {
    let (c, transport) = transport(this)?;
    let mut data = Vec::new();
    if length == Some(0) {
        return Ok(bytes(this.py(), &data)?.into_any());
    }
    let portion = length.and_then(|length| usize::try_from(length).ok());
    let portion = portion.unwrap_or(PORTION);
    while fill(this.py(), c, &transport.unread, || {
        c.read(&transport.unread, portion)
    })? {
        let taken = transport.unread.take_data(portion, false, &mut data);
        taken.map_err(|_| no_memory(data.len().saturating_add(portion)))?;
        transport.io.touch();
        if length.is_none_or(|length| length > 0) {
            break;
        }
    }
    taken(this, &data)
}

pub(in crate::python) fn readline<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (_, transport) = transport(this)?;
    match transport.io.is_async() {
        true => async_io::readline(this, length),
        false => read_line(this, of_line(length)?),
    }
}

/// The argument of a plain handler's `readline()`: the most bytes of the line.
///
/// # Errors
/// `TypeError` for what is no number.
pub(in crate::python) fn of_line(length: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
    Ok(limit(length)?.unwrap_or(usize::MAX))
}

/// Waits for a plain handler's line, or `most` bytes of it, which is nothing to wait for if that is 0.
///
/// # Errors
/// As [`fill`] and [`taken`].
fn read_line<'py>(this: &Me<'_, 'py>, most: usize) -> Answer<'py> {
    let (c, transport) = transport(this)?;
    let mut line = Vec::new();
    if most == 0 {
        return Ok(bytes(this.py(), &line)?.into_any());
    }
    while line.len() < most
        && !line.ends_with(b"\n")
        && fill(this.py(), c, &transport.unread, || {
            transport.fetch_line(c, most - line.len())
        })?
    {
        let taken = transport
            .unread
            .take_data(most - line.len(), true, &mut line);
        taken.map_err(|_| no_memory(line.len() + PORTION))?;
        transport.io.touch();
    }
    taken(this, &line)
}

pub(in crate::python) fn write<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    let (_, transport) = transport(this)?;
    if transport.io.is_async() {
        return async_io::write(this, data);
    }
    let length = append(this, &transport.written, data)?;
    send(this, &transport.written, length)?;
    none(this)
}

/// Appends data that a plain handler writes. Returns how many bytes it has.
///
/// # Errors
/// `TypeError` for what cannot be written, `MemoryError`.
pub(in crate::python) fn append(
    this: &Me<'_, '_>,
    written: &OwnedBrigade,
    data: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    buffer::append(&mut &**written, data, this.interpreter().deferred_drops)
}

/// Sends `length` bytes that a plain handler has written.
///
/// # Errors
/// `TimeoutError` or `ConnectionResetError`, marked as the peer's.
pub(in crate::python) fn send(
    this: &Me<'_, '_>,
    written: &OwnedBrigade,
    length: usize,
) -> PyResult<()> {
    let (c, transport) = transport(this)?;
    if length > 0 {
        transport.io.touch();
        written.append_flush();
        release(this.py(), || c.write(written))
            .map_err(|error| lost(this.py(), c, error, "took nothing", "written"))?;
    }
    Ok(())
}
