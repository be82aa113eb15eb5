//! Classes as heap types made per interpreter (`PyType_FromSpec`), declared as tables.
//!
//! `#[pyclass]`, `create_exception!` and `intern!` are shared between interpreters, and corrupt
//! memory there from Python 3.12 on. So a class is a trait with two tables, its functions are
//! written on PyO3's safe types, and the trampolines from C are here, once.
#![expect(unsafe_code, reason = "the C API of types")]

use std::ffi::{CStr, c_int, c_void};
use std::mem::{offset_of, size_of};
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::slots::Slot;
use super::trampoline::*;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::{ClassId, Types};

/// A class of ours.
pub trait Class: Sized + Send + 'static {
    /// Its name, with the module that shows it.
    const NAME: &'static CStr;
    /// Its docstring.
    const DOC: &'static CStr;
    /// Its number among the classes of an interpreter.
    const ID: ClassId;
    /// Its methods.
    const METHODS: &'static [MethodDef];
    /// Its attributes.
    const ATTRIBUTES: &'static [AttributeDef];
    /// Whether objects take further attributes of the user's.
    const OPEN: bool = false;

    /// Whether users make objects of it (`Constructed`).
    const MADE_BY_USERS: bool = false;

    /// Special methods.
    fn slots() -> Vec<Slot> {
        Vec::new()
    }

    /// Shows the garbage collector what the object refers to.
    fn visit(&self, _visit: &mut dyn FnMut(&Py<PyAny>)) {}

    /// Lets go of what it refers to.
    fn clear(&mut self) {}
}

/// The memory of an object.
#[repr(C)]
pub(in crate::python) struct Object<T> {
    head: ffi::PyObject,
    pub(in crate::python) dict: *mut ffi::PyObject,
    pub(in crate::python) weak: *mut ffi::PyObject,
    interpreter: &'static Interpreter,
    pub(in crate::python) body: T,
}

/// An object in one of its own methods.
pub struct This<'a, 'py, T> {
    pub(in crate::python) object: &'a Bound<'py, PyAny>,
    pub(in crate::python) memory: &'a Object<T>,
}

impl<'py, T> This<'_, 'py, T> {
    /// The token of the attached thread.
    pub fn py(&self) -> Python<'py> {
        self.object.py()
    }

    /// What the object holds.
    pub fn body(&self) -> &T {
        &self.memory.body
    }

    /// The interpreter it belongs to.
    pub fn interpreter(&self) -> &'static Interpreter {
        self.memory.interpreter
    }

    /// The object as Python sees it.
    pub fn object(&self) -> &Bound<'py, PyAny> {
        self.object
    }
}

/// Arguments of a method: one place per parameter, `None` where it was left out.
pub type Arguments<'a, 'py> = &'a [Option<Borrowed<'a, 'py, PyAny>>];
/// What a method answers.
pub type Answer<'py> = PyResult<Bound<'py, PyAny>>;

/// A method, as `methods!` writes it.
pub trait Method {
    /// The class it belongs to.
    type Class: Class;
    /// Its name.
    const NAME: &'static CStr;
    /// Its docstring, with the signature in front.
    const DOC: &'static CStr;
    /// Its parameters; the first `REQUIRED` must be given.
    const PARAMETERS: &'static [&'static str];
    /// How many must be given.
    const REQUIRED: usize;
    /// What it does.
    fn call<'py>(this: &This<'_, 'py, Self::Class>, a: Arguments<'_, 'py>) -> Answer<'py>;
}

/// An attribute, as `attributes!` writes it.
pub trait Attribute {
    /// The class it belongs to.
    type Class: Class;
    /// Its name.
    const NAME: &'static CStr;
    /// Its docstring.
    const DOC: &'static CStr;
    /// Whether it can be assigned.
    const WRITABLE: bool;
    /// Reads it.
    fn get<'py>(this: &This<'_, 'py, Self::Class>) -> Answer<'py>;
    /// Assigns it.
    fn set(this: &This<'_, '_, Self::Class>, value: &Bound<'_, PyAny>) -> PyResult<()>;
}

/// One entry of a class's table of methods.
#[repr(transparent)]
pub struct MethodDef(ffi::PyMethodDef);

// SAFETY: constant; CPython only reads it.
unsafe impl Sync for MethodDef {}

impl MethodDef {
    /// The end of a table.
    pub const END: Self = Self(ffi::PyMethodDef::zeroed());

    /// The method's name; `None` for the end of a table.
    pub fn name(&self) -> Option<&'static CStr> {
        // SAFETY: null, or the static name that `of` put there.
        (!self.0.ml_name.is_null()).then(|| unsafe { CStr::from_ptr(self.0.ml_name) })
    }

