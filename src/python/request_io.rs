//! The methods of `req` that read its body and write its response.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::class::{Answer, Arguments};
use super::request::Me;
use super::request_fields::{limit, none, required};
use super::state::State;

fn flag(value: Option<Borrowed<'_, '_, PyAny>>, default: bool) -> PyResult<bool> {
    value.map_or(Ok(default), |value| value.is_truthy())
}

pub(super) fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let data = required(a, 0)?;
    State::of(r)
        .response
        .write(this.interpreter(), r, &data, flag(a[1], true)?)?;
    none(this)
}

pub(super) fn flush<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    State::of(r).response.flush(this.py(), r)?;
    none(this)
}

pub(super) fn read<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let body = &State::of(r).body;
    Ok(body
        .read(this.py(), this.interpreter(), r, limit(a[0])?)?
        .into_any())
}

pub(super) fn readline<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let body = &State::of(r).body;
    Ok(body
        .read_line(this.py(), this.interpreter(), r, limit(a[0])?)?
        .into_any())
}

pub(super) fn readlines<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let most = limit(a[0])?.unwrap_or(usize::MAX);
    let lines = PyList::empty(this.py());
    let mut total = 0;
    while total < most {
        let line = State::of(r)
            .body
            .read_line(this.py(), this.interpreter(), r, None)?;
        if line.as_bytes().is_empty() {
            break;
        }
        total += line.as_bytes().len();
        lines.append(line)?;
    }
    Ok(lines.into_any())
}

pub(super) fn discard_request_body<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let status = State::of(r).body.discard(this.py(), r);
    Ok(status.0.into_pyobject(this.py())?.into_any())
}
