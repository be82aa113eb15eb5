//! The functions that Python code sets for its thread, by `sys.settrace()` and `sys.setprofile()`, and exceptions that
//! other threads send to it (`PyThreadState_SetAsyncExc`). They must not reach the code of the next request on that
//! thread. All functions are called with the GIL.
#![expect(unsafe_code, reason = "the fields of CPython's thread states")]

use std::marker::PhantomData;
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;

/// As in `c-shim/thread_functions.c`.
#[repr(C)]
struct KeptFunctions {
    trace: Option<ffi::Py_tracefunc>,
    profile: Option<ffi::Py_tracefunc>,
    trace_object: *mut ffi::PyObject,
    profile_object: *mut ffi::PyObject,
}

unsafe extern "C" {
    // From `c-shim/thread_functions.c`.
    fn mp_keep_thread_functions(kept: *mut KeptFunctions);
    fn mp_put_back_thread_functions(kept: *mut KeptFunctions);
}

/// The functions that this thread had; they are put back when this is dropped.
pub(super) struct ThreadFunctions<'py>(KeptFunctions, PhantomData<Python<'py>>);

impl<'py> ThreadFunctions<'py> {
    /// Keeps them. An exception that was sent to the thread and has not arrived is dropped, here and at the end.
    pub(super) fn keep(_py: Python<'py>) -> Self {
        let mut kept = KeptFunctions {
            trace: None,
            profile: None,
            trace_object: null_mut(),
            profile_object: null_mut(),
        };
        // SAFETY: the GIL is held; a place for what is kept.
        unsafe { mp_keep_thread_functions(&raw mut kept) };
        Self(kept, PhantomData)
    }
}

impl Drop for ThreadFunctions<'_> {
    fn drop(&mut self) {
        // SAFETY: the GIL is held again, by the same state; filled by `keep`, and used once.
        unsafe { mp_put_back_thread_functions(&raw mut self.0) };
    }
}
