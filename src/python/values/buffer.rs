//! Data that Python code writes: `bytes`, `str`, or another buffer. The code or a client decides how much that is, so
//! a lack of memory raises `MemoryError` and does not end the child.

use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString};

use crate::httpd::Error;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::filter::stream::Stream;
use crate::python::memory::bytes;
use crate::python::runtime::deferred_drops::{DeferredDrops, OwnedBytes};
use crate::python::text::encode;

/// A destination of written data.
pub trait Sink {
    /// Appends bytes without a copy; `data` keeps them alive.
    fn put(&mut self, data: Bytes) -> Result<(), Error>;
    /// Appends a copy.
    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error>;
}

impl Sink for Stream {
    fn put(&mut self, data: Bytes) -> Result<(), Error> {
        self.write(data)
    }

    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            Ok(())
        } else {
            self.write_copy(data)
        }
    }
}

impl Sink for &Brigade {
    fn put(&mut self, data: Bytes) -> Result<(), Error> {
        self.append_bytes(data);
        Ok(())
    }

    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        if self.is_empty() {
            // Most messages are one piece, which is sent before the next one is written.
            self.append_lone_copy(data);
            return Ok(());
        }
        self.append_copy(data)
    }
}

/// Whether a value is bytes or another object with the buffer protocol (PEP 3118).
pub fn is_buffer(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || PyMemoryView::from(value).is_ok()
}

/// Appends what Python code writes, and returns the number of bytes. Large `bytes` objects are immutable and are not
/// copied; `drops` gets them back when httpd, on any thread, is done with them. Anything else is copied.
///
/// # Errors
/// `TypeError` for what is neither text nor a buffer.
pub fn append(
    sink: &mut impl Sink,
    value: &Bound<'_, PyAny>,
    deferred: &'static DeferredDrops,
) -> PyResult<usize> {
    if let Ok(data) = value.cast::<PyBytes>() {
        return append_bytes(sink, data, deferred);
    }
    if let Ok(text) = value.cast::<PyString>() {
        let Ok(text) = text.to_str() else {
            // A str with surrogates stands for bytes of httpd that were not UTF-8 (PEP 383).
            let data = bytes(value.py(), &encode(value)?)?;
            return append_bytes(sink, &data, deferred);
        };
        if !Stream::prefers_copy(text.len()) {
            return append_bytes(sink, &bytes(value.py(), text.as_bytes())?, deferred);
        }
        sink.put_copy(text.as_bytes()).map_err(failed)?;
        return Ok(text.len());
    }
    let Ok(view) = PyMemoryView::from(value) else {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "write() takes bytes, str or a buffer, not {kind}"
        )));
    };
    // `tobytes()` also takes buffers whose items are no bytes, and those that are not contiguous.
    let data = view.call_method0("tobytes")?.cast_into::<PyBytes>()?;
    append_bytes(sink, &data, deferred)
}

fn append_bytes(
    sink: &mut impl Sink,
    data: &Bound<'_, PyBytes>,
    deferred: &'static DeferredDrops,
) -> PyResult<usize> {
    let length = data.as_bytes().len();
    if Stream::prefers_copy(length) {
        sink.put_copy(data.as_bytes()).map_err(failed)?;
    } else {
        sink.put(Bytes::from_owner(OwnedBytes::new(data, deferred)))
            .map_err(failed)?;
    }
    Ok(length)
}

fn failed(error: Error) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}
