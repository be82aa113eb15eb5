//! The methods of `conn` that an `async def` connection handler awaits. All functions are called by Python code on the
//! thread that steps the handler: with the task's turn and the GIL. Those that are called on asyncio's loop are queued for
//! that thread (`on_loop`).

use std::time::Duration;

use pyo3::exceptions::{PyConnectionResetError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::awaitable::{HIGH, MOST, Operation, Wait};
use super::ends::of_peer;
use super::object::{ConnectionObject, transport};
use super::on_loop::queued;
use crate::parking::io_state::OutputState;
use crate::python::object::arguments::{given, limit};
use crate::python::object::class;
use crate::python::object::class::{Answer, This};
use crate::python::runtime::lease::Lent;
use crate::python::text::encode;
use crate::python::values::buffer;

type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

/// The awaitable for an operation.
///
/// # Errors
/// `RuntimeError` in a plain handler, which has no step to wait between.
pub(in crate::python) fn make<'py>(this: &Me<'_, 'py>, operation: Operation) -> Answer<'py> {
    let (_, transport) = transport(this)?;
    if !transport.io.is_async() {
        return Err(PyRuntimeError::new_err(
            "only an 'async def' connection handler can await this: a plain one reads with \
             conn.read() and conn.readline()",
        ));
    }
    let wait = Wait::new(this.object(), operation, transport.io.queued());
    class::make(this.py(), this.interpreter(), wait)
}

/// A length argument in bytes; `what` names the method in the error.
///
/// # Errors
/// `ValueError` when it is None or negative.
fn byte_count(value: &Bound<'_, PyAny>, what: &str) -> PyResult<usize> {
    match limit(Some(value))? {
        Some(length) => Ok(length),
        None => Err(PyValueError::new_err(format!(
            "{what} takes a length of 0 or more"
        ))),
    }
}

pub(in crate::python) fn read<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let operation = match length {
        None => Operation::Some(MOST),
        Some(_) => limit(length)?.map_or(Operation::All, Operation::Some),
    };
    make(this, operation)
}

pub(in crate::python) fn readexactly<'py>(
    this: &Me<'_, 'py>,
    length: &Bound<'py, PyAny>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "readexactly", &[("", Some(length))]) {
        return queued;
    }
    make(
        this,
        Operation::Exactly(byte_count(length, "readexactly()")?),
    )
}

pub(in crate::python) fn peek<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "peek", &[("", length)]) {
        return queued;
    }
    let operation = match length {
        None => Operation::PeekSome,
        Some(length) => Operation::Peek(byte_count(length, "peek()")?),
    };
    make(this, operation)
}

pub(in crate::python) fn peek_until<'py>(
    this: &Me<'_, 'py>,
    separator: Option<&Bound<'py, PyAny>>,
    most: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(queued) = queued(
        this,
        "peek_until",
        &[("separator", separator), ("limit", most)],
    ) {
        return queued;
    }
    let (separator, most) = until(separator, most, "peek_until()")?;
    make(this, Operation::PeekUntil(separator, most))
}

/// The arguments of `readuntil()` and `peek_until()`: the separator, and the most bytes up to its end. `what` names the
/// method in the error.
///
/// # Errors
/// `ValueError` for an empty separator and a negative limit.
fn until(
    separator: Option<&Bound<'_, PyAny>>,
    most: Option<&Bound<'_, PyAny>>,
    what: &str,
) -> PyResult<(Vec<u8>, usize)> {
    let separator = separator.map_or(Ok(b"\n".to_vec()), encode)?;
    match separator.is_empty() {
        true => Err(PyValueError::new_err("a separator has at least one byte")),
        false => {
            let most = given(most).map(|most| byte_count(most, what)).transpose()?;
            Ok((separator, most.unwrap_or(MOST)))
        }
    }
}

