//! The methods of `filter` that read and write for a plain function, and those by which either kind steps out. They are
//! called by the filter's own Python code, in a call of the filter, with the GIL, and let go of it while they wait.

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::async_io;
use super::awaitable::ReadRequest;
use super::input_or_output::InputOrOutput;
use super::object::{Me, with_io};
use crate::httpd::filter::stream::{CHUNK, Next};
use crate::httpd::{Error, Filter};
use crate::python::object::arguments::{limit, none};
use crate::python::object::class::Answer;
use crate::python::runtime::interpreter::release;
use crate::python::values::buffer;
use crate::python::values::client_gone::{flush_failed, write_failed};

/// After so many empty reads in one call, the function is taken for one that never returns.
const MOST_PAUSES: u32 = 1000;

/// Calls `f` with the filter and its input or output side.
///
/// # Errors
/// What `f` raises; `ValueError` after `filter.close()`; `RuntimeError` when the filter cannot be used now.
fn open_io<R>(
    this: &Me<'_, '_>,
    f: impl FnOnce(&Filter, &mut InputOrOutput) -> PyResult<R>,
) -> PyResult<R> {
    with_io(this, |filter, io| {
        refuse_closed(io)?;
        f(filter, io)
    })
}

/// Refuses a filter that has called `close()`.
///
/// # Errors
/// `ValueError`.
fn refuse_closed(io: &mut InputOrOutput) -> PyResult<()> {
    match io.stream().is_closed() {
        true => Err(PyValueError::new_err("the filter is closed")),
        false => Ok(()),
    }
}

/// `OSError` for an error of httpd's while a filter reads or closes.
pub(in crate::python) fn failed(error: Error) -> PyErr {
    PyOSError::new_err(format!("the filter could not go on: {error}"))
}

/// The most bytes that one call of a reading method joins: `joined=` of the declaration.
///
/// # Errors
/// `RuntimeError` when the filter cannot be used now.
fn bound(this: &Me<'_, '_>) -> PyResult<usize> {
    Ok(this.body().instance.get()?.declared.joined)
}

/// Returns `b''` for a read that finds nothing for now.
///
/// # Errors
/// `RuntimeError` after [`MOST_PAUSES`] such reads in one call.
fn pause<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let pauses = this.body().pauses.get() + 1;
    this.body().pauses.set(pauses);
    if pauses > MOST_PAUSES {
        return Err(PyRuntimeError::new_err(
            "read() has given b'' a thousand times: return, and the filter is called again when \
             there is more",
        ));
    }
    Ok(PyBytes::new(this.py(), b"").into_any())
}

pub(in crate::python) fn read<'py>(
    this: &Me<'_, 'py>,
    n: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let asked = limit(n)?;
    let bound = bound(this)?;
    let read = with_io(this, |filter, io| match io.stream().is_generators() {
        true => Ok(None),
        false => read_now(this, filter, io, asked, bound).map(Some),
    });
    match read? {
        Some(piece) => Ok(piece),
        None => {
            let most = asked.unwrap_or(CHUNK).min(CHUNK);
            async_io::reader(this, ReadRequest::Bytes(most))
        }
    }
}

/// What `read()` of a plain function returns.
fn read_now<'py>(
    this: &Me<'_, 'py>,
    filter: &Filter,
    io: &mut InputOrOutput,
    asked: Option<usize>,
    bound: usize,
) -> Answer<'py> {
    refuse_closed(io)?;
    this.body().bound_met.set(false);
    let limit = asked.unwrap_or(bound).min(bound);
    if limit == 0 {
        return Ok(PyBytes::new(this.py(), b"").into_any());
    }
    match io.read(this.py(), filter, limit).map_err(failed)? {
        Next::End => none(this),
        Next::Pause => pause(this),
        Next::Data => {
            let piece = this.body().take_joined(this.py(), io, limit)?;
            let is_bounds = asked.is_none_or(|asked| asked > bound);
            let is_full = is_bounds && piece.as_bytes().len() >= bound;
            this.body().bound_met.set(is_full && io.stream().has_data());
            Ok(piece.into_any())
        }
    }
}

