//! `req.form`: the form of a request, until a program sets the attribute to what it has read itself.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::object::{Me, RequestObject};
use super::state::RequestState;
use crate::engine::query;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::python::object::arguments::boolean;
use crate::python::object::class::{Answer, own_attributes};
use crate::python::text::decode;

/// An option that limits the fields of a form.
const MAX_FIELDS: &str = "mod_python.form.max_fields";
/// How many fields are looked through here: fewer than the limit that holds without that option.
const FEW: usize = 50;

/// The dictionary of the object's own attributes, where `form` stands once it was read or set.
fn own<'py>(this: &Me<'_, 'py>) -> PyResult<Bound<'py, PyDict>> {
    let attributes = this.object().getattr("__dict__")?;
    Ok(attributes.cast_into::<PyDict>()?)
}

/// Returns what was set; else the form, which is made when it is first asked for, and read when it is first used.
///
/// # Errors
/// `RuntimeError` when nothing was set and the request may not be used now.
pub(in crate::python) fn form<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let own = own(this)?;
    if let Some(set) = own.get_item("form")? {
        return Ok(set);
    }
    let state = RequestState::of(this.body().lent.get()?);
    let forms = this.py().import("mod_python._forms.request_form")?;
    let made = forms.call_method1(
        "RequestForm",
        (this.object(), state.keeps_blank_fields.get()),
    )?;
    own.set_item("form", &made)?;
    Ok(made)
}

/// Replaces the form by any object, as for an attribute of the program's own.
pub(in crate::python) fn set_form(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    own(this)?.set_item("form", value)
}

/// Returns what was set, or was made, or None: nothing is made here.
pub(in crate::python) fn form_so_far<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().lent.get()?;
    let set = match own_attributes::<RequestObject>(this.object()) {
        Some(own) => own.get_item("form")?,
        None => None,
    };
    Ok(set.unwrap_or_else(|| this.py().None().into_bound(this.py())))
}

/// Whether a form was made, or set.
pub(super) fn has_form(this: &Me<'_, '_>) -> bool {
    let own = own_attributes::<RequestObject>(this.object());
    own.is_some_and(|own| own.contains("form").unwrap_or(true))
}

/// Whether a form that is made from now on keeps its fields without a value.
pub(in crate::python) fn keeps_blank_fields<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let state = RequestState::of(this.body().lent.get()?);
    boolean(this.py(), state.keeps_blank_fields.get())
}

pub(in crate::python) fn set_keeps_blank_fields(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let state = RequestState::of(this.body().lent.get()?);
    state.keeps_blank_fields.set(value.is_truthy()?);
    Ok(())
}

/// The query of a request whose form is that alone, if it is short and in ASCII.
pub(super) fn plain_query(r: &Request) -> Option<&str> {
    let may_have_more = matches!(r.method(), Some(b"POST" | b"PUT" | b"PATCH"));
    let query = std::str::from_utf8(r.args().unwrap_or_default()).ok()?;
    let is_short = || {
        query
            .bytes()
            .filter(|byte| matches!(byte, b'&' | b';'))
            .count()
            < FEW
    };
    let has_limit = || r.settings::<Settings>().options.get(MAX_FIELDS).is_some();
    (!may_have_more && query.is_ascii() && is_short() && !has_limit()).then_some(query)
}

/// The fields of `plain_query` as a list of objects of `class`, which is derived from str, each with its `name`; `None`
/// where there is no such query.
///
/// # Errors
/// `TypeError` for another class.
pub(in crate::python) fn query_fields<'py>(
    r: &Request,
    class: &Bound<'py, PyAny>,
    keep_blank: bool,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let Some(query) = plain_query(r) else {
        return Ok(None);
    };
    let py = class.py();
    let new = py.get_type::<PyString>().getattr("__new__")?;
    let attribute = PyString::intern(py, "name");
    let fields = PyList::empty(py);
    for (name, value) in query::fields(query, keep_blank) {
        let field = new.call1((class, decode(py, &value)?))?;
        field.setattr(&attribute, decode(py, &name)?)?;
        fields.append(field)?;
    }
    Ok(Some(fields))
}