pub(in crate::python) fn readuntil<'py>(
    this: &Me<'_, 'py>,
    separator: Option<&Bound<'py, PyAny>>,
    most: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(queued) = queued(
        this,
        "readuntil",
        &[("separator", separator), ("limit", most)],
    ) {
        return queued;
    }
    let (separator, most) = until(separator, most, "readuntil()")?;
    make(this, Operation::Until(separator, most))
}

pub(in crate::python) fn readline<'py>(
    this: &Me<'_, 'py>,
    length: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    make(this, Operation::Line(limit(length)?.unwrap_or(MOST)))
}

pub(in crate::python) fn lines<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    make(this, Operation::Lines)
}

pub(in crate::python) fn write<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    let (c, transport) = transport(this)?;
    match transport.io.output() {
        OutputState::Open => {}
        OutputState::Closed | OutputState::Ended => {
            return Err(PyRuntimeError::new_err("conn.close() was called before"));
        }
        OutputState::Broken => {
            transport.io.departure.tell();
            let error = PyConnectionResetError::new_err("the peer takes nothing any more");
            return Err(of_peer(this.py(), error));
        }
    }
    let length = buffer::append(
        &mut &*transport.written,
        data,
        this.interpreter().deferred_drops,
    )?;
    transport.io.touch();
    transport.io.count_queued(length);
    if transport.io.queued() > HIGH {
        transport.send(c);
        // Objects whose bytes were sent are dropped during a long step, too: it may send much.
        this.interpreter().deferred_drops.empty(this.py());
    }
    make(this, Operation::Sent)
}

pub(in crate::python) fn close<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    if let Some(queued) = queued(this, "close", &[]) {
        return queued;
    }
    let (_, transport) = transport(this)?;
    let wait = make(this, Operation::AllSent)?;
    transport.io.touch();
    transport.io.close_output();
    Ok(wait)
}

/// A time argument in seconds, from 0 to the virtual host's `Timeout`; `what` names it in the error.
///
/// # Errors
/// `ValueError` for any other time, `TypeError` for what is no number.
fn duration(this: &Me<'_, '_>, value: &Bound<'_, PyAny>, what: &str) -> PyResult<Duration> {
    let (c, _) = transport(this)?;
    let most = c.base_server().timeout();
    let seconds: f64 = value.extract()?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time <= most => Ok(time),
        _ => Err(PyValueError::new_err(format!(
            "{what} is 0 to {} seconds: more needs a longer Timeout of the virtual host",
            most.as_secs()
        ))),
    }
}

pub(in crate::python) fn sleep<'py>(
    this: &Me<'_, 'py>,
    seconds: &Bound<'py, PyAny>,
) -> Answer<'py> {
    if let Some(queued) = queued(this, "sleep", &[("", Some(seconds))]) {
        return queued;
    }
    let time = duration(this, seconds, "a sleep")?;
    make(this, Operation::Time(time))
}

pub(in crate::python) fn timeout<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let most = me.lent.get()?.base_server().timeout();
    let transport = me.transport.as_ref().map(Lent::get).transpose()?;
    let timeout = transport.and_then(|transport| transport.io.timeout.get());
    let seconds = timeout.unwrap_or(most).as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn set_timeout(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let (_, transport) = transport(this)?;
    let time = duration(this, value, "a timeout")?;
    transport.io.timeout.set(Some(time));
    Ok(())
}

/// `conn.half_close_timeout`
pub(in crate::python) fn half_close_timeout<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let most = me.lent.get()?.base_server().timeout();
    let transport = me.transport.as_ref().map(Lent::get).transpose()?;
    let io = transport.map(|transport| &transport.io);
    let time = io
        .filter(|io| io.is_async())
        .map(|io| io.departure.half_close_timeout());
    let seconds = time.unwrap_or(most).as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn set_half_close_timeout(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let time = duration(this, value, "half_close_timeout")?;
    let (_, transport) = transport(this)?;
    transport.io.departure.set_half_close_timeout(time);
    Ok(())
}
