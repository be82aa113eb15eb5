//! Arguments of methods and values of attributes as Rust's types, and common return values.

use pyo3::prelude::*;

use super::class::{Answer, This};

/// `None`, as a method returns it.
pub fn none<'py, T>(this: &This<'_, 'py, T>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

/// `True` or `False`.
pub fn boolean<'py>(py: Python<'py>, value: bool) -> Answer<'py> {
    Ok(value.into_pyobject(py)?.to_owned().into_any())
}

/// An argument for which None means the same as leaving it out.
pub fn given<'a, 'py>(value: Option<&'a Bound<'py, PyAny>>) -> Option<&'a Bound<'py, PyAny>> {
    value.filter(|value| !value.is_none())
}

/// A length argument. `None` stands for no limit: Python's None, a negative number, or left out.
///
/// # Errors
/// `TypeError` for anything but an int, `OverflowError` for one of more than 64 bits.
pub fn limit(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<usize>> {
    let length: Option<i64> = integer(value)?;
    Ok(length.and_then(|length| usize::try_from(length).ok()))
}

/// An integer argument; `None` for Python's None and where it is left out.
///
/// # Errors
/// `TypeError` for anything but an int, `OverflowError` for one that `T` cannot hold.
pub fn integer<T>(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<T>>
where
    T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>,
{
    given(value).map(|value| value.extract()).transpose()
}

/// A truth value, or the default when it is left out.
///
/// # Errors
/// What `bool()` of the argument raises.
pub fn flag(value: Option<&Bound<'_, PyAny>>, default: bool) -> PyResult<bool> {
    value.map_or(Ok(default), |value| value.is_truthy())
}