pub(in crate::python) fn readline<'py>(
    this: &Me<'_, 'py>,
    n: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let bound = bound(this)?;
    let asked = limit(n)?;
    let limit = asked.unwrap_or(bound).min(bound);
    this.body().bound_met.set(false);
    open_io(this, |filter, io| {
        let mut line = Vec::new();
        while line.len() < limit {
            if line.is_empty() {
                match io.read(this.py(), filter, limit).map_err(failed)? {
                    Next::End => return none(this),
                    Next::Pause => return pause(this),
                    Next::Data => this.body().pauses.set(0),
                }
            } else if !io.stream().has_data() {
                // The rest of the line is not here yet: what is there of it is returned.
                break;
            } else if io
                .load(this.py(), filter, limit - line.len())
                .map_err(failed)?
                == 0
            {
                continue;
            }
            let data = io.stream().chunk();
            let end = memchr::memchr(b'\n', data).map(|at| at + 1);
            let length = end.unwrap_or(data.len());
            line.extend_from_slice(&data[..length]);
            io.stream().take(length).map_err(failed)?;
            if end.is_some() {
                break;
            }
        }
        let is_bounds = asked.is_none_or(|asked| asked > bound) && line.len() >= bound;
        let is_cut = is_bounds && !line.ends_with(b"\n");
        this.body().bound_met.set(is_cut && io.stream().has_data());
        Ok(PyBytes::new(this.py(), &line).into_any())
    })
}

pub(in crate::python) fn write<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    with_io(this, |filter, io| {
        refuse_generator(io, "yields its output")?;
        refuse_closed(io)?;
        if let InputOrOutput::Output(output) = io {
            if output.is_broken() {
                return Err(write_failed());
            }
        }
        let unchanged = this.body().is_last_piece(data, io.stream().taken());
        let length = data.len().unwrap_or(0);
        if !(unchanged && io.stream().write_back(length)) {
            buffer::append(io.stream(), data, this.interpreter().deferred_drops)?;
        }
        match io {
            InputOrOutput::Output(output) if output.is_full() => {
                release(this.py(), || output.send(filter)).map_err(|_| write_failed())
            }
            _ => Ok(()),
        }
    })?;
    none(this)
}

pub(in crate::python) fn flush<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "yields apache.FLUSH")?;
    with_io(this, |filter, io| match io {
        InputOrOutput::Output(output) => {
            release(this.py(), || output.flush(filter)).map_err(|_| flush_failed())
        }
        // An input filter's output goes to the reader when the function returns.
        InputOrOutput::Input(_) => Ok(()),
    })?;
    none(this)
}

pub(in crate::python) fn close<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "returns")?;
    if with_io(this, |_, io| Ok(io.stream().is_on_connection()))? {
        return Err(PyRuntimeError::new_err(
            "a filter cannot end a connection: filter.disable() steps out of it",
        ));
    }
    if this.body().bound_met.get() {
        let instance = this.body().instance.get()?;
        let text = format!(
            "close() would drop the rest of the body: read() and readline() return at most {} bytes, \
             and more is there; read until nothing comes, ask for a number of bytes, or raise the \
             bound by joined=SIZE in the declaration of {}",
            instance.declared.joined, instance.declared.name
        );
        let class = this.interpreter().types.filter_limit.bind(this.py());
        return Err(PyErr::from_type(class.clone(), (text,)));
    }
    with_io(this, |filter, io| match io {
        InputOrOutput::Output(output) if output.stream.is_closed() => Ok(()),
        InputOrOutput::Output(output) => {
            release(this.py(), || output.close(filter)).map_err(failed)
        }
        InputOrOutput::Input(input) => {
            input.close();
            Ok(())
        }
    })?;
    none(this)
}

/// Refuses a method of plain functions to a streaming filter. `instead` says what such a filter does.
///
/// # Errors
/// `RuntimeError` in a streaming filter.
fn refuse_to_generators(this: &Me<'_, '_>, instead: &str) -> PyResult<()> {
    with_io(this, |_, io| refuse_generator(io, instead))
}

/// As `refuse_to_generators`, with the filter's side at hand.
fn refuse_generator(io: &mut InputOrOutput, instead: &str) -> PyResult<()> {
    if io.stream().is_generators() {
        let text = format!("an 'async def' filter {instead} instead");
        return Err(PyRuntimeError::new_err(text));
    }
    Ok(())
}

pub(in crate::python) fn pass_on<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    if with_io(this, |_, io| Ok(io.stream().is_generators()))? {
        with_io(this, |_, io| {
            if io.stream().lost_rollback() {
                let class = this
                    .interpreter()
                    .types
                    .filter_limit
                    .bind(this.py())
                    .clone();
                let text = "more was read than is held to be given back (held=)";
                return Err(PyErr::from_type(class, (text,)));
            }
            io.stream().restore();
            io.step_out();
            Ok(())
        })?;
        return none(this);
    }
    open_io(this, |_, io| {
        match io {
            InputOrOutput::Output(output) => output.pass_on(),
            InputOrOutput::Input(input) => input.pass_on(),
        }
        Ok(())
    })?;
    none(this)
}

pub(in crate::python) fn disable<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "calls pass_on()")?;
    with_io(this, |_, io| {
        match io {
            InputOrOutput::Output(output) => output.step_out(),
            InputOrOutput::Input(input) => input.step_out(),
        }
        Ok(())
    })?;
    none(this)
}
