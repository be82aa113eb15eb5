//! The call of a published function with the fields of a query as its arguments.
#![expect(unsafe_code, reason = "a call with arguments by name")]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::function::{KnownFunction, NamedParameter};
use crate::engine::query;
use crate::python::request::form::{has_form, plain_query};
use crate::python::request::object::Me;
use crate::python::text::decode;

/// The name under which a function gets the request.
const REQ: &str = "req";

/// Calls a function, and returns what it returns; None if what it needs is not at hand here, or an argument is missing.
///
/// # Errors
/// Whatever the function raises.
pub(super) fn call<'py>(
    this: &Me<'_, 'py>,
    found: &Bound<'py, PyAny>,
    known: &KnownFunction,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = this.py();
    let parameters = &known.parameters;
    let mut values = vec![None; parameters.len()];
    if parameters.iter().any(|one| one.text != REQ) {
        let r = this.body().lent.get()?;
        let Some(query) = plain_query(r).filter(|_| !has_form(this)) else {
            return Ok(None);
        };
        fill(py, query, parameters, &mut values)?;
    }
    let (mut names, mut arguments) = (Vec::new(), Vec::with_capacity(values.len()));
    for (one, value) in parameters.iter().zip(values) {
        let value = match one.text == REQ {
            true => Some(this.object().clone()),
            false => value,
        };
        match value {
            Some(value) => {
                names.push(&one.name);
                arguments.push(value);
            }
            None if one.is_required => return Ok(None),
            None => {}
        }
    }
    let names = PyTuple::new(py, names)?;
    with_names(found, &arguments, &names).map(Some)
}

/// Takes the values of parameters from a query: a str, or a list where a name has several.
fn fill<'py>(
    py: Python<'py>,
    query: &str,
    parameters: &[NamedParameter],
    values: &mut [Option<Bound<'py, PyAny>>],
) -> PyResult<()> {
    for (name, value) in query::fields(query, true) {
        let wanted = parameters
            .iter()
            .position(|one| one.text.as_bytes() == &*name);
        let Some(place) = wanted.map(|index| &mut values[index]) else {
            continue;
        };
        let value = decode(py, &value)?;
        match place {
            None => *place = Some(value),
            Some(known) => match known.cast::<PyList>() {
                Ok(list) => list.append(value)?,
                Err(_) => {
                    let list = PyList::new(py, [known.clone(), value])?;
                    *place = Some(list.into_any());
                }
            },
        }
    }
    Ok(())
}

/// `found(**arguments)`
fn with_names<'py>(
    found: &Bound<'py, PyAny>,
    arguments: &[Bound<'py, PyAny>],
    names: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    // A method puts its object into the first place.
    let places = std::iter::once(std::ptr::null_mut());
    let mut places: Vec<_> = places.chain(arguments.iter().map(Bound::as_ptr)).collect();
    let count = ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
    // SAFETY: there is one place at least.
    let values = unsafe { places.as_mut_ptr().add(1) };
    // SAFETY: the values behind the first place are those of the names, and live; the first place may be written.
    let result = unsafe { ffi::PyObject_Vectorcall(found.as_ptr(), values, count, names.as_ptr()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(found.py(), result) }
}
