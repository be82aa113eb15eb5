//! Text between httpd and Python: UTF-8 with `surrogateescape` in both directions, so that any bytes of a client become
//! a `str`, and the same bytes again (PEP 383).

#![expect(unsafe_code, reason = "the UTF-8 text of a str object as a C string")]

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::ffi;
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

/// The user's name or password of Basic credentials as `str`: UTF-8, or else Latin-1. RFC 7617 leaves the charset to
/// the client, and these are the two that clients use.
///
/// # Errors
/// `MemoryError`.
pub fn decode_credential<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => memory::bytes(py, bytes)?.call_method1("decode", ("latin-1",)),
    }
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

/// `str` or `bytes` as bytes for a log. A `str` with a surrogate that stands for no byte, such as `\ud800`, has all of
/// its surrogates escaped: a log takes what no client could get.
///
/// # Errors
/// `TypeError` for another type, `MemoryError`.
pub fn encode_for_log(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    match encode(value) {
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(value.py()) => {
            let encoded = value.call_method1("encode", ("utf-8", "backslashreplace"))?;
            copied(encoded.cast::<PyBytes>()?.as_bytes())
        }
        encoded => encoded,
    }
}

/// `str` or `bytes` as a C string.
///
/// # Errors
/// `TypeError` for another type, `ValueError` for a NUL, at which a C string would end.
pub fn encode_c(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    CString::new(encode(value)?).map_err(|_| has_nul())
}

fn has_nul() -> PyErr {
    PyValueError::new_err("a NUL in a text for httpd")
}

/// As `encode_c`, without a copy where the `str` object has the same bytes.
///
/// # Errors
/// As for `encode_c`.
pub fn c_text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, CStr>> {
    if let Ok(text) = value.cast::<PyString>() {
        let mut length = 0;
        // SAFETY: a live `str`, and a place for the length.
        let bytes = unsafe { ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length) };
        if !bytes.is_null() {
            // SAFETY: CPython keeps the bytes, and a NUL behind them, as long as the object, which never changes.
            let bytes = unsafe { std::slice::from_raw_parts(bytes.cast(), length as usize + 1) };
            return match CStr::from_bytes_with_nul(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_) => Err(has_nul()),
            };
        }
        drop(PyErr::take(value.py()));
    }
    encode_c(value).map(Cow::Owned)
}

/// A value for a table: `str` or `bytes`, or a number, which is written as `str()` does it.
///
/// # Errors
/// `TypeError` for another type, `ValueError` for a NUL.
pub fn encode_value<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, CStr>> {
    let is_number = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>();
    match is_number {
        true => encode_c(value.str()?.as_any()).map(Cow::Owned),
        false => c_text(value),
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
    match value.iter().find(|byte| is_control(**byte)) {
        None => Ok(()),
        Some(byte) => Err(PyValueError::new_err(format!(
            "the value of {} has the control character '\\x{byte:02x}': a header takes none but TAB",
            what()
        ))),
    }
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Whether a header value has control characters other than TAB.
pub fn has_controls(value: &[u8]) -> bool {
    // All bytes are looked at, several at a time.
    value
        .iter()
        .fold(false, |found, byte| found | is_control(*byte))
}

/// Whether a text is a token (RFC 9110 §5.6.2).
pub fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| IS_TOKEN[usize::from(*byte)])
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
    if is_token(name) {
        return Ok(());
    }
    let name = name.escape_ascii();
    Err(PyValueError::new_err(format!(
        "'{name}' is no name of a header: it has letters, digits and any of !#$%&'*+-.^_`|~"
    )))
}
