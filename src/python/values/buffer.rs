//! Data between httpd and Python: what `write` takes (`bytes`, `str`, or another buffer), and what
//! `read` gives. A client or an author chooses how much that is: where there is no memory for it, that
//! is a `MemoryError`, and never the end of the child.

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

/// Where written data goes.
pub trait Sink {
    /// Appends bytes that are kept alive by whoever holds them.
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
            // Most messages are one piece, and gone before the next is written.
            self.append_lone_copy(data);
            return Ok(());
        }
        self.append_copy(data)
    }
}

/// Whether this is bytes, or another buffer of them.
pub fn is_buffer(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || PyMemoryView::from(value).is_ok()
}

/// Appends what Python code wrote; answers how many bytes that were. Large `bytes` are not copied:
/// they cannot change. Anything else can, and is.
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
            // Surrogates: bytes that came from httpd and were no UTF-8.
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
    // Whatever its items are, and with gaps or without.
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
