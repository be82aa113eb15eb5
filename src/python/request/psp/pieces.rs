//! What a page of `mod_python.psp` has written in small pieces: they are collected in a list, and go to the response
//! together, before anything else that the request's methods send.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString};

use crate::python::object::class::Answer;
use crate::python::request::async_io;
use crate::python::request::object::Me;

/// The list (`req._page_pieces`); None while no page runs.
pub(in crate::python) fn pieces<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let py = this.py();
    this.body().lent.get()?;
    let pieces = this.body().page.borrow();
    Ok(pieces.as_ref().map_or_else(
        || py.None().into_bound(py),
        |pieces| pieces.bind(py).clone().into_any(),
    ))
}

/// Gives the pieces so far to the response, and takes another list, or none.
///
/// # Errors
/// `TypeError` for what is neither a list nor None, or no str in it; those of `write()`.
pub(in crate::python) fn set_pieces(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    this.body().lent.get()?;
    let next: Option<Bound<'_, PyList>> = value.extract()?;
    let written = write_first(this);
    this.body().page.replace(next.map(Bound::unbind));
    written
}

/// Gives the pieces to the response.
///
/// # Errors
/// Those of `write()`; `TypeError` for a piece that is no str.
pub(in crate::python) fn write_first(this: &Me<'_, '_>) -> PyResult<()> {
    let py = this.py();
    let page = this.body().page.borrow();
    let pieces = page.as_ref().map(|pieces| pieces.bind(py).clone());
    drop(page);
    let Some(pieces) = pieces.filter(|pieces| !pieces.is_empty()) else {
        return Ok(());
    };
    let text = PyString::new(py, "").call_method1("join", (&pieces,))?;
    pieces.del_slice(0, pieces.len())?;
    let flush = PyBool::new(py, false).to_owned().into_any();
    async_io::write(this, &text, Some(&flush)).map(drop)
}
