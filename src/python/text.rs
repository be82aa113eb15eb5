//! Text between httpd and Python: UTF-8 with `surrogateescape` in both directions, so that any bytes of a client become
//! a `str`, and the same bytes again (PEP 383).

use std::ffi::CString;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyString};

use crate::python::memory;
use crate::python::memory::copied;

/// Bytes of httpd as `str`.
///
/// # Errors
/// `MemoryError`.
pub fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => memory::bytes(py, bytes)?.call_method1("decode", ("utf-8", "surrogateescape")),
    }
}

/// Bytes of httpd as `str`; None for `None`.
///
/// # Errors
/// `MemoryError`.
pub fn decode_option<'py>(py: Python<'py>, bytes: Option<&[u8]>) -> PyResult<Bound<'py, PyAny>> {
    bytes.map_or_else(|| Ok(py.None().into_bound(py)), |bytes| decode(py, bytes))
}

/// `str` or `bytes` as bytes for httpd.
///
/// # Errors
/// `TypeError` for another type, `MemoryError`.
pub fn encode(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = value.cast::<PyString>() {
        if let Ok(text) = text.to_str() {
            return copied(text.as_bytes());
        }
        let encoded = text.call_method1("encode", ("utf-8", "surrogateescape"))?;
        return copied(encoded.cast::<PyBytes>()?.as_bytes());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return copied(bytes.as_bytes());
    }
    let kind = value.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "expected str or bytes, not {kind}"
    )))
}

/// `str` or `bytes` as a C string.
///
/// # Errors
/// `TypeError` for another type, `ValueError` for a NUL, at which a C string would end.
pub fn encode_c(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    CString::new(encode(value)?).map_err(|_| PyValueError::new_err("a NUL in a text for httpd"))
}

/// A value for a table: `str` or `bytes`, or a number, which is written as `str()` does it.
///
/// # Errors
/// `TypeError` for another type, `ValueError` for a NUL.
pub fn encode_value(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    let is_number = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>();
    match is_number {
        true => encode_c(value.str()?.as_any()),
        false => encode_c(value),
    }
}

/// `str` or `bytes` as the name or value of a header.
///
/// # Errors
/// `TypeError` for another type, `ValueError` for NUL, CR or LF, which would start another header (RFC 9110 §5.5).
pub fn encode_header(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    let text = encode_c(value)?;
    refuse_line_ends(text.as_bytes())?;
    Ok(text)
}

/// Refuses the name or value of a header that would start another header (RFC 9110 §5.5).
///
/// # Errors
/// `ValueError` for CR and LF.
pub fn refuse_line_ends(text: &[u8]) -> PyResult<()> {
    match memchr::memchr2(b'\r', b'\n', text) {
        None => Ok(()),
        Some(_) => Err(PyValueError::new_err(
            "a line end in a header name or value",
        )),
    }
}

/// Refuses a header value that httpd would refuse when it sends the response: one with control characters other than
/// TAB. `what` names the header or attribute for the error.
///
/// # Errors
/// `ValueError` that names the first of them.
pub fn refuse_controls(what: impl FnOnce() -> String, value: &[u8]) -> PyResult<()> {
    let is_control = |byte: &&u8| byte.is_ascii_control() && **byte != b'\t';
    match value.iter().find(is_control) {
        None => Ok(()),
        Some(byte) => Err(PyValueError::new_err(format!(
            "the value of {} has the control character '\\x{byte:02x}': a header takes none but TAB",
            what()
        ))),
    }
}

/// Which bytes stand in a token.
const IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

/// Refuses a header name that httpd would refuse when it sends the response: what is no token (RFC 9110 §5.6.2).
///
/// # Errors
/// `ValueError` that names it.
pub fn refuse_no_token(name: &[u8]) -> PyResult<()> {
    if !name.is_empty() && name.iter().all(|byte| IS_TOKEN[usize::from(*byte)]) {
        return Ok(());
    }
    let name = name.escape_ascii();
    Err(PyValueError::new_err(format!(
        "'{name}' is no name of a header: it has letters, digits and any of !#$%&'*+-.^_`|~"
    )))
}
