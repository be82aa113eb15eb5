//! Special methods of classes, by what an object is: a mapping, a sequence, an awaitable, an async iterable.

use std::ffi::c_void;

use pyo3::ffi;
use pyo3::prelude::*;

use super::class::{Answer, Class, This};
use super::slot_trampolines::*;
use crate::python::runtime::interpreter::Interpreter;

/// A special method.
pub struct Slot(pub(in crate::python) ffi::PyType_Slot);

/// The operations of a mapping.
pub trait Mapping: Class {
    /// `len(self)`
    fn len(this: &This<'_, '_, Self>) -> PyResult<usize>;
    /// `self[key]`
    fn get<'py>(this: &This<'_, 'py, Self>, key: &Bound<'py, PyAny>) -> Answer<'py>;
    /// `self[key] = value`, or `del self[key]` for None.
    fn set(
        this: &This<'_, '_, Self>,
        key: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()>;
    /// `key in self`
    fn contains(this: &This<'_, '_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool>;
    /// `iter(self)`
    fn iter<'py>(this: &This<'_, 'py, Self>) -> Answer<'py>;
    /// `repr(self)`
    fn repr<'py>(this: &This<'_, 'py, Self>) -> Answer<'py>;
}

/// The special methods of a mapping.
pub fn mapping_slots<T: Mapping>() -> Vec<Slot> {
    let slot = |slot, function: *mut c_void| {
        Slot(ffi::PyType_Slot {
            slot,
            pfunc: function,
        })
    };
    let len: ffi::lenfunc = len_trampoline::<T>;
    let get: ffi::binaryfunc = subscript_trampoline::<T>;
    let set: ffi::objobjargproc = store_trampoline::<T>;
    let contains: ffi::objobjproc = contains_trampoline::<T>;
    let iter: ffi::getiterfunc = iter_trampoline::<T>;
    let repr: ffi::reprfunc = repr_trampoline::<T>;
    vec![
        slot(ffi::Py_mp_length, len as *mut c_void),
        slot(ffi::Py_mp_subscript, get as *mut c_void),
        slot(ffi::Py_mp_ass_subscript, set as *mut c_void),
        slot(ffi::Py_sq_contains, contains as *mut c_void),
        slot(ffi::Py_tp_iter, iter as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
    ]
}

/// The operations of a sequence.
pub trait Sequence: Class {
    /// `len(self)`
    fn len(this: &This<'_, '_, Self>) -> PyResult<usize>;
    /// `self[index]`; `IndexError` past the end.
    fn item<'py>(this: &This<'_, 'py, Self>, index: usize) -> Answer<'py>;
    /// `repr(self)`
    fn repr<'py>(this: &This<'_, 'py, Self>) -> Answer<'py>;
}

/// The special methods of a sequence.
pub fn sequence_slots<T: Sequence>() -> Vec<Slot> {
    let slot = |slot, function: *mut c_void| {
        Slot(ffi::PyType_Slot {
            slot,
            pfunc: function,
        })
    };
    let len: ffi::lenfunc = sequence_len_trampoline::<T>;
    let item: ffi::ssizeargfunc = item_trampoline::<T>;
    let repr: ffi::reprfunc = sequence_repr_trampoline::<T>;
    vec![
        slot(ffi::Py_sq_length, len as *mut c_void),
        slot(ffi::Py_sq_item, item as *mut c_void),
        slot(ffi::Py_tp_repr, repr as *mut c_void),
    ]
}

/// A class that Python code can call to make an object.
pub trait Constructed: Class {
    /// The name of its one parameter, which may be left out.
    const PARAMETER: &'static str;
    /// The Rust value of a new object.
    fn new(
        interpreter: &'static Interpreter,
        argument: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self>;
    /// Fills a new object of a derived class, whose `__init__` has this argument for it.
    fn fill(this: &This<'_, '_, Self>, argument: Option<&Bound<'_, PyAny>>) -> PyResult<()>;
}

/// The special methods of a class that Python code can call (`MADE_BY_USERS`). A derived class may have an `__init__`
/// with arguments of its own: so only `__init__` looks at those of its objects.
pub fn constructor_slots<T: Constructed>() -> [Slot; 2] {
    let new: ffi::newfunc = new_trampoline::<T>;
    let init: ffi::initproc = init_trampoline::<T>;
    let slot = |slot, pfunc| Slot(ffi::PyType_Slot { slot, pfunc });
    [
        slot(ffi::Py_tp_new, new as *mut c_void),
        slot(ffi::Py_tp_init, init as *mut c_void),
    ]
}

/// A class whose objects are compared by their content. They have no hash then, as CPython demands.
pub trait Compared: Class {
    /// `self == other`; `None` for an object of another kind (NotImplemented).
    fn eq(this: &This<'_, '_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>>;
}

/// The special method of a class whose objects are compared by their content.
pub fn comparison_slot<T: Compared>() -> Slot {
    let compare: ffi::richcmpfunc = compare_trampoline::<T>;
    Slot(ffi::PyType_Slot {
        slot: ffi::Py_tp_richcompare,
        pfunc: compare as *mut c_void,
    })
}

/// What an awaitable of ours does. It is an async iterator, too: each `__anext__` awaits it again.
pub trait Awaitable: Class {
    /// Its value, or None while it must wait. `StopAsyncIteration` ends an iteration.
    fn poll<'py>(this: &This<'_, 'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>>;
}

/// The special methods of an awaitable.
pub fn awaitable_slots<T: Awaitable>() -> Vec<Slot> {
    let slot = |slot, function: *mut c_void| {
        Slot(ffi::PyType_Slot {
            slot,
            pfunc: function,
        })
    };
    let itself: ffi::unaryfunc = itself_trampoline;
    let send: ffi::sendfunc = send_trampoline::<T>;
    let next: ffi::iternextfunc = next_trampoline::<T>;
    vec![
        slot(ffi::Py_am_await, itself as *mut c_void),
        slot(ffi::Py_am_aiter, itself as *mut c_void),
        slot(ffi::Py_am_anext, itself as *mut c_void),
        slot(ffi::Py_am_send, send as *mut c_void),
        slot(ffi::Py_tp_iter, itself as *mut c_void),
        slot(ffi::Py_tp_iternext, next as *mut c_void),
    ]
}

/// An object that is an iterator.
pub trait Iterator: Class {
    /// What comes next; `None` at the end.
    fn next<'py>(this: &This<'_, 'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>>;
}

/// The special methods of an iterator.
pub fn iterator_slots<T: Iterator>() -> Vec<Slot> {
    let itself: ffi::unaryfunc = itself_trampoline;
    let next: ffi::iternextfunc = item_after_trampoline::<T>;
    let slot = |slot, pfunc| Slot(ffi::PyType_Slot { slot, pfunc });
    vec![
        slot(ffi::Py_tp_iter, itself as *mut c_void),
        slot(ffi::Py_tp_iternext, next as *mut c_void),
    ]
}

/// An object that can stand in `async for`.
pub trait AsyncIterable: Class {
    /// Its async iterator.
    fn aiter<'py>(this: &This<'_, 'py, Self>) -> Answer<'py>;
}

/// The special method of an object that can stand in `async for`.
pub fn async_iterable_slot<T: AsyncIterable>() -> Slot {
    let iter: ffi::unaryfunc = aiter_trampoline::<T>;
    Slot(ffi::PyType_Slot {
        slot: ffi::Py_am_aiter,
        pfunc: iter as *mut c_void,
    })
}
