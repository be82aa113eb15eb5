//! Contexts of `contextvars` (PEP 567). Code of one request, connection or filter must not see what that of another one
//! has set on the same thread: an entry into Python begins with an empty context, unless code of the same thread has
//! called httpd, which enters again; and each coroutine and async generator has its own, as asyncio's tasks have.
#![expect(unsafe_code, reason = "the C API of contexts")]

use std::cell::RefCell;
use std::ffi::CStr;
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;

use super::context;
use super::thread_functions::ThreadFunctions;

/// A context. It is dropped with the GIL held.
pub struct Variables(Py<PyAny>);

impl Variables {
    /// An empty context.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn empty(py: Python<'_>) -> PyResult<Self> {
        // SAFETY: the GIL is held.
        let context = unsafe { ffi::PyContext_New() };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, context) }.map(|context| Self(context.unbind()))
    }

    /// A copy of this thread's current context.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn copy_current(py: Python<'_>) -> PyResult<Self> {
        // SAFETY: the GIL is held.
        let context = unsafe { ffi::PyContext_CopyCurrent() };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, context) }.map(|context| Self(context.unbind()))
    }

    /// The context that code of this thread's innermost entry runs in; `None` if no variable is set in it. No copy:
    /// a token of `ContextVar.set()` can be reset in this context only.
    pub fn current_if_set(py: Python<'_>) -> Option<Self> {
        let state = current_state(py);
        let entered = ENTERED.try_with(|entered| {
            let entered = entered.borrow();
            let innermost = entered.iter().rev().find(|one| one.state == state)?;
            // SAFETY: a context, which its entry keeps until that ends, on this thread; the GIL is held.
            Some(unsafe { Bound::from_borrowed_ptr(py, innermost.context) })
        });
        // A thread that ends has no list any more.
        let context = Self(entered.ok().flatten()?.unbind());
        (!context.is_empty(py)).then_some(context)
    }

    /// The same context for another owner.
    pub fn share(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }

    /// The context as an object of Python's.
    pub fn into_object(self, py: Python<'_>) -> Bound<'_, PyAny> {
        self.0.into_bound(py)
    }

    /// Whether no variable is set.
    fn is_empty(&self, py: Python<'_>) -> bool {
        self.0.bind(py).len().is_ok_and(|length| length == 0)
    }

    /// Runs `f` in this context. If a thread runs in it already, as the handler does whose response
    /// passes through a filter of the same request, `f` runs in the context that is current.
    pub fn run<R>(&self, py: Python<'_>, f: impl FnOnce() -> R) -> R {
        let context = self.0.as_ptr();
        // SAFETY: a context, which `self` keeps.
        if unsafe { ffi::PyContext_Enter(context) } != 0 {
            drop(PyErr::take(py));
            return f();
        }
        let state = current_state(py);
        // A thread that ends has no list any more.
        let _ =
            ENTERED.try_with(|entered| entered.borrow_mut().push(ContextEntry { state, context }));
        let _until_left = EnteredContext(context);
        f()
    }
}

/// A variable of contexts.
pub struct Variable(Py<PyAny>);

impl Variable {
    /// A variable without a value.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn new(py: Python<'_>, name: &CStr) -> PyResult<Self> {
        // SAFETY: the GIL is held; the name is NUL-terminated, and there is no default value.
        let variable = unsafe { ffi::PyContextVar_New(name.as_ptr(), null_mut()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, variable) }
            .map(|variable| Self(variable.unbind()))
    }

    /// Its value in this thread's current context; `None` if it has none there.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn get<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut value = null_mut();
        // SAFETY: a variable, and a place for its value; the GIL is held.
        let found = unsafe { ffi::PyContextVar_Get(self.0.as_ptr(), null_mut(), &raw mut value) };
        if found != 0 {
            return Err(PyErr::fetch(py));
        }
        // SAFETY: a new reference, or null.
        Ok(unsafe { Bound::from_owned_ptr_or_opt(py, value) })
    }

    /// Sets its value in this thread's current context.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn set(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        // SAFETY: a variable and a value; the GIL is held.
        let token = unsafe { ffi::PyContextVar_Set(self.0.as_ptr(), value.as_ptr()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, token) }.map(drop)
    }
}

/// The state with which this thread holds the GIL.
fn current_state(_: Python<'_>) -> *mut ffi::PyThreadState {
    // SAFETY: the GIL is held, so there is a current state.
    unsafe { ffi::PyThreadState_Get() }
}

/// A context that a thread runs in, and its state of the context's interpreter.
struct ContextEntry {
    state: *mut ffi::PyThreadState,
    context: *mut ffi::PyObject,
}

thread_local! {
    /// The contexts that this thread has entered, the outermost one first. A call into httpd leaves Python, and a
    /// filter enters it again: it is called by the code that is further out.
    static ENTERED: RefCell<Vec<ContextEntry>> = const { RefCell::new(Vec::new()) };
}

/// Leaves a context, even if the code in it panics.
struct EnteredContext(*mut ffi::PyObject);

impl Drop for EnteredContext {
    fn drop(&mut self) {
        // Contexts are left in the reverse order. Without the list there is nothing to take from it.
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().pop());
        // SAFETY: entered on this thread, whose state is current again; `Variables::run` keeps it. It
        // cannot fail: what was entered since has been left, since each entry is one call.
        unsafe { ffi::PyContext_Exit(self.0) };
    }
}

/// Runs `f` for an entry into Python: in an empty context, or in the current one if this thread is in
/// an entry into the same interpreter already. What else code can set for its thread ends with the outermost entry, too.
pub fn isolated<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    let state = current_state(py);
    let is_outermost =
        ENTERED.try_with(|entered| entered.borrow().iter().all(|one| one.state != state));
    // Without the list, as the thread ends, what runs then runs in the context of that thread.
    if !is_outermost.unwrap_or(false) {
        return f();
    }
    // What PythonImport sets for the child's main thread holds for what follows there.
    let _put_back = (!context::works_on_server()).then(|| ThreadFunctions::keep(py));
    match Variables::empty(py) {
        Ok(variables) => variables.run(py, f),
        Err(_) => f(),
    }
}
