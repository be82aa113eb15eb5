//! Memory whose size somebody else chooses: what there is none for raises `MemoryError`, where Rust would
//! abort the process.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A copy as `bytes`.
///
/// # Errors
/// `MemoryError`.
pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, data.len(), |target| {
        target.copy_from_slice(data);
        Ok(())
    })
}

/// A copy.
///
/// # Errors
/// `MemoryError`.
pub fn copied(data: &[u8]) -> PyResult<Vec<u8>> {
    let mut copy = Vec::new();
    extend(&mut copy, data)?;
    Ok(copy)
}

/// Appends a copy.
///
/// # Errors
/// `MemoryError`; `target` is what it was then.
pub fn extend(target: &mut Vec<u8>, data: &[u8]) -> PyResult<()> {
    target
        .try_reserve(data.len())
        .map_err(|_| no_memory(target.len().saturating_add(data.len())))?;
    target.extend_from_slice(data);
    Ok(())
}

/// The exception for so many bytes at once.
pub fn no_memory(length: usize) -> PyErr {
    PyMemoryError::new_err(format!("there is no memory for {length} bytes at once"))
}
