//! The trampolines: the C functions that CPython calls for methods and attributes of the module's classes. CPython
//! calls them with the GIL held. Each catches panics, so that none unwinds into C, and sets the Python exception for
//! an error.
#![expect(unsafe_code, reason = "the C API of types")]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::class::{Class, Object, This};
use super::members::{Attribute, MOST, Method};
use crate::httpd::guard::{caught, panic_text};

/// Calls `f`; on an error or panic sets a Python exception and returns `bad`. `Python::attach` only counts here, as the
/// GIL is held already.
pub(in crate::python) fn trampoline<R>(bad: R, f: impl FnOnce(Python<'_>) -> PyResult<R>) -> R {
    Python::attach(|py| match catch_unwind(AssertUnwindSafe(|| f(py))) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            error.restore(py);
            bad
        }
        Err(panic) => {
            let text = format!("panic in mod_python: {}", panic_text(&*panic));
            PyRuntimeError::new_err(text).restore(py);
            bad
        }
    })
}

/// `trampoline` for a call on an object of class `T`.
///
/// # Safety
/// `object` is a live object of class `T`.
pub(in crate::python) unsafe fn trampoline_on<T: Class, R>(
    object: *mut ffi::PyObject,
    bad: R,
    f: impl for<'py> FnOnce(&This<'_, 'py, T>) -> PyResult<R>,
) -> R {
    trampoline(bad, |py| {
        // SAFETY: the caller of a method holds a reference to its object.
        let bound = unsafe { Borrowed::from_ptr(py, object) };
        // SAFETY: the caller's promise.
        let memory = unsafe { &*object.cast::<Object<T>>() };
        f(&This {
            object: &bound,
            memory,
        })
    })
}

pub(in crate::python) unsafe extern "C" fn method_trampoline<M: Method>(
    object: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let call = |this: &This<'_, '_, M::Class>| {
        let py = this.py();
        let given = count as usize;
        let wrong =
            |text: String| PyTypeError::new_err(format!("{}() {text}", M::NAME.to_string_lossy()));
        if given > M::PARAMETERS.len() {
            let most = M::PARAMETERS.len();
            return Err(wrong(format!(
                "takes at most {most} arguments ({given} given)"
            )));
        }
        let value = |index: usize| {
            // SAFETY: the vectorcall protocol gives `count` values, then those of `names`.
            let place = unsafe { values.add(index) };
            // SAFETY: as above.
            let value = unsafe { *place };
            // SAFETY: borrowed for the call.
            unsafe { Borrowed::from_ptr(py, value) }
        };
        let mut places: [Option<Borrowed<'_, '_, PyAny>>; MOST] = [None; MOST];
        for (index, place) in places.iter_mut().enumerate().take(given) {
            *place = Some(value(index));
        }
        if !names.is_null() {
            // SAFETY: null or a tuple of `str`, borrowed for the call.
            let names = unsafe { Borrowed::from_ptr(py, names) };
            for (index, name) in names.try_iter()?.enumerate() {
                let name = name?;
                let name: &str = name.extract()?;
                let Some(place) = M::PARAMETERS.iter().position(|known| *known == name) else {
                    return Err(wrong(format!(
                        "got an unexpected keyword argument '{name}'"
                    )));
                };
                if places[place].replace(value(given + index)).is_some() {
                    return Err(wrong(format!("got multiple values for argument '{name}'")));
                }
            }
        }
        if let Some(index) = places[..M::REQUIRED].iter().position(Option::is_none) {
            return Err(wrong(format!(
                "misses its argument '{}'",
                M::PARAMETERS[index]
            )));
        }
        Ok(M::call(this, &places)?.into_ptr())
    };
    // SAFETY: CPython calls a method with an object of its class.
    unsafe { trampoline_on::<M::Class, _>(object, null_mut(), call) }
}

pub(in crate::python) unsafe extern "C" fn get_trampoline<A: Attribute>(
    object: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a getter with an object of its class.
    unsafe { trampoline_on::<A::Class, _>(object, null_mut(), |this| Ok(A::get(this)?.into_ptr())) }
}

pub(in crate::python) unsafe extern "C" fn set_trampoline<A: Attribute>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> c_int {
    let call = |this: &This<'_, '_, A::Class>| {
        if value.is_null() {
            let name = A::NAME.to_string_lossy();
            return Err(PyAttributeError::new_err(format!(
                "attribute '{name}' cannot be deleted"
            )));
        }
        // SAFETY: borrowed for the call.
        let value = unsafe { Borrowed::from_ptr(this.py(), value) };
        A::set(this, &value).map(|()| 0)
    };
    // SAFETY: CPython calls a setter with an object of its class.
    unsafe { trampoline_on::<A::Class, _>(object, -1, call) }
}

pub(in crate::python) unsafe extern "C" fn dealloc_trampoline<T: Class>(
    object: *mut ffi::PyObject,
) {
    let memory = object.cast::<Object<T>>();
    // SAFETY: the object is dying; the collector must not look at it any more.
    unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
    // SAFETY: as above.
    if !unsafe { (*memory).weak }.is_null() {
        // SAFETY: an object with a list of weak references.
        unsafe { ffi::PyObject_ClearWeakRefs(object) };
    }
    trampoline((), |_| {
        // SAFETY: the object is ours alone here.
        let dict = unsafe { &raw mut (*memory).dict };
        // SAFETY: owned by the object, or null.
        unsafe { ffi::Py_CLEAR(dict) };
        // SAFETY: as above.
        let body = unsafe { &raw mut (*memory).body };
        // SAFETY: initialised by `make`, dropped once, here.
        unsafe { std::ptr::drop_in_place(body) };
        Ok(())
    });
    // SAFETY: objects of heap types hold a reference to their type.
    let class = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: allocated by `PyType_GenericAlloc` with the collector's header.
    unsafe { ffi::PyObject_GC_Del(object.cast()) };
    // SAFETY: the reference that the object held.
    unsafe { ffi::Py_DECREF(class.cast()) };
}

pub(in crate::python) unsafe extern "C" fn traverse_trampoline<T: Class>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // The collector's own rules: nothing is attached, made or called here but `visit`.
    // SAFETY: a live object.
    let memory = unsafe { &*object.cast::<Object<T>>() };
    // SAFETY: as above.
    let class = unsafe { ffi::Py_TYPE(object) };
    // SAFETY: `visit` takes borrowed references.
    let mut result = unsafe { visit(class.cast(), argument) };
    if result == 0 && !memory.dict.is_null() {
        // SAFETY: as above.
        result = unsafe { visit(memory.dict, argument) };
    }
    // No exception can be set here. What a panic leaves unvisited counts as referenced from outside, and stays alive.
    let _ = caught("a visit of the garbage collector", || {
        memory.body.visit(&mut |held| {
            if result == 0 {
                // SAFETY: as above.
                result = unsafe { visit(held.as_ptr(), argument) };
            }
        });
    });
    result
}

pub(in crate::python) unsafe extern "C" fn clear_trampoline<T: Class>(
    object: *mut ffi::PyObject,
) -> c_int {
    let memory = object.cast::<Object<T>>();
    trampoline((), |_| {
        // SAFETY: the object is ours alone here.
        let dict = unsafe { &raw mut (*memory).dict };
        // SAFETY: owned by the object, or null.
        unsafe { ffi::Py_CLEAR(dict) };
        // SAFETY: the collector has found the object unreachable: nobody else uses it.
        let body = unsafe { &mut (*memory).body };
        body.clear();
        Ok(())
    });
    0
}
