//! Pointers to httpd's own structs, for Python code that calls C.
#![expect(unsafe_code, reason = "PyO3 makes named capsules only")]

use std::ffi::c_void;
use std::ptr::NonNull;

use pyo3::ffi;
use pyo3::prelude::*;

use super::class::Answer;

/// A capsule without a name, as mod_python has them. What it points to ends without asking.
pub fn capsule<'py>(py: Python<'py>, address: NonNull<c_void>) -> Answer<'py> {
    // SAFETY: a pointer that is not null; nothing is done with it here.
    let capsule = unsafe { ffi::PyCapsule_New(address.as_ptr(), std::ptr::null(), None) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, capsule) }
}
