//! What is known of a published function or method: how it takes its arguments, and whether it is the one that was
//! looked at.
#![expect(unsafe_code, reason = "the C API of functions and methods")]

use std::ptr::NonNull;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

unsafe extern "C" {
    /// Of CPython, which documents both; the `ffi` of PyO3 leaves them out.
    static mut PyMethod_Type: ffi::PyTypeObject;
    fn PyMethod_Function(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// A parameter that can be given by its name.
pub(super) struct NamedParameter {
    pub name: Py<PyString>,
    /// The name in UTF-8, as in a query.
    pub text: String,
    /// Whether it has no default.
    pub is_required: bool,
}

/// A function written in Python, as it was when it was looked at.
pub(super) struct KnownFunction {
    code: Py<PyAny>,
    defaults: Option<Py<PyAny>>,
    keyword_defaults: Option<Py<PyAny>>,
    /// Whether it was found as a method, whose first parameter is its object.
    is_method: bool,
    /// Whether it can be published without a further look: a function that is not ours and has no rules.
    is_free: bool,
    pub parameters: Vec<NamedParameter>,
}

impl KnownFunction {
    /// Notes what `facts` say of a function or method, and nothing if they are None.
    ///
    /// # Errors
    /// `TypeError` for other facts than `(is_free, names, required)`.
    pub fn new(found: &Bound<'_, PyAny>, facts: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let Some(function) = Function::of(found).filter(|_| !facts.is_none()) else {
            return Ok(None);
        };
        let (is_free, names, required): (bool, Vec<Bound<'_, PyString>>, Bound<'_, PyAny>) =
            facts.extract()?;
        let parameters = names.into_iter().map(|name| {
            Ok(NamedParameter {
                text: name.to_str()?.to_owned(),
                is_required: required.contains(&name)?,
                name: name.unbind(),
            })
        });
        let kept = |object: Option<Bound<'_, PyAny>>| object.map(Bound::unbind);
        Ok(Some(Self {
            code: function.code().unbind(),
            defaults: kept(function.defaults()),
            keyword_defaults: kept(function.keyword_defaults()),
            is_method: !is_function(found),
            is_free,
            parameters: parameters.collect::<PyResult<_>>()?,
        }))
    }

    /// Whether what was found is a function or method written in Python, of which something can be kept.
    pub fn can_be(found: &Bound<'_, PyAny>) -> bool {
        Function::of(found).is_some()
    }

    /// Whether what was found is this function, or a method of it, and takes its arguments as it did.
    pub fn is(&self, found: &Bound<'_, PyAny>) -> bool {
        let is = |known: &Option<Py<PyAny>>, now: Option<Bound<'_, PyAny>>| match (known, now) {
            (Some(known), Some(now)) => known.is(&now),
            (None, None) => true,
            _ => false,
        };
        Function::of(found).is_some_and(|now| {
            self.is_method != is_function(found)
                && self.code.is(now.code())
                && is(&self.defaults, now.defaults())
                && is(&self.keyword_defaults, now.keyword_defaults())
        })
    }

    /// Whether an object in a module is this function, which can be published without a further look.
    pub fn is_free(&self, found: &Bound<'_, PyAny>) -> bool {
        if !self.is_free || !self.is(found) {
            return false;
        }
        Function::of(found).is_some_and(|now| !now.has_attributes())
    }
}

fn is_function(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object; a plain look at its type.
    unsafe { ffi::PyFunction_Check(object.as_ptr()) != 0 }
}

/// A function written in Python.
struct Function<'a, 'py>(Borrowed<'a, 'py, PyAny>);

impl<'a, 'py> Function<'a, 'py> {
    /// The function that a function or method is.
    fn of(found: &'a Bound<'py, PyAny>) -> Option<Self> {
        if is_function(found) {
            return Some(Self(found.as_borrowed()));
        }
        let methods = &raw mut PyMethod_Type;
        // SAFETY: a live object; a plain look at its type.
        if unsafe { ffi::Py_IS_TYPE(found.as_ptr(), methods) } == 0 {
            return None;
        }
        // SAFETY: a method, which keeps its function.
        let function = unsafe { PyMethod_Function(found.as_ptr()) };
        // SAFETY: the method, which lives for 'a, has a reference to it.
        let function = unsafe { Borrowed::from_ptr(found.py(), function) };
        is_function(&function).then_some(Self(function))
    }

    fn code(&self) -> Bound<'py, PyAny> {
        self.part(ffi::PyFunction_GetCode)
            .expect("each function has code")
    }

    fn defaults(&self) -> Option<Bound<'py, PyAny>> {
        self.part(ffi::PyFunction_GetDefaults)
    }

    fn keyword_defaults(&self) -> Option<Bound<'py, PyAny>> {
        self.part(ffi::PyFunction_GetKwDefaults)
    }

    fn part(
        &self,
        get: unsafe extern "C" fn(*mut ffi::PyObject) -> *mut ffi::PyObject,
    ) -> Option<Bound<'py, PyAny>> {
        // SAFETY: a function, of which these return a borrowed reference or null, without an error.
        let part = unsafe { get(self.0.as_ptr()) };
        // SAFETY: null, or an object that the function refers to.
        unsafe { Bound::from_borrowed_ptr_or_opt(self.0.py(), part) }
    }

    /// Whether attributes were set on it, rules among them.
    fn has_attributes(&self) -> bool {
        let function = self.0.as_ptr().cast::<ffi::PyFunctionObject>();
        // SAFETY: a function, whose dictionary is null as long as nobody has asked for it. Read with the GIL held.
        let own = NonNull::new(unsafe { (*function).func_dict });
        own.is_some_and(|own| {
            // SAFETY: the dictionary that the function refers to.
            let own = unsafe { Borrowed::from_ptr(self.0.py(), own.as_ptr()) };
            own.cast::<PyDict>().map_or(true, |own| !own.is_empty())
        })
    }
}
