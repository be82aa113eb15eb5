//! Python objects that were given up by threads without the GIL. httpd destroys buckets on any thread, and some of its
//! threads must never wait for Python, so the objects wait here for the next entry into the interpreter.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::context::About;
use super::interpreter::Interpreter;
use crate::locks::{Guard, Lock};

/// The objects of one interpreter that wait to be dropped. Each entry and each return from sending empties the list, so
/// it holds no more than httpd held in buckets. Its lock is short.
#[derive(Default)]
pub struct DeferredDrops(Lock<Waiting>);

#[derive(Default)]
struct Waiting {
    objects: Vec<Py<PyBytes>>,
    /// How many bytes they have together.
    bytes: usize,
}

/// So many bytes are not kept until the next entry.
const LARGE: usize = 1 << 20;

impl DeferredDrops {
    fn list(&self) -> Guard<'_, Waiting> {
        self.0.lock()
    }

    /// Leaves an object of so many bytes to be dropped. Any thread, with or without the GIL; does not wait for it.
    fn push(&self, object: Py<PyBytes>, bytes: usize) {
        let mut list = self.list();
        list.objects.push(object);
        list.bytes += bytes;
    }

    /// Enters the interpreter of this list to drop all objects that wait, if they are large.
    pub fn empty_if_large(&self, interpreter: &'static Interpreter) {
        if self.list().bytes >= LARGE {
            interpreter.enter(About::Nothing, |_| {});
        }
    }

    /// Drops all objects that wait. Called with the GIL, inside the interpreter of this list.
    pub fn empty(&self, py: Python<'_>) {
        // Nothing is dropped under the lock, for which threads without the GIL may wait.
        let waiting = {
            let mut list = self.list();
            if list.objects.is_empty() {
                return;
            }
            std::mem::take(&mut *list)
        };
        for object in waiting.objects {
            drop(object.into_bound(py));
        }
    }
}

/// The memory of a `bytes` object, for a bucket that owns it. Any thread may read and drop it, without the GIL.
pub struct OwnedBytes {
    object: Option<Py<PyBytes>>,
    data: *const u8,
    length: usize,
    deferred: &'static DeferredDrops,
}

// SAFETY: a `bytes` object never changes, and `object` keeps it alive: any thread may read its memory.
#[expect(unsafe_code, reason = "the memory of a bytes object is immutable")]
unsafe impl Send for OwnedBytes {}

impl OwnedBytes {
    /// Shares a `bytes` object, which is left in `drops` at the end. Called with the GIL.
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
            self.deferred.push(object, self.length);
        }
    }
}