    /// The entry of a method.
    pub const fn of<M: Method>() -> Self {
        Self(ffi::PyMethodDef {
            ml_name: M::NAME.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunctionFastWithKeywords: method_trampoline::<M>,
            },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: M::DOC.as_ptr(),
        })
    }
}

/// One entry of a class's table of attributes.
#[repr(transparent)]
pub struct AttributeDef(ffi::PyGetSetDef);

// SAFETY: constant; CPython only reads it.
unsafe impl Sync for AttributeDef {}

impl AttributeDef {
    /// The end of a table.
    pub const END: Self = Self(ffi::PyGetSetDef {
        name: std::ptr::null(),
        get: None,
        set: None,
        doc: std::ptr::null(),
        closure: null_mut(),
    });

    /// `__dict__` of an open class.
    pub const DICT: Self = Self(ffi::PyGetSetDef {
        name: c"__dict__".as_ptr(),
        get: Some(ffi::PyObject_GenericGetDict),
        set: Some(ffi::PyObject_GenericSetDict),
        doc: std::ptr::null(),
        closure: null_mut(),
    });

    /// The entry of an attribute.
    pub const fn of<A: Attribute>() -> Self {
        Self(ffi::PyGetSetDef {
            name: A::NAME.as_ptr(),
            get: Some(get_trampoline::<A>),
            set: if A::WRITABLE {
                Some(set_trampoline::<A>)
            } else {
                None
            },
            doc: A::DOC.as_ptr(),
            closure: null_mut(),
        })
    }
}

/// Declares a class's methods: `/// doc`, then `name(required, …; optional, …) = function;`. Outside of
/// the class's own file with its visibility in front.
macro_rules! methods {
    ($vis:vis $class:ident: $($(#[doc = $doc:literal])+ $name:ident($($required:ident),* $(; $($optional:ident),+)?) = $function:expr;)*) => {
        $vis const METHODS: &'static [$crate::python::object::class::MethodDef] = &[$({
            struct M;
            impl $crate::python::object::class::Method for M {
                type Class = $class;
                const NAME: &'static std::ffi::CStr =
                    $crate::python::object::class::c_text(concat!(stringify!($name), "\0"));
                const DOC: &'static std::ffi::CStr = $crate::python::object::class::c_text(concat!(
                    stringify!($name), "($self", $(", ", stringify!($required),)*
                    $($(", ", stringify!($optional), "=None",)+)? ")\n--\n\n", $($doc, "\n",)+ "\0"));
                const PARAMETERS: &'static [&'static str] =
                    &[$(stringify!($required),)* $($(stringify!($optional),)+)?];
                const REQUIRED: usize = <[&str]>::len(&[$(stringify!($required)),*]);
                fn call<'py>(
                    this: &$crate::python::object::class::This<'_, 'py, $class>,
                    a: $crate::python::object::class::Arguments<'_, 'py>,
                ) -> $crate::python::object::class::Answer<'py> {
                    ($function)(this, a)
                }
            }
            $crate::python::object::class::MethodDef::of::<M>()
        },)* $crate::python::object::class::MethodDef::END];
    };
}
pub(crate) use methods;

/// Declares a class's attributes: `/// doc`, then `name = getter;` or `name = getter, setter;`.
macro_rules! attributes {
    ($class:ty: $($(#[doc = $doc:literal])+ $name:ident = $get:expr $(, $set:expr)?;)*) => {
        const ATTRIBUTES: &'static [$crate::python::object::class::AttributeDef] = &[$({
            struct A;
            impl $crate::python::object::class::Attribute for A {
                type Class = $class;
                const NAME: &'static std::ffi::CStr =
                    $crate::python::object::class::c_text(concat!(stringify!($name), "\0"));
                const DOC: &'static std::ffi::CStr =
                    $crate::python::object::class::c_text(concat!($($doc, "\n",)+ "\0"));
                const WRITABLE: bool = <[&str]>::len(&[$(stringify!($set))?]) > 0;
                fn get<'py>(
                    this: &$crate::python::object::class::This<'_, 'py, $class>,
                ) -> $crate::python::object::class::Answer<'py> {
                    ($get)(this)
                }
                fn set(
                    _this: &$crate::python::object::class::This<'_, '_, $class>,
                    _value: &pyo3::Bound<'_, pyo3::PyAny>,
                ) -> pyo3::PyResult<()> {
                    $(return ($set)(_this, _value);)?
                    #[allow(unreachable_code, reason = "attributes without a setter end here")]
                    Ok(())
                }
            }
            $crate::python::object::class::AttributeDef::of::<A>()
        },)* $crate::python::object::class::AttributeDef::DICT, $crate::python::object::class::AttributeDef::END];
    };
}
pub(crate) use attributes;

