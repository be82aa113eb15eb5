//! The trampolines of special methods (`slots`).
#![expect(unsafe_code, reason = "the C API of types")]

use std::ffi::c_int;
use std::ptr::null_mut;

use pyo3::exceptions::{PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::class::{This, class_of, make_as};
use super::slots::{AsyncIterable, Awaitable, Compared, Constructed, Iterator, Mapping, Sequence};
use super::trampoline::{trampoline, trampoline_on};
use crate::python::runtime::interpreter::Interpreter;

pub(in crate::python) unsafe extern "C" fn len_trampoline<T: Mapping>(
    object: *mut ffi::PyObject,
) -> ffi::Py_ssize_t {
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, -1, |this| Ok(T::len(this)? as ffi::Py_ssize_t)) }
}

pub(in crate::python) unsafe extern "C" fn subscript_trampoline<T: Mapping>(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let call = |this: &This<'_, '_, T>| {
        // SAFETY: borrowed for the call.
        let key = unsafe { Bound::from_borrowed_ptr(this.py(), key) };
        Ok(T::get(this, &key)?.into_ptr())
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), call) }
}

pub(in crate::python) unsafe extern "C" fn store_trampoline<T: Mapping>(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
) -> c_int {
    let call = |this: &This<'_, '_, T>| {
        // SAFETY: borrowed for the call.
        let key = unsafe { Borrowed::from_ptr(this.py(), key) };
        // SAFETY: borrowed for the call, null for a deletion.
        let value = unsafe { Bound::from_borrowed_ptr_or_opt(this.py(), value) };
        T::set(this, &key, value.as_ref()).map(|()| 0)
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, -1, call) }
}

pub(in crate::python) unsafe extern "C" fn contains_trampoline<T: Mapping>(
    object: *mut ffi::PyObject,
    key: *mut ffi::PyObject,
) -> c_int {
    let call = |this: &This<'_, '_, T>| {
        // SAFETY: borrowed for the call.
        let key = unsafe { Borrowed::from_ptr(this.py(), key) };
        T::contains(this, &key).map(c_int::from)
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, -1, call) }
}

pub(in crate::python) unsafe extern "C" fn iter_trampoline<T: Mapping>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), |this| Ok(T::iter(this)?.into_ptr())) }
}

pub(in crate::python) unsafe extern "C" fn repr_trampoline<T: Mapping>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), |this| Ok(T::repr(this)?.into_ptr())) }
}

pub(in crate::python) unsafe extern "C" fn sequence_len_trampoline<T: Sequence>(
    object: *mut ffi::PyObject,
) -> ffi::Py_ssize_t {
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, -1, |this| Ok(T::len(this)? as ffi::Py_ssize_t)) }
}

pub(in crate::python) unsafe extern "C" fn item_trampoline<T: Sequence>(
    object: *mut ffi::PyObject,
    index: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // An index that is negative even after CPython has added the length is treated as past the end.
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe {
        trampoline_on::<T, _>(object, null_mut(), |this| {
            Ok(T::item(this, index)?.into_ptr())
        })
    }
}

pub(in crate::python) unsafe extern "C" fn sequence_repr_trampoline<T: Sequence>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), |this| Ok(T::repr(this)?.into_ptr())) }
}

pub(in crate::python) unsafe extern "C" fn compare_trampoline<T: Compared>(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject {
    let call = |this: &This<'_, '_, T>| {
        // SAFETY: borrowed for the call.
        let other = unsafe { Borrowed::from_ptr(this.py(), other) };
        let equal = match operation {
            ffi::Py_EQ | ffi::Py_NE => T::eq(this, &other)?,
            _ => None,
        };
        Ok(match equal {
            Some(equal) => PyBool::new(this.py(), equal == (operation == ffi::Py_EQ))
                .to_owned()
                .into_ptr(),
            None => this.py().NotImplemented().into_ptr(),
        })
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), call) }
}

