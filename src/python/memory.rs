//! Memory whose size a client or Python code chooses: where there is too little, `MemoryError` is raised. Rust's own
//! allocation would abort the process.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes up to which glibc keeps freed memory for the next allocation. A plain filter's `read()` joins up to 1 MiB, and
/// what it makes of that is as long.
const KEPT: usize = 4 << 20;

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
    extend(&mut copy, data)?;
    Ok(copy)
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
