//! The tables of a class: `methods!` and `attributes!`, and the entries that CPython gets for them.
//!
//! An entry names a function. It is called directly from the trampoline that is compiled for the entry, on the
//! thread that runs the Python code, with the GIL held.
#![expect(unsafe_code, reason = "the C API of types")]

use std::ffi::CStr;
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;

use super::class::{Answer, Class, This};
use super::trampoline::{get_trampoline, method_trampoline, set_trampoline};

/// The most parameters that a method of ours has.
pub const MOST: usize = 6;

/// The arguments of a call in the order of the method's parameters; `None` where one was left out.
pub type Arguments<'a, 'py> = &'a [Option<Borrowed<'a, 'py, PyAny>>; MOST];

/// A method, as `methods!` writes it.
pub trait Method {
    /// The class it belongs to.
    type Class: Class;
    /// Its name.
    const NAME: &'static CStr;
    /// Its docstring, with the signature in front.
    const DOC: &'static CStr;
    /// The names of its parameters; the first `REQUIRED` must be given.
    const PARAMETERS: &'static [&'static str];
    /// The number of parameters that must be given.
    const REQUIRED: usize;
    /// Calls the method's function. The trampoline has checked that the required arguments are there.
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
pub struct AttributeDef(pub(in crate::python) ffi::PyGetSetDef);

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

/// Declares a class's methods, each as `/// docstring`, then `name(required, …; optional, …) = function;`. The function
/// gets the object and the arguments by position: `&Bound` for a required one, `Option<&Bound>` for an optional one.
/// `function(constant, …)` passes constants behind the arguments. Where the table stands outside of `impl Class`, the
/// visibility comes first.
macro_rules! methods {
    ($vis:vis $class:ident: $(
        $(#[doc = $doc:literal])+
        $name:ident($($required:ident),* $(; $($optional:ident),+)?)
            = $($function:ident)::+ $(($($constant:expr),+))?;
    )*) => {
        $vis const METHODS: &'static [$crate::python::object::members::MethodDef] = &[$({
            struct M;
            impl $crate::python::object::members::Method for M {
                type Class = $class;
                const NAME: &'static std::ffi::CStr =
                    $crate::python::object::members::c_text(concat!(stringify!($name), "\0"));
                const DOC: &'static std::ffi::CStr = $crate::python::object::members::c_text(concat!(
                    stringify!($name), "($self", $(", ", stringify!($required),)*
                    $($(", ", stringify!($optional), "=None",)+)? ")\n--\n\n", $($doc, "\n",)+ "\0"));
                const PARAMETERS: &'static [&'static str] =
                    &[$(stringify!($required),)* $($(stringify!($optional),)+)?];
                const REQUIRED: usize = <[&str]>::len(&[$(stringify!($required)),*]);
                fn call<'py>(
                    this: &$crate::python::object::class::This<'_, 'py, $class>,
                    _a: $crate::python::object::members::Arguments<'_, 'py>,
                ) -> $crate::python::object::class::Answer<'py> {
                    $($function)::+(
                        this,
                        $($crate::python::object::members::required(_a, const {
                            $crate::python::object::members::index_of::<M>(stringify!($required))
                        }),)*
                        $($(_a[const {
                            $crate::python::object::members::index_of::<M>(stringify!($optional))
                        }].as_deref(),)+)?
                        $($($constant,)+)?
                    )
                }
            }
            $crate::python::object::members::MethodDef::of::<M>()
        },)* $crate::python::object::members::MethodDef::END];
    };
}
pub(crate) use methods;

/// Declares a class's attributes, each as `/// docstring`, then `name = getter;` or `name = getter, setter;`. Constants
/// come last here, too: `uri = text(Request::uri), set_present(Request::set_uri);` calls `text(this, Request::uri)` and
/// `set_present(this, value, Request::set_uri)`. The kinds of attributes that several classes have are in `fields`.
macro_rules! attributes {
    ($class:ty: $(
        $(#[doc = $doc:literal])+
        $name:ident = $($get:ident)::+ $(($($from:expr),+))?
            $(, $($set:ident)::+ $(($($to:expr),+))?)?;
    )*) => {
        const ATTRIBUTES: &'static [$crate::python::object::members::AttributeDef] = &[$({
            struct A;
            impl $crate::python::object::members::Attribute for A {
                type Class = $class;
                const NAME: &'static std::ffi::CStr =
                    $crate::python::object::members::c_text(concat!(stringify!($name), "\0"));
                const DOC: &'static std::ffi::CStr =
                    $crate::python::object::members::c_text(concat!($($doc, "\n",)+ "\0"));
                const WRITABLE: bool = <[&str]>::len(&[$(stringify!($($set)::+))?]) > 0;
                fn get<'py>(
                    this: &$crate::python::object::class::This<'_, 'py, $class>,
                ) -> $crate::python::object::class::Answer<'py> {
                    $($get)::+(this $($(, $from)+)?)
                }
                fn set(
                    _this: &$crate::python::object::class::This<'_, '_, $class>,
                    _value: &pyo3::Bound<'_, pyo3::PyAny>,
                ) -> pyo3::PyResult<()> {
                    $(return $($set)::+(_this, _value $($(, $to)+)?);)?
                    #[allow(unreachable_code, reason = "attributes without a setter end here")]
                    Ok(())
                }
            }
            $crate::python::object::members::AttributeDef::of::<A>()
        },)* $crate::python::object::members::AttributeDef::DICT, $crate::python::object::members::AttributeDef::END];
    };
}
pub(crate) use attributes;

/// A required argument of a method: the trampoline has checked that it is there.
#[inline]
pub fn required<'a, 'py>(a: Arguments<'a, 'py>, index: usize) -> &'a Bound<'py, PyAny> {
    a[index]
        .as_deref()
        .expect("the trampoline has checked required arguments")
}

/// The position of a parameter, found by the compiler. It is less than [`MOST`], or the build fails.
pub const fn index_of<M: Method>(name: &str) -> usize {
    let mut index = 0;
    while index < M::PARAMETERS.len() {
        if is_same(M::PARAMETERS[index].as_bytes(), name.as_bytes()) {
            assert!(index < MOST, "the method has too many parameters");
            return index;
        }
        index += 1;
    }
    panic!("the method has no such parameter")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

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
