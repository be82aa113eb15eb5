//! Kinds of attributes that show a field of one of httpd's structs: texts, numbers, times. Each is named in a table
//! with the function that reads or sets the field: `uri = text(Request::uri), …;`.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::class::{Answer, Class, This};
use crate::python::text::{decode, decode_option};

/// A class whose objects show a struct of httpd's.
pub trait Shows: Class {
    /// The struct.
    type Struct;

    /// The struct behind an object.
    ///
    /// # Errors
    /// `RuntimeError` when Python code may not use it now: its request or connection is over, or no call of httpd's
    /// for it is open on this thread.
    fn shown(&self) -> PyResult<&Self::Struct>;
}

/// A text as str; None where there is none.
pub fn text<'a, 'py, T: Shows>(
    this: &'a This<'_, 'py, T>,
    field: impl FnOnce(&'a T::Struct) -> Option<&'a [u8]>,
) -> Answer<'py> {
    decode_option(this.py(), field(this.body().shown()?))
}

/// Texts as a tuple of str.
pub fn texts<'a, 'py, T: Shows>(
    this: &'a This<'_, 'py, T>,
    field: impl FnOnce(&'a T::Struct) -> Vec<&'a [u8]>,
) -> Answer<'py> {
    let texts = field(this.body().shown()?).into_iter();
    let texts: PyResult<Vec<_>> = texts.map(|text| decode(this.py(), text)).collect();
    Ok(PyTuple::new(this.py(), texts?)?.into_any())
}

/// A number, or 1 and 0 for a flag, as int.
pub fn number<'a, 'py, T: Shows, N: Into<i64>>(
    this: &'a This<'_, 'py, T>,
    field: impl FnOnce(&'a T::Struct) -> N,
) -> Answer<'py> {
    let number: i64 = field(this.body().shown()?).into();
    Ok(number.into_pyobject(this.py())?.into_any())
}

/// Microseconds, such as a time since 1970, as seconds (float).
pub fn seconds<'a, 'py, T: Shows>(
    this: &'a This<'_, 'py, T>,
    field: impl FnOnce(&'a T::Struct) -> i64,
) -> Answer<'py> {
    let micros = field(this.body().shown()?);
    Ok((micros as f64 / 1e6).into_pyobject(this.py())?.into_any())
}

/// A duration as seconds (float).
pub fn duration<'a, 'py, T: Shows>(
    this: &'a This<'_, 'py, T>,
    field: impl FnOnce(&'a T::Struct) -> Duration,
) -> Answer<'py> {
    let seconds = field(this.body().shown()?).as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

/// Sets a number.
///
/// # Errors
/// `TypeError` for anything but an int, `OverflowError` for one of more than 32 bits.
pub fn set_number<'a, T: Shows>(
    this: &'a This<'_, '_, T>,
    value: &Bound<'_, PyAny>,
    field: impl FnOnce(&'a T::Struct, i32),
) -> PyResult<()> {
    field(this.body().shown()?, value.extract()?);
    Ok(())
}
