//! Memory whose size a client or Python code chooses: where there is too little, `MemoryError` is raised. Rust's own
//! allocation would abort the process.

#![expect(unsafe_code, reason = "writing to the memory of a new bytes object")]

use std::ffi::c_int;
use std::ptr::{null, null_mut};

use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

unsafe extern "C" {
    /// Of CPython, which documents it; the `ffi` of PyO3 leaves it out.
    fn _PyBytes_Resize(object: *mut *mut ffi::PyObject, length: ffi::Py_ssize_t) -> c_int;
}

/// Bytes up to which glibc keeps freed memory for the next allocation. A plain filter's `read()` joins up to 1 MiB, and
/// what it makes of that is as long.
const KEPT: usize = 4 << 20;

/// The most bytes for which room is made before they have come: a client may promise any length.
const MOST_EXPECTED: usize = 16 << 20;

/// Lets glibc keep freed memory for pieces of bodies: else it gives each one of 128 KiB or more back to the kernel and
/// gets it again page by page, which takes longer than to copy it. glibc adapts to the largest block that was freed
/// (mallopt(3), `M_MMAP_THRESHOLD`), unless the administrator has set its parameters; the block here is never touched,
/// so it takes no memory. Called once, at the start of a child.
pub fn keep_freed_pieces() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}

/// A copy of `data` as `bytes`.
///
/// # Errors
/// `MemoryError` where there is no memory for it.
pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, data.len(), |target| {
        target.copy_from_slice(data);
        Ok(())
    })
}

/// A copy of `data`.
///
/// # Errors
/// `MemoryError` where there is no memory for it.
pub fn copied(data: &[u8]) -> PyResult<Vec<u8>> {
    let mut copy = Vec::new();
    // With room for a NUL, since most copies become C strings.
    copy.try_reserve_exact(data.len() + 1)
        .map_err(|_| no_memory(data.len()))?;
    copy.extend_from_slice(data);
    Ok(copy)
}

/// A `bytes` object that is written piece by piece. Nobody else has it before it is whole, so that it may be written
/// while this thread has let go of the GIL meanwhile.
pub struct BytesWriter<'py> {
    py: Python<'py>,
    /// Null before the first piece, and where there was no memory.
    object: *mut ffi::PyObject,
    /// The length of `object`.
    room: usize,
    /// How many bytes were written.
    written: usize,
}

impl<'py> BytesWriter<'py> {
    /// An empty object, for about `expected` bytes.
    pub fn new(py: Python<'py>, expected: usize) -> Self {
        Self {
            py,
            object: null_mut(),
            room: expected.min(MOST_EXPECTED),
            written: 0,
        }
    }

    /// How many bytes were written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Appends a copy of `data`.
    ///
    /// # Errors
    /// `MemoryError` where there is no memory for it; nothing more can be written then.
    pub fn write(&mut self, data: &[u8]) -> PyResult<()> {
        let needed = self.written.saturating_add(data.len());
        if needed > self.room || self.object.is_null() {
            let room = match self.object.is_null() {
                true => self.room.max(needed),
                false => needed.max(self.room.saturating_mul(2)),
            };
            self.resize(room)?;
        }
        // SAFETY: a `bytes` object; its text is `room` bytes long.
        let text = unsafe { ffi::PyBytes_AsString(self.object) }.cast::<u8>();
        // SAFETY: within the text, as checked above.
        let free = unsafe { text.add(self.written) };
        // SAFETY: there is room for it, and `data` is nothing of an object that only this writer has.
        unsafe { free.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        self.written = needed;
        Ok(())
    }

    fn resize(&mut self, room: usize) -> PyResult<()> {
        let length = isize::try_from(room).map_err(|_| no_memory(room))?;
        if self.object.is_null() {
            // SAFETY: the GIL is held; without a text CPython leaves the memory as it is.
            self.object = unsafe { ffi::PyBytes_FromStringAndSize(null(), length) };
        } else {
            // SAFETY: only this writer has the object. Where there is no memory it is freed, and null here.
            unsafe { _PyBytes_Resize(&raw mut self.object, length) };
        }
        if self.object.is_null() {
            drop(PyErr::take(self.py));
            return Err(no_memory(room));
        }
        self.room = room;
        Ok(())
    }

    /// Keeps what was written until more of it comes.
    pub fn pause(mut self) -> PartialBytes {
        let object = std::mem::replace(&mut self.object, null_mut());
        // SAFETY: null, or the reference that the allocation made.
        let object = unsafe { Bound::from_owned_ptr_or_opt(self.py, object) };
        PartialBytes {
            object: object.map(Bound::unbind),
            room: self.room,
            written: self.written,
        }
    }

    /// The object.
    ///
    /// # Errors
    /// `MemoryError`.
    pub fn finish(mut self) -> PyResult<Bound<'py, PyBytes>> {
        if self.written == 0 {
            return bytes(self.py, b"");
        }
        if self.written < self.room {
            self.resize(self.written)?;
        }
        let object = std::mem::replace(&mut self.object, null_mut());
        // SAFETY: the reference that the allocation made; all of it is written.
        let object = unsafe { Bound::from_owned_ptr(self.py, object) };
        Ok(object.cast_into()?)
    }
}

/// A `bytes` object of which a part is written. It is dropped with the GIL held.
pub struct PartialBytes {
    object: Option<Py<PyAny>>,
    room: usize,
    written: usize,
}

impl PartialBytes {
    /// Goes on with it.
    pub fn go_on(self, py: Python<'_>) -> BytesWriter<'_> {
        BytesWriter {
            py,
            object: self.object.map_or(null_mut(), Py::into_ptr),
            room: self.room,
            written: self.written,
        }
    }
}

impl Drop for BytesWriter<'_> {
    fn drop(&mut self) {
        // SAFETY: null, or the reference that the allocation made; the GIL is held, as `py` says.
        unsafe { ffi::Py_XDECREF(self.object) };
    }
}

/// Appends a copy of `data` to `target`.
///
/// # Errors
/// `MemoryError` where there is no memory for it; `target` is unchanged then.
pub fn extend(target: &mut Vec<u8>, data: &[u8]) -> PyResult<()> {
    target
        .try_reserve(data.len())
        .map_err(|_| no_memory(target.len().saturating_add(data.len())))?;
    target.extend_from_slice(data);
    Ok(())
}

/// `MemoryError` for an allocation of `length` bytes.
pub fn no_memory(length: usize) -> PyErr {
    PyMemoryError::new_err(format!("there is no memory for {length} bytes at once"))
}
