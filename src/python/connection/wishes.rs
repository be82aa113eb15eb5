//! What an `async def` connection handler says to its `conn`: what to wait for.

use std::time::Duration;

use pyo3::exceptions::{PyConnectionResetError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::duplex::Output;
use super::object::ConnectionObject;
use super::waits::{HIGH, MOST, Wait, Wish, of_peer};
use super::wire::wire;
use crate::python::data;
use crate::python::object::class::{self, Answer, Arguments, This};
use crate::python::object::lease::Lent;
use crate::python::request::fields::limit;
use crate::python::text::encode;

type Me<'a, 'py> = This<'a, 'py, ConnectionObject>;

pub(super) fn make<'py>(this: &Me<'_, 'py>, wish: Wish) -> Answer<'py> {
    let (_, wire) = wire(this)?;
    if !wire.duplex.is_async() {
        return Err(PyRuntimeError::new_err(
            "only an 'async def' connection handler can await this: a plain one reads with \
             conn.read() and conn.readline()",
        ));
    }
    let wait = Wait::new(this.object(), wish, wire.duplex.queued());
    class::make(this.py(), this.interpreter(), wait)
}

fn length(value: Option<Borrowed<'_, '_, PyAny>>, what: &str) -> PyResult<usize> {
    match limit(value)? {
        Some(length) => Ok(length),
        None => Err(PyValueError::new_err(format!(
            "{what} takes a length of 0 or more"
        ))),
    }
}

pub(super) fn read<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let wish = match a[0] {
        None => Wish::Some(MOST),
        Some(_) => limit(a[0])?.map_or(Wish::All, Wish::Some),
    };
    make(this, wish)
}

pub(super) fn readexactly<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    make(this, Wish::Exactly(length(a[0], "readexactly()")?))
}

pub(super) fn peek<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    make(this, Wish::Peek(length(a[0], "peek()")?))
}

pub(super) fn readuntil<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let separator = a[0].map_or(Ok(b"\n".to_vec()), |separator| encode(&separator))?;
    if separator.is_empty() {
        return Err(PyValueError::new_err("a separator has at least one byte"));
    }
    make(this, Wish::Until(separator, limit(a[1])?.unwrap_or(MOST)))
}

pub(super) fn readline<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    make(this, Wish::Line(limit(a[0])?.unwrap_or(MOST)))
}

pub(super) fn lines<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    make(this, Wish::Lines)
}

pub(super) fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (c, wire) = wire(this)?;
    let data = a[0].ok_or_else(|| PyTypeError::new_err("write() takes data"))?;
    match wire.duplex.output() {
        Output::Open => {}
        Output::Closed | Output::Ended => {
            return Err(PyRuntimeError::new_err("conn.close() was called before"));
        }
        Output::Broken => {
            let error = PyConnectionResetError::new_err("the peer takes nothing any more");
            return Err(of_peer(this.py(), error));
        }
    }
    let length = data::append(&mut &*wire.written, &data, this.interpreter().drops)?;
    wire.duplex.touch();
    wire.duplex.count_queued(length);
    if wire.duplex.queued() > HIGH {
        wire.send(c);
        // A long step sends much: what was sent is let go as it goes along.
        this.interpreter().drops.empty(this.py());
    }
    make(this, Wish::Sent)
}

pub(super) fn close<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let (_, wire) = wire(this)?;
    let wait = make(this, Wish::AllSent)?;
    wire.duplex.touch();
    wire.duplex.close_output();
    Ok(wait)
}

/// A time in seconds, at most the virtual host's `Timeout`.
fn seconds(this: &Me<'_, '_>, value: &Bound<'_, PyAny>, what: &str) -> PyResult<Duration> {
    let (c, _) = wire(this)?;
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

pub(super) fn sleep<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let time = a[0].ok_or_else(|| PyTypeError::new_err("sleep() takes seconds"))?;
    let time = seconds(this, &time, "a sleep")?;
    make(this, Wish::Time(time))
}

pub(super) fn timeout<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let most = me.lent.get()?.base_server().timeout();
    let wire = me.wire.as_ref().map(Lent::get).transpose()?;
    let timeout = wire.and_then(|wire| wire.duplex.timeout.get());
    let seconds = timeout.unwrap_or(most).as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

pub(super) fn set_timeout(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let (_, wire) = wire(this)?;
    let time = seconds(this, value, "a timeout")?;
    wire.duplex.timeout.set(Some(time));
    Ok(())
}
