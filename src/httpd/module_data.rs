//! The values that this module keeps in httpd's vectors: one per section, server, request or connection.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::apr::pool::Pool;
use super::ffi;
use super::module_index::module_index;

/// Our entry in a vector of module data.
pub(in crate::httpd) fn slot(vector: *mut ffi::ap_conf_vector_t) -> *mut c_void {
    let entries: *mut *mut c_void = vector.cast();
    // SAFETY: the vector has an entry for each loaded module (`ap_get_module_config`).
    let entry = unsafe { entries.add(module_index() as usize) };
    // SAFETY: as above.
    unsafe { *entry }
}

/// Our value in a vector of module data, if there is one.
pub(in crate::httpd) fn existing_state<'a, T: 'static>(
    vector: *mut ffi::ap_conf_vector_t,
) -> Option<&'a T> {
    // SAFETY: null, or what `state` put there: per vector always one type, owned by its pool.
    unsafe { slot(vector).cast::<T>().as_ref() }
}

/// Our value in a vector of module data, made when there is none yet; the pool owns it.
pub(in crate::httpd) fn state<T: 'static>(
    vector: *mut ffi::ap_conf_vector_t,
    pool: &Pool,
    make: impl FnOnce() -> T,
) -> &T {
    if let Some(value) = existing_state(vector) {
        return value;
    }
    let entries: *mut *mut c_void = vector.cast();
    // SAFETY: see `slot`; the request's or connection's own thread.
    let entry = unsafe { entries.add(module_index() as usize) };
    let kept = pool.own_first(ModuleValue {
        entry,
        value: make(),
    });
    // SAFETY: as above.
    unsafe { *entry = std::ptr::from_ref(&kept.value).cast_mut().cast() };
    &kept.value
}

/// A value, and its entry in httpd's vector, which is set to null when the value is dropped.
struct ModuleValue<T> {
    entry: *mut *mut c_void,
    value: T,
}

impl<T> Drop for ModuleValue<T> {
    fn drop(&mut self) {
        // SAFETY: the vector lies in the pool whose pre-cleanup drops this.
        unsafe { *self.entry = null_mut() };
    }
}
