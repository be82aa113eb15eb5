//! The attributes of `req`, read and set: by their types, and those with rules of their own.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::finfo::FileInfoObject;
use super::object::Me;
use crate::httpd::Request;
use crate::python::object::class::{self, Answer, Arguments};
use crate::python::state::State;
use crate::python::text::{decode, decode_option, encode, encode_header};

pub(super) fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

pub(super) fn text<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a [u8]>,
) -> Answer<'py> {
    decode_option(this.py(), field(this.body().lent.get()?))
}

pub(super) fn number<'py>(this: &Me<'_, 'py>, field: impl FnOnce(&Request) -> i64) -> Answer<'py> {
    Ok(field(this.body().lent.get()?)
        .into_pyobject(this.py())?
        .into_any())
}

pub(super) fn seconds<'py>(this: &Me<'_, 'py>, field: impl FnOnce(&Request) -> i64) -> Answer<'py> {
    let micros = field(this.body().lent.get()?);
    Ok((micros as f64 / 1e6).into_pyobject(this.py())?.into_any())
}

/// A tuple of texts.
pub(super) fn texts<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Vec<&'a [u8]>,
) -> Answer<'py> {
    let texts = field(this.body().lent.get()?);
    let texts: PyResult<Vec<_>> = texts
        .into_iter()
        .map(|text| decode(this.py(), text))
        .collect();
    Ok(PyTuple::new(this.py(), texts?)?.into_any())
}

pub(super) fn set_number(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
    field: impl FnOnce(&Request, i32),
) -> PyResult<()> {
    field(this.body().lent.get()?, value.extract()?);
    Ok(())
}

pub(super) fn set_text(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
    field: impl FnOnce(&Request, Option<&[u8]>),
) -> PyResult<()> {
    let r = this.body().lent.get()?;
    if value.is_none() {
        field(r, None);
        return Ok(());
    }
    let value = encode(value)?;
    if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(PyValueError::new_err(
            "a NUL or line end in a text for httpd",
        ));
    }
    field(r, Some(&value));
    Ok(())
}

/// Sets a text that httpd's modules take for granted.
pub(super) fn set_present(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
    field: impl FnOnce(&Request, Option<&[u8]>),
) -> PyResult<()> {
    if value.is_none() {
        return Err(PyTypeError::new_err(
            "this attribute cannot be None: it takes str or bytes",
        ));
    }
    set_text(this, value, field)
}

pub(super) fn set_content_type(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    set_text(this, value, Request::set_content_type)?;
    State::of(this.body().lent.get()?)
        .content_type_set
        .set(true);
    Ok(())
}

pub(super) fn set_proxyreq(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    let number: i32 = value.extract()?;
    if !(0..=3).contains(&number) {
        return Err(PyValueError::new_err(
            "proxyreq takes one of apache.PROXYREQ_NONE, PROXYREQ_PROXY, PROXYREQ_REVERSE, \
             PROXYREQ_RESPONSE",
        ));
    }
    r.set_proxyreq(number);
    Ok(())
}

/// A number as the status of a response.
///
/// # Errors
/// `ValueError` when it is none.
pub fn valid_status(number: i32) -> PyResult<i32> {
    if (200..1000).contains(&number) {
        return Ok(number);
    }
    if is_interim(number) {
        return Err(interim(number));
    }
    Err(PyValueError::new_err(format!(
        "{number} is no HTTP status: write one from 200 to 999, as in apache.HTTP_NOT_FOUND"
    )))
}

/// Whether a number is a status that another response follows (1xx).
pub fn is_interim(number: i32) -> bool {
    (100..200).contains(&number)
}

/// Says why an interim status cannot be that of a response.
pub fn interim(number: i32) -> PyErr {
    PyValueError::new_err(format!(
        "{number} is an interim status: a client waits for the response behind it. Write one from 200 \
         on; httpd itself sends 100 Continue when the body is read, and PythonProtocol answers 101"
    ))
}

pub(super) fn set_status(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    r.set_status(valid_status(value.extract()?)?);
    Ok(())
}

pub(super) fn set_status_line(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    if !value.is_none() {
        let line = encode(value)?;
        let number = line
            .split(|byte| *byte == b' ')
            .next()
            .and_then(|n| std::str::from_utf8(n).ok());
        let status: Option<i32> = number.and_then(|number| number.parse().ok());
        if let Some(status) = status.filter(|status| is_interim(*status)) {
            return Err(interim(status));
        }
        let Some(status) = status.filter(|status| valid_status(*status).is_ok()) else {
            let line = String::from_utf8_lossy(&line);
            return Err(PyValueError::new_err(format!(
                "'{line}' is no status line: write a number and a reason, as in 404 Not Found"
            )));
        };
        set_text(this, value, Request::set_status_line)?;
        // httpd drops a line whose number is not the status.
        r.set_status(status);
        return Ok(());
    }
    r.set_status_line(None);
    Ok(())
}

pub(super) fn related<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a Request>,
) -> Answer<'py> {
    match field(this.body().lent.get()?) {
        Some(r) => {
            let state = State::of(r);
            // The same call of httpd works on both.
            state.lease.open_for_entry();
            state.object(this.py(), this.interpreter(), r)
        }
        None => none(this),
    }
}

pub(super) fn finfo<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let info = FileInfoObject(this.body().lent.get()?.file_info());
    class::make(this.py(), this.interpreter(), info)
}

pub(super) fn set_finfo(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    let Some(info) = class::body::<FileInfoObject>(value, this.interpreter()) else {
        return Err(PyTypeError::new_err(
            "finfo takes what apache.stat() answers, or the finfo of another request",
        ));
    };
    r.set_file_info(&info.0);
    Ok(())
}

pub(super) fn parsed_uri<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let url = this.body().lent.get()?.parsed_uri();
    let text = |part| decode_option(this.py(), part);
    let parts = (
        text(url.scheme)?,
        text(url.hostinfo)?,
        text(url.user)?,
        text(url.password)?,
        text(url.hostname)?,
        url.port,
        text(url.path)?,
        text(url.query)?,
        text(url.fragment)?,
    );
    Ok(parts.into_pyobject(this.py())?.into_any())
}

pub(super) fn useragent_addr<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let pair = (
        decode_option(this.py(), r.useragent_ip())?,
        r.useragent_port(),
    );
    Ok(pair.into_pyobject(this.py())?.into_any())
}

pub(super) fn set_content_languages(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    if value.is_none() {
        r.set_content_languages(&[]);
        return Ok(());
    }
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(
            "content_languages takes a list of languages, as in ['de', 'en']",
        ));
    }
    let languages: PyResult<Vec<_>> = value
        .try_iter()?
        .map(|language| Ok(encode_header(&language?)?.into_bytes()))
        .collect();
    r.set_content_languages(&languages?);
    Ok(())
}

/// A length argument: None, left out or negative for "all".
pub fn limit(value: Option<Borrowed<'_, '_, PyAny>>) -> PyResult<Option<usize>> {
    match value {
        Some(value) if !value.is_none() => Ok(usize::try_from(value.extract::<i64>()?).ok()),
        _ => Ok(None),
    }
}

pub(in crate::python) fn required<'a, 'py>(
    a: Arguments<'a, 'py>,
    index: usize,
) -> PyResult<Borrowed<'a, 'py, PyAny>> {
    a[index].ok_or_else(|| PyTypeError::new_err("an argument is missing"))
}

/// A truth value, or the default when it is left out.
pub(super) fn flag(value: Option<Borrowed<'_, '_, PyAny>>, default: bool) -> PyResult<bool> {
    value.map_or(Ok(default), |value| value.is_truthy())
}
