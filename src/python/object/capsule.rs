//! Pointers to httpd's own structs, for Python code that calls C.
#![expect(unsafe_code, reason = "PyO3 makes named capsules only")]

use std::ffi::c_void;
use std::ptr::NonNull;

use pyo3::ffi;
use pyo3::prelude::*;

use super::class::{Answer, This};
use super::fields::Shows;

/// A capsule without a name, as mod_python 3.5 has them. It does not keep the struct alive: whoever takes the pointer
/// out of it must do so while the request or connection lasts.
pub fn capsule<'a, 'py, T: Shows>(
    this: &'a This<'_, 'py, T>,
    address: impl FnOnce(&'a T::Struct) -> NonNull<c_void>,
) -> Answer<'py> {
    let address = address(this.body().shown()?);
    // SAFETY: a pointer that is not null; nothing is done with it here.
    let capsule = unsafe { ffi::PyCapsule_New(address.as_ptr(), std::ptr::null(), None) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(this.py(), capsule) }
}
