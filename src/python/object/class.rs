//! Classes as heap types made per interpreter (`PyType_FromSpec`), declared as tables.
//!
//! `#[pyclass]`, `create_exception!` and `intern!` share objects between interpreters, which corrupts memory from
//! Python 3.12 on. So a class is a trait with two tables (`members`), and its functions take PyO3's safe types; what
//! CPython calls is in `trampoline` and `slot_trampolines`. All of it runs with the GIL held.
#![expect(unsafe_code, reason = "the C API of types")]

use std::ffi::{CStr, c_int, c_void};
use std::mem::{offset_of, size_of};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::members::{AttributeDef, MethodDef};
use super::slots::Slot;
use super::trampoline::*;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::{ClassId, Types};

/// A class of the module.
pub trait Class: Sized + Send + 'static {
    /// Its name, with the Python module that shows it. Those of classes that mod_python 3 has are its own, and it has
    /// none of a module for them, which Python shows as `builtins`: `<class 'mp_request'>`.
    const NAME: &'static CStr;
    /// Its docstring.
    const DOC: &'static CStr;
    /// Its number among the classes of an interpreter.
    const ID: ClassId;
    /// Its methods.
    const METHODS: &'static [MethodDef];
    /// Its attributes.
    const ATTRIBUTES: &'static [AttributeDef];
    /// Whether Python code can set further attributes on its objects.
    const OPEN: bool = false;

    /// Whether Python code can call the class to make an object (`Constructed`).
    const MADE_BY_USERS: bool = false;

    /// Whether users may derive classes from it; then it is `MADE_BY_USERS`, too.
    const DERIVED_BY_USERS: bool = false;

    /// Special methods.
    fn slots() -> Vec<Slot> {
        Vec::new()
    }

    /// Shows the garbage collector the objects that this one refers to (`tp_traverse`). No Python code runs here.
    fn visit(&self, _visit: &mut dyn FnMut(&Py<PyAny>)) {}

    /// Drops the references that could be a part of a cycle (`tp_clear`).
    fn clear(&mut self) {}
}

/// The memory of an object, as CPython allocates it.
#[repr(C)]
pub(in crate::python) struct Object<T> {
    head: ffi::PyObject,
    pub(in crate::python) dict: *mut ffi::PyObject,
    pub(in crate::python) weak: *mut ffi::PyObject,
    interpreter: &'static Interpreter,
    pub(in crate::python) body: T,
}

/// An object whose method, attribute or slot is being called.
pub struct This<'a, 'py, T> {
    pub(in crate::python) object: &'a Bound<'py, PyAny>,
    pub(in crate::python) memory: &'a Object<T>,
}

impl<'py, T> This<'_, 'py, T> {
    /// The token of this thread, which holds the GIL.
    pub fn py(&self) -> Python<'py> {
        self.object.py()
    }

    /// The Rust value of the object.
    pub fn body(&self) -> &T {
        &self.memory.body
    }

    /// The interpreter that the object belongs to.
    pub fn interpreter(&self) -> &'static Interpreter {
        self.memory.interpreter
    }

    /// The object as Python sees it.
    pub fn object(&self) -> &Bound<'py, PyAny> {
        self.object
    }
}

/// The result of a method or getter.
pub type Answer<'py> = PyResult<Bound<'py, PyAny>>;

/// Makes the Python type of a class in the current interpreter.
///
/// # Errors
/// What `PyType_FromSpec` raises.
pub fn make_type<T: Class>(py: Python<'_>) -> PyResult<Py<PyType>> {
    let slot = |slot, function: *const c_void| ffi::PyType_Slot {
        slot,
        pfunc: function.cast_mut(),
    };
    let dealloc: ffi::destructor = dealloc_trampoline::<T>;
    let traverse: ffi::traverseproc = traverse_trampoline::<T>;
    let clear: ffi::inquiry = clear_trampoline::<T>;
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc as *const c_void),
        slot(ffi::Py_tp_traverse, traverse as *const c_void),
        slot(ffi::Py_tp_clear, clear as *const c_void),
        slot(ffi::Py_tp_methods, T::METHODS.as_ptr().cast()),
        slot(ffi::Py_tp_getset, attribute_table::<T>().cast()),
        slot(ffi::Py_tp_members, member_table::<T>().cast()),
        slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast()),
    ];
    slots.extend(T::slots().into_iter().map(|slot| slot.0));
    slots.push(slot(0, std::ptr::null()));
    let mut flags =
        ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC | ffi::Py_TPFLAGS_IMMUTABLETYPE;
    if !T::MADE_BY_USERS {
        flags |= ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    }
    if T::DERIVED_BY_USERS {
        flags |= ffi::Py_TPFLAGS_BASETYPE;
    }
    let mut spec = ffi::PyType_Spec {
        name: T::NAME.as_ptr(),
        basicsize: size_of::<Object<T>>() as c_int,
        itemsize: 0,
        flags: flags as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a complete spec; CPython copies what it needs, and the tables live on.
    let made = unsafe { ffi::PyType_FromSpec(&raw mut spec) };
    // SAFETY: a new reference, or null with an exception set.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, made) }?;
    let made = made.cast_into::<PyType>()?;
    if T::NAME.to_bytes().starts_with(OF_BUILTINS) {
        let class = made.as_type_ptr();
        // SAFETY: a new type, which nobody else uses yet; CPython has copied the whole name.
        let name = unsafe { (*class).tp_name };
        // SAFETY: the name is longer than its start. CPython frees it by another pointer (`_ht_tpname`).
        let name = unsafe { name.add(OF_BUILTINS.len()) };
        // SAFETY: as above.
        unsafe { (*class).tp_name = name };
    }
    Ok(made.unbind())
}

