//! What the code of a page writes the values of its expressions with: pages call it often, for each `<%= %>`.
#![expect(
    unsafe_code,
    reason = "a function of the C API that takes one argument"
)]

use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::python::object::class::Answer;
use crate::python::object::trampoline::trampoline;

/// Beyond how many characters of a text the response is given what was written at once.
const LARGE: usize = 4000;

struct Definition(ffi::PyMethodDef);

// SAFETY: constant; CPython only reads it.
unsafe impl Sync for Definition {}

static VALUE: Definition = Definition(ffi::PyMethodDef {
    ml_name: c"write_value".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer {
        PyCFunction: write_value,
    },
    ml_flags: ffi::METH_O,
    ml_doc: c"Writes value to the page, as str() tells it.".as_ptr(),
});

/// A function that adds the text of its argument to `pieces`, and calls `write`, which is `req.write`, behind a long one.
///
/// # Errors
/// `MemoryError`.
pub(in crate::python) fn value_writer<'py>(
    pieces: &Bound<'py, PyAny>,
    write: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let own = PyTuple::new(pieces.py(), [pieces, write])?;
    let definition = (&raw const VALUE.0).cast_mut();
    // SAFETY: a definition that lives on, which CPython does not write to; the function keeps a reference to `own`.
    let function = unsafe { ffi::PyCFunction_NewEx(definition, own.as_ptr(), null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(pieces.py(), function) }
}

unsafe extern "C" fn write_value(
    own: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    trampoline(null_mut(), |py| {
        // SAFETY: the tuple that the function was made with, which it keeps for the call.
        let own = unsafe { Borrowed::from_ptr(py, own) };
        // SAFETY: an argument, which the caller keeps for the call.
        let value = unsafe { Borrowed::from_ptr(py, value) };
        let own = own.cast::<PyTuple>()?;
        let text = value.str()?;
        own.get_borrowed_item(0)?.cast::<PyList>()?.append(&text)?;
        if text.len()? > LARGE {
            own.get_borrowed_item(1)?.call1(("", false))?; // behind the pieces
        }
        Ok(py.None().into_ptr())
    })
}
