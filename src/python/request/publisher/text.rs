//! A text, or bytes, that a published object is, as the response.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PySlice, PyString};

use crate::engine::text_kind::{TextKind, ends_html};
use crate::python::object::class::own_attributes;
use crate::python::request::async_io;
use crate::python::request::object::{Me, RequestObject};
use crate::python::request::state::RequestState;

/// Of how many characters at the end of a text mod_python 3 takes it for HTML.
const END: isize = 100;

/// Writes a str, or a buffer of bytes, with a media type by its end where none is set.
///
/// # Errors
/// Those of `req.write()`, which a program may have replaced.
pub(super) fn send(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    let state = RequestState::of(r);
    if !state.content_type_set.get() && r.sent_bodyct() == 0 {
        let (kind, charset) = match value.cast::<PyString>() {
            Ok(text) => (kind(&text.to_string_lossy()), "; charset=utf-8"),
            Err(_) => (kind_of_bytes(value)?, ""),
        };
        r.set_content_type(Some([kind.media_type(), charset].concat().as_bytes()));
        state.content_type_set.set(true);
        // The type was guessed, so browsers must not guess again, and find a page in a text.
        if r.headers_out().get(c"X-Content-Type-Options").is_none() {
            r.headers_out().set(c"X-Content-Type-Options", c"nosniff");
        }
    }
    if own_attributes::<RequestObject>(this.object()).is_some_and(|own| !own.is_empty()) {
        let write = this.object().getattr("write")?;
        return write.call1((value, false)).map(drop);
    }
    let flush = PyBool::new(this.py(), false).to_owned().into_any();
    async_io::write(this, value, Some(&flush)).map(drop)
}

fn kind_of_bytes(value: &Bound<'_, PyAny>) -> PyResult<TextKind> {
    let py = value.py();
    // `PySlice::new` of PyO3 leaks the numbers of a slice.
    let end = py.get_type::<PySlice>().call1((-END, py.None()))?;
    let end = value.get_item(end)?;
    let end = py.get_type::<PyBytes>().call1((end,))?;
    let characters = end.cast::<PyBytes>()?.as_bytes().iter();
    Ok(kind(
        &characters.map(|byte| char::from(*byte)).collect::<String>(),
    ))
}

fn kind(text: &str) -> TextKind {
    match ends_html(text, END as usize) {
        true => TextKind::Html,
        false => TextKind::Plain,
    }
}
