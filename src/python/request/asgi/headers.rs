//! The headers of a response as an application gives them, where they are as most are; `mod_python._asgi_exchange` tells
//! what is wrong with others.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PySequence, PyTuple};

use crate::httpd::filter::response_head::strict_length;

/// A list of the headers as pairs of bytes, and the length that they name. `None` for what must be looked at more closely:
/// other objects, what cannot be sent, `Transfer-Encoding`, a second length.
///
/// # Errors
/// What CPython raises.
pub fn plain<'py>(
    headers: &Bound<'py, PyAny>,
) -> PyResult<Option<(Bound<'py, PyList>, Option<u64>)>> {
    let (py, mut length) = (headers.py(), None);
    let kept = PyList::empty(py);
    if !headers.is_exact_instance_of::<PyList>() && !headers.is_exact_instance_of::<PyTuple>() {
        return Ok(None);
    }
    for pair in headers.try_iter()? {
        let Some((name, value)) = bytes_of(&pair?) else {
            return Ok(None);
        };
        if !is_token(name.as_bytes()) || has_control(value.as_bytes()) {
            return Ok(None);
        }
        if name.as_bytes().eq_ignore_ascii_case(b"content-length") {
            let said = strict_length(value.as_bytes());
            if length.is_some() || said.is_none() {
                return Ok(None);
            }
            length = said;
        } else if name.as_bytes().eq_ignore_ascii_case(b"transfer-encoding") {
            return Ok(None);
        }
        kept.append(PyTuple::new(py, [name, value])?)?;
    }
    Ok(Some((kept, length)))
}

/// The two elements of a list or tuple, if they are bytes.
fn bytes_of<'py>(pair: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let is_plain = pair.is_exact_instance_of::<PyTuple>() || pair.is_exact_instance_of::<PyList>();
    let pair = pair.cast::<PySequence>().ok().filter(|_| is_plain)?;
    if pair.len().ok()? != 2 {
        return None;
    }
    let element = |at| pair.get_item(at).ok()?.cast_into::<PyBytes>().ok();
    Some((element(0)?, element(1)?))
}

/// RFC 9110, section 5.6.2.
fn is_token(name: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_tchar)
}

fn has_control(value: &[u8]) -> bool {
    value
        .iter()
        .any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_and_values_have_no_controls() {
        assert!(is_token(b"x-a") && is_token(b"X_1!") && !is_token(b"") && !is_token(b"x a"));
        assert!(!has_control(b"a\tb \xff") && has_control(b"a\r") && has_control(b"\x7f"));
    }
}