pub(in crate::python) unsafe extern "C" fn new_trampoline<T: Constructed>(
    class: *mut ffi::PyTypeObject,
    values: *mut ffi::PyObject,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    trampoline(null_mut(), |py| {
        let interpreter = Interpreter::current(py)?;
        let is_own = class_of::<T>(&interpreter.types).as_ptr() == class.cast();
        let argument = match is_own {
            // SAFETY: CPython's arguments of a call, for its duration.
            true => unsafe { one_argument::<T>(py, values, names) }?,
            false => None,
        };
        let body = T::new(interpreter, argument.as_ref())?;
        // SAFETY: CPython calls this with the class or one derived from it.
        Ok(unsafe { make_as(py, interpreter, class, body) }?.into_ptr())
    })
}

pub(in crate::python) unsafe extern "C" fn init_trampoline<T: Constructed>(
    object: *mut ffi::PyObject,
    values: *mut ffi::PyObject,
    names: *mut ffi::PyObject,
) -> c_int {
    let call = |this: &This<'_, '_, T>| {
        let class = class_of::<T>(&this.interpreter().types).bind(this.py());
        if this.object().get_type().is(class) {
            // `new_trampoline` has filled it.
            return Ok(0);
        }
        // SAFETY: CPython's arguments of a call, for its duration.
        let argument = unsafe { one_argument::<T>(this.py(), values, names) }?;
        T::fill(this, argument.as_ref()).map(|()| 0)
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, -1, call) }
}

/// The one argument of a constructor, which may be left out.
///
/// # Safety
/// `values` is a tuple, and `names` a dict or null.
unsafe fn one_argument<'py, T: Constructed>(
    py: Python<'py>,
    values: *mut ffi::PyObject,
    names: *mut ffi::PyObject,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: the caller's promise.
    let values = unsafe { Borrowed::from_ptr(py, values) };
    // SAFETY: the caller's promise.
    let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, names) };
    let named = match &names {
        Some(names) if names.len()? == 1 => names.get_item(T::PARAMETER).ok(),
        _ => None,
    };
    let given = values.len()?;
    let all = given + names.map_or(Ok(0), |names| names.len())?;
    if all > 1 || all > given + usize::from(named.is_some()) {
        return Err(PyTypeError::new_err(format!(
            "{} takes one argument at most: {}",
            T::NAME.to_string_lossy().trim_start_matches("builtins."),
            T::PARAMETER
        )));
    }
    match given {
        0 => Ok(named),
        _ => values.get_item(0).map(Some),
    }
}

pub(in crate::python) unsafe extern "C" fn itself_trampoline(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the caller holds a reference; this makes the answer's own.
    unsafe { ffi::Py_XINCREF(object) };
    object
}

pub(in crate::python) unsafe extern "C" fn aiter_trampoline<T: AsyncIterable>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), |this| Ok(T::aiter(this)?.into_ptr())) }
}

/// One step of an awaitable: its value, or itself while it waits.
pub(in crate::python) unsafe extern "C" fn send_trampoline<T: Awaitable>(
    object: *mut ffi::PyObject,
    _argument: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    let call = |this: &This<'_, '_, T>| {
        let (value, sent) = match T::poll(this)? {
            Some(value) => (value, ffi::PySendResult::PYGEN_RETURN),
            None => (this.object().clone(), ffi::PySendResult::PYGEN_NEXT),
        };
        // SAFETY: the caller gives memory for the result.
        unsafe { result.write(value.into_ptr()) };
        Ok(sent)
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, ffi::PySendResult::PYGEN_ERROR, call) }
}

/// One step of an awaitable for callers that use `__next__` and not `am_send`: StopIteration has the value.
pub(in crate::python) unsafe extern "C" fn next_trampoline<T: Awaitable>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let call = |this: &This<'_, '_, T>| match T::poll(this)? {
        Some(value) => Err(PyStopIteration::new_err((value.unbind(),))),
        None => Ok(this.object().clone().into_ptr()),
    };
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), call) }
}

pub(in crate::python) unsafe extern "C" fn item_after_trampoline<T: Iterator>(
    object: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // Null without an exception ends the iteration.
    let call = |this: &This<'_, '_, T>| Ok(T::next(this)?.map_or(null_mut(), Bound::into_ptr));
    // SAFETY: CPython calls a slot with an object of its class.
    unsafe { trampoline_on::<T, _>(object, null_mut(), call) }
}