/// How the name of a class begins that is shown without its module, as Python shows those of `builtins`.
const OF_BUILTINS: &[u8] = b"builtins.";

/// The table of a class's attributes. CPython keeps the pointer for the life of the type: of the child.
fn attribute_table<T: Class>() -> *const ffi::PyGetSetDef {
    if T::OPEN {
        return T::ATTRIBUTES.as_ptr().cast();
    }
    // The table ends with `__dict__`, which only open classes have.
    let own = T::ATTRIBUTES.len() - 2;
    let end = std::iter::once(&AttributeDef::END);
    let entries = T::ATTRIBUTES[..own].iter().chain(end);
    let closed: Vec<ffi::PyGetSetDef> = entries.map(|entry| entry.0).collect();
    Vec::leak(closed).as_ptr()
}

/// The table of a class's members, which tells CPython where weak references and attributes stand.
fn member_table<T: Class>() -> *const ffi::PyMemberDef {
    let member = |name: &'static CStr, offset: usize| ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    };
    let mut members = vec![member(c"__weaklistoffset__", offset_of!(Object<T>, weak))];
    if T::OPEN {
        members.push(member(c"__dictoffset__", offset_of!(Object<T>, dict)));
    }
    // SAFETY: an all-zero entry ends a table of members.
    members.push(unsafe { std::mem::zeroed() });
    Vec::leak(members).as_ptr()
}

/// The Python type of a class in an interpreter.
pub fn class_of<T: Class>(types: &Types) -> &Py<PyType> {
    types.at(T::ID)
}

/// Makes an object of a class.
///
/// # Errors
/// `MemoryError`.
pub fn make<'py, T: Class>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    body: T,
) -> Answer<'py> {
    let class = class_of::<T>(&interpreter.types).as_ptr();
    // SAFETY: the type of this class in this interpreter.
    unsafe { make_as(py, interpreter, class.cast(), body) }
}

/// Makes an object of `class`.
///
/// # Safety
/// `class` is the type of `T` in `interpreter`, or derived from it.
pub(in crate::python) unsafe fn make_as<'py, T: Class>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    class: *mut ffi::PyTypeObject,
    body: T,
) -> Answer<'py> {
    // SAFETY: a type of ours, or one that begins as it does, with room for `Object<T>`.
    let object = unsafe { ffi::PyType_GenericAlloc(class, 0) }.cast::<Object<T>>();
    if object.is_null() {
        return Err(PyErr::fetch(py));
    }
    // SAFETY: fresh memory; the head, `dict` and `weak` are set (to null) by CPython.
    let place = unsafe { &raw mut (*object).interpreter };
    // SAFETY: as above.
    unsafe { place.write(interpreter) };
    // SAFETY: as above.
    let place = unsafe { &raw mut (*object).body };
    // SAFETY: as above. No Python code ran in between that could look at it.
    unsafe { place.write(body) };
    // SAFETY: the reference that the allocation made.
    Ok(unsafe { Bound::from_owned_ptr(py, object.cast()) })
}

/// The Rust value of an object of class `T`; `None` for any other object.
pub fn body<'a, T: Class>(
    object: &'a Bound<'_, PyAny>,
    interpreter: &'static Interpreter,
) -> Option<&'a T> {
    this(object, interpreter).map(|this| &this.memory.body)
}

/// An object of class `T`, as its methods get it; `None` for any other object.
pub fn this<'a, 'py, T: Class>(
    object: &'a Bound<'py, PyAny>,
    interpreter: &'static Interpreter,
) -> Option<This<'a, 'py, T>> {
    let class = class_of::<T>(&interpreter.types).bind(object.py());
    let is_derived = || T::DERIVED_BY_USERS && object.is_instance(class).unwrap_or(false);
    if !object.get_type().is(class) && !is_derived() {
        return None;
    }
    // SAFETY: an object of this type, or of one derived from it, which begins as it does. Only `make_as` makes them:
    // types are immutable, and cannot be instantiated but through `Constructed`.
    let memory = unsafe { &*object.as_ptr().cast::<Object<T>>() };
    Some(This { object, memory })
}

/// Whether the caller has the only reference to the object, and Python code has set no attribute on it: a new object
/// could take its place unnoticed.
pub fn is_forgotten<T: Class>(object: &Bound<'_, PyAny>) -> bool {
    is_forgotten_but_for::<T>(object, 0)
}

/// As `is_forgotten`, where so many further references are known.
pub fn is_forgotten_but_for<T: Class>(object: &Bound<'_, PyAny>, known: isize) -> bool {
    // SAFETY: live objects; a plain read of their counts.
    let references = |object: &Bound<'_, PyAny>| unsafe { ffi::Py_REFCNT(object.as_ptr()) };
    // The dictionary is referred to by the object, and here.
    let is_unused = |own: Bound<'_, PyDict>| own.is_empty() && references(&own) == 2;
    references(object) == known + 1 && own_attributes::<T>(object).is_none_or(is_unused)
}

/// The dictionary of the attributes that Python code has set on an object; `None` as long as there is none.
pub fn own_attributes<'py, T: Class>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    // SAFETY: callers pass objects of the class.
    let dict = unsafe { (*object.as_ptr().cast::<Object<T>>()).dict };
    // SAFETY: null, or the dictionary that the object refers to.
    let dict = unsafe { Bound::from_borrowed_ptr_or_opt(object.py(), dict) }?;
    dict.cast_into().ok()
}
