//! Python objects whose last holder could not take the GIL: buckets die on any thread of httpd,
//! some of which must never wait for Python. They wait here for the next entry.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::locks::{Guard, Lock};

/// The objects of one interpreter that wait to be dropped. What can wait is bounded by what httpd
/// holds in buckets: each entry, and each return from sending, empties this.
#[derive(Default)]
pub struct DeferredDrops(Lock<Vec<Py<PyBytes>>>);

impl DeferredDrops {
    fn list(&self) -> Guard<'_, Vec<Py<PyBytes>>> {
        self.0.lock()
    }

    /// Leaves an object here. Never blocks on Python.
    pub fn push(&self, object: Py<PyBytes>) {
        self.list().push(object);
    }

    /// DeferredDrops everything that waits; `py` is inside the interpreter of this list.
    pub fn empty(&self, py: Python<'_>) {
        // Taken out first: dropping runs no foreign code, but the lock is for pushers.
        let waiting = {
            let mut list = self.list();
            if list.is_empty() {
                return;
            }
            std::mem::take(&mut *list)
        };
        for object in waiting {
            drop(object.into_bound(py));
        }
    }
}

/// A `bytes` object that a bucket owns, seen as memory.
pub struct OwnedBytes {
    object: Option<Py<PyBytes>>,
    data: *const u8,
    length: usize,
    deferred: &'static DeferredDrops,
}

// SAFETY: a `bytes` object never changes, and `object` keeps it: its memory may be read anywhere.
#[expect(unsafe_code, reason = "the memory of a bytes object is immutable")]
unsafe impl Send for OwnedBytes {}

impl OwnedBytes {
    /// Shares a `bytes` object.
    pub fn new(object: &Bound<'_, PyBytes>, deferred: &'static DeferredDrops) -> Self {
        let data = object.as_bytes();
        Self {
            data: data.as_ptr(),
            length: data.len(),
            object: Some(object.clone().unbind()),
            deferred,
        }
    }
}

impl AsRef<[u8]> for OwnedBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the memory of `object`, which we hold and which never changes.
        #[expect(unsafe_code, reason = "the memory of a bytes object is immutable")]
        unsafe {
            std::slice::from_raw_parts(self.data, self.length)
        }
    }
}

impl Drop for OwnedBytes {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            self.deferred.push(object);
        }
    }
}
