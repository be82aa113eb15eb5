//! Arguments of methods, and common answers.

use pyo3::prelude::*;

use super::class::{Answer, Arguments, This};

/// `None`.
pub fn none<'py, T>(this: &This<'_, 'py, T>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

/// `True` or `False`.
pub fn boolean<'py>(py: Python<'py>, value: bool) -> Answer<'py> {
    Ok(value.into_pyobject(py)?.to_owned().into_any())
}

/// An argument that the table of methods says is required: the trampoline has checked that it is there.
pub fn required<'a, 'py>(a: Arguments<'a, 'py>, index: usize) -> &'a Bound<'py, PyAny> {
    a[index]
        .as_deref()
        .expect("the trampoline has checked required arguments")
}

/// A length argument: None, left out or negative for "all".
pub fn limit(value: Option<Borrowed<'_, '_, PyAny>>) -> PyResult<Option<usize>> {
    match value {
        Some(value) if !value.is_none() => Ok(usize::try_from(value.extract::<i64>()?).ok()),
        _ => Ok(None),
    }
}

/// A truth value, or the default when it is left out.
///
/// # Errors
/// What `bool()` of the argument raises.
pub fn flag(value: Option<Borrowed<'_, '_, PyAny>>, default: bool) -> PyResult<bool> {
    value.map_or(Ok(default), |value| value.is_truthy())
}
