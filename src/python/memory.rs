//! Memory whose size a client or Python code chooses: where there is too little, `MemoryError` is raised. Rust's own
//! allocation would abort the process.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

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
