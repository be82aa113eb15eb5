//! `req.sendfile()`: a part of a file in the response, without reading it.

use std::ffi::CString;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use super::response::Response;
use crate::httpd::request::fileinfo::FileInfo;
use crate::httpd::{Error, Request};
use crate::python::runtime::interpreter::release;
use crate::python::text::encode;

/// A part of a file, as `sendfile()` is asked for it.
#[derive(Clone, Copy)]
pub struct FileRange {
    /// The offset at which it begins, in bytes.
    pub offset: i64,
    /// The most bytes that it has; `None` for the rest of the file.
    pub length: Option<i64>,
}

impl FileRange {
    /// The number of bytes that it has in a file of `size` bytes.
    fn of(self, size: i64) -> i64 {
        let rest = (size - self.offset).max(0);
        self.length.map_or(rest, |length| length.min(rest))
    }
}

impl Response {
    /// Sends what was written, and the part of a file, as far as the file has it. Returns the number of its bytes.
    /// The GIL is released while the file is opened and sent.
    ///
    /// # Errors
    /// As `queue_file`; `OSError` when the client is gone.
    pub fn send_file(
        &self,
        py: Python<'_>,
        r: &Request,
        path: &Bound<'_, PyAny>,
        part: FileRange,
    ) -> PyResult<i64> {
        let length = self.queue_file(py, r, path, part)?;
        self.send(py, r)?;
        Ok(length)
    }

    /// Appends the part of a file, as far as the file has it. Returns the number of its bytes. The GIL is released while
    /// the file is opened.
    ///
    /// # Errors
    /// `OSError` with errno when the file cannot be opened or is a folder, without errno when it is a pipe or
    /// device; `ValueError` for a negative offset.
    pub fn queue_file(
        &self,
        py: Python<'_>,
        r: &Request,
        path: &Bound<'_, PyAny>,
        part: FileRange,
    ) -> PyResult<i64> {
        if part.offset < 0 {
            return Err(PyValueError::new_err(
                "sendfile() takes an offset of 0 bytes or more",
            ));
        }
        let name = py.import("os")?.getattr("fspath")?.call1((path,))?;
        let name = CString::new(encode(&name)?)
            .map_err(|_| PyValueError::new_err("sendfile() takes a path without NUL"))?;
        let opened = release(py, || -> Result<_, Error> {
            // The type is asked first: to open a pipe would wait for its other end.
            let info = FileInfo::stat(&name, FileInfo::USUAL, r.pool())?;
            if !info.is_regular() {
                return Ok((info, None));
            }
            Ok((info, Some(r.open(name.to_bytes())?)))
        });
        let refused = |number: i32| match py.import("os").and_then(|os| {
            let text = os.getattr("strerror")?.call1((number,))?;
            Ok(PyOSError::new_err((
                number,
                text.unbind(),
                path.clone().unbind(),
            )))
        }) {
            Ok(error) | Err(error) => error,
        };
        let (info, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                return Err(match error.errno() {
                    Some(number) => refused(number),
                    None => PyOSError::new_err(error.to_string()),
                });
            }
        };
        let Some(file) = file else {
            return Err(if !info.exists() {
                refused(libc::ENOENT)
            } else if info.is_directory() {
                refused(libc::EISDIR)
            } else {
                PyOSError::new_err("sendfile() sends regular files only, no pipes or devices")
            });
        };
        let size = info.size();
        let length = part.of(size);
        self.put_file(r, &file, part.offset, length);
        Ok(length)
    }
}