/// A text that a macro put together, NUL included; without the `r#` of names that are Rust's words.
pub const fn c_text(text: &'static str) -> &'static CStr {
    let text = match text.as_bytes() {
        [b'r', b'#', name @ ..] => name,
        text => text,
    };
    match CStr::from_bytes_with_nul(text) {
        Ok(text) => text,
        Err(_) => panic!("a NUL inside of a name or docstring"),
    }
}

/// Makes the type of a class.
pub fn make_type<T: Class>(py: Python<'_>) -> PyResult<Py<PyType>> {
    let slot = |slot, function: *const c_void| ffi::PyType_Slot {
        slot,
        pfunc: function.cast_mut(),
    };
    let dealloc: ffi::destructor = dealloc_trampoline::<T>;
    let traverse: ffi::traverseproc = traverse_trampoline::<T>;
    let clear: ffi::inquiry = clear_trampoline::<T>;
    let member = |name: &'static CStr, offset: usize| ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    };
    let mut members = vec![member(c"__weaklistoffset__", offset_of!(Object<T>, weak))];
    let mut attributes = T::ATTRIBUTES.as_ptr();
    let closed: Vec<ffi::PyGetSetDef>;
    if T::OPEN {
        members.push(member(c"__dictoffset__", offset_of!(Object<T>, dict)));
    } else {
        // The table ends with `__dict__`, which only open classes have.
        let own = T::ATTRIBUTES.len() - 2;
        let end = std::iter::once(&AttributeDef::END);
        closed = T::ATTRIBUTES[..own]
            .iter()
            .chain(end)
            .map(|entry| entry.0)
            .collect();
        // CPython keeps the pointer for the life of the type: of the child.
        attributes = Vec::leak(closed).as_ptr().cast();
    }
    // SAFETY: an all-zero entry ends a table of members.
    members.push(unsafe { std::mem::zeroed() });
    let members: &'static [ffi::PyMemberDef] = Vec::leak(members);
    let mut slots = vec![
        slot(ffi::Py_tp_dealloc, dealloc as *const c_void),
        slot(ffi::Py_tp_traverse, traverse as *const c_void),
        slot(ffi::Py_tp_clear, clear as *const c_void),
        slot(ffi::Py_tp_methods, T::METHODS.as_ptr().cast()),
        slot(ffi::Py_tp_getset, attributes.cast()),
        slot(ffi::Py_tp_members, members.as_ptr().cast()),
        slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast()),
    ];
    slots.extend(T::slots().into_iter().map(|slot| slot.0));
    slots.push(slot(0, std::ptr::null()));
    let mut flags =
        ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC | ffi::Py_TPFLAGS_IMMUTABLETYPE;
    if !T::MADE_BY_USERS {
        flags |= ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
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
    Ok(made.cast_into::<PyType>()?.unbind())
}

/// The type of a class in an interpreter.
pub fn class_of<T: Class>(types: &Types) -> &Py<PyType> {
    types.at(T::ID)
}

/// Makes an object.
pub fn make<'py, T: Class>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    body: T,
) -> Answer<'py> {
    let class = class_of::<T>(&interpreter.types)
        .as_ptr()
        .cast::<ffi::PyTypeObject>();
    // SAFETY: a type of ours, with room for `Object<T>`.
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

/// What an object of our class holds; `None` for any other object.
pub fn body<'a, T: Class>(
    object: &'a Bound<'_, PyAny>,
    interpreter: &'static Interpreter,
) -> Option<&'a T> {
    let class = class_of::<T>(&interpreter.types).bind(object.py());
    if !object.get_type().is(class) {
        return None;
    }
    // SAFETY: an object of exactly this type, which only `make` makes: types are immutable, and
    // cannot be instantiated but through `Constructed`.
    Some(unsafe { &(*object.as_ptr().cast::<Object<T>>()).body })
}

/// Whether nobody else holds the object and the user has put nothing on it: nobody could tell if
/// it were made anew next time.
pub fn is_forgotten<T: Class>(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object; a plain read of its count.
    let references = unsafe { ffi::Py_REFCNT(object.as_ptr()) };
    // SAFETY: callers pass objects made by `make::<T>`.
    let dict = unsafe { (*object.as_ptr().cast::<Object<T>>()).dict };
    references == 1 && dict.is_null()
}
