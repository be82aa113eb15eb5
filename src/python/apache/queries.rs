//! The functions of `_apache` for what pages are made of: queries, the forms that they are, and what writes.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::functions::Me;
use crate::engine::query;
use crate::python::object::arguments::{flag, none};
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::request::form;
use crate::python::request::object::RequestObject;
use crate::python::request::psp::writer;
use crate::python::text::decode;

/// What a function of `mod_python._forms.query` returns. The module is imported when it is first needed.
pub(super) fn parse<'py>(
    this: &Me<'_, 'py>,
    qs: &Bound<'py, PyAny>,
    keep_blank_values: Option<&Bound<'py, PyAny>>,
    strict_parsing: Option<&Bound<'py, PyAny>>,
    name: &str,
) -> Answer<'py> {
    let module = this.py().import("mod_python._forms.query")?;
    module.call_method1(name, (qs, keep_blank_values, strict_parsing))
}

pub(super) fn query_fields<'py>(
    this: &Me<'_, 'py>,
    qs: &Bound<'py, PyAny>,
    keep_blank_values: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let py = this.py();
    let text = qs.cast::<PyString>()?;
    let Some(query) = text.to_str().ok().filter(|query| query.is_ascii()) else {
        return none(this);
    };
    let fields = PyList::empty(py);
    for (name, value) in query::fields(query, flag(keep_blank_values, false)?) {
        fields.append((decode(py, &name)?, decode(py, &value)?))?;
    }
    Ok(fields.into_any())
}

pub(super) fn value_writer<'py>(
    _this: &Me<'_, 'py>,
    pieces: &Bound<'py, PyAny>,
    write: &Bound<'py, PyAny>,
) -> Answer<'py> {
    writer::value_writer(pieces, write)
}

pub(super) fn form_of_query<'py>(
    this: &Me<'_, 'py>,
    req: &Bound<'py, PyAny>,
    field: &Bound<'py, PyAny>,
    keep_blank_values: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let Some(request) = class::body::<RequestObject>(req, this.interpreter()) else {
        return none(this);
    };
    let keep = keep_blank_values.is_truthy()?;
    match form::query_fields(request.lent.get()?, field, keep)? {
        Some(fields) => Ok(fields.into_any()),
        None => none(this),
    }
}
