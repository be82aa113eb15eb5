//! The attributes of `req` with rules of their own. Plain fields are read by the functions in `object::fields`.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::object::Me;
use super::state::RequestState;
use crate::httpd::Request;
use crate::python::connection::object::taken;
use crate::python::object::arguments::none;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::text::{
    decode, decode_credential, decode_option, encode, encode_header, refuse_controls,
};
use crate::python::values::finfo::FileInfoObject;
use crate::python::values::handler_result::{interim, is_interim, valid_status};

/// Sets a text, or None.
///
/// # Errors
/// `TypeError` unless the value is str, bytes or None; `ValueError` for NUL, CR or LF.
pub(in crate::python) fn set_text(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
    field: impl FnOnce(&Request, Option<&[u8]>),
) -> PyResult<()> {
    let r = this.body().lent.get()?;
    field(r, one_line(value)?.as_deref());
    Ok(())
}

/// The bytes of a text for httpd; `None` for None. A NUL would end it in C, and a line end in a header.
fn one_line(value: &Bound<'_, PyAny>) -> PyResult<Option<Vec<u8>>> {
    if value.is_none() {
        return Ok(None);
    }
    let text = encode(value)?;
    if text.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(PyValueError::new_err(
            "this attribute takes a text without NUL, CR and LF",
        ));
    }
    Ok(Some(text))
}

/// Sets a text that becomes a header of the response, or its status line. `name` is that of the attribute.
///
/// # Errors
/// As `set_text`; `ValueError` for other control characters, which httpd refuses to send (RFC 9110 section 5.5).
pub(in crate::python) fn set_header_text(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
    name: &str,
    field: impl FnOnce(&Request, Option<&[u8]>),
) -> PyResult<()> {
    let r = this.body().lent.get()?;
    let text = one_line(value)?;
    refuse_controls(|| name.to_owned(), text.as_deref().unwrap_or_default())?;
    field(r, text.as_deref());
    Ok(())
}

/// Sets a text that may not be None: modules of httpd read the field without looking whether it is null.
///
/// # Errors
/// As `set_text`; `TypeError` for None.
pub(in crate::python) fn set_present(
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

pub(in crate::python) fn set_content_type(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    set_header_text(this, value, "content_type", Request::set_content_type)?;
    RequestState::of(this.body().lent.get()?)
        .content_type_set
        .set(true);
    Ok(())
}

pub(in crate::python) fn set_proxyreq(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
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

pub(in crate::python) fn set_status(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    let status = value.extract()?;
    // A handler that has the bytes of the connection answers by itself: this is for the access log.
    let is_for_log = is_interim(status) && taken(r.connection()).is_some();
    r.set_status(match is_for_log {
        true => status,
        false => valid_status(status)?,
    });
    Ok(())
}

pub(in crate::python) fn set_status_line(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
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
        set_header_text(this, value, "status_line", Request::set_status_line)?;
        // httpd replaces a status line whose number is not `status`.
        r.set_status(status);
        return Ok(());
    }
    r.set_status_line(None);
    // For a status that httpd does not know, `set_status` makes a status line.
    r.set_status(r.status());
    Ok(())
}

pub(in crate::python) fn related<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a Request>,
) -> Answer<'py> {
    match field(this.body().lent.get()?) {
        Some(r) => {
            let state = RequestState::of(r);
            // The call of httpd that this code runs in works on both requests.
            state.lease.open_beside(this.py())?;
            state.object(this.py(), this.interpreter(), r)
        }
        None => none(this),
    }
}

pub(in crate::python) fn finfo<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let info = FileInfoObject(this.body().lent.get()?.file_info());
    class::make(this.py(), this.interpreter(), info)
}

pub(in crate::python) fn set_finfo(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    let Some(info) = class::body::<FileInfoObject>(value, this.interpreter()) else {
        return Err(PyTypeError::new_err(
            "finfo takes what apache.stat() answers, or the finfo of another request",
        ));
    };
    r.set_file_info(&info.0);
    Ok(())
}

/// What tells the version of the request's file from others, as httpd has found the file, a tuple; None where not all of
/// it is known, or code that was called for the request before this handler may have changed the file.
pub(in crate::python) fn found_stamp<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    match FoundStamp::of(this.body().lent.get()?) {
        Some(FoundStamp(stamp)) => Ok(stamp.into_pyobject(this.py())?.into_any()),
        None => none(this),
    }
}

/// What tells the version of the request's file from others.
#[derive(PartialEq)]
pub(in crate::python) struct FoundStamp((i64, i64, u64, u64, i64));

impl FoundStamp {
    /// One that `found_stamp` has returned.
    ///
    /// # Errors
    /// `TypeError` for anything else.
    pub fn from(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        value.extract().map(Self)
    }

    /// As `found_stamp`.
    pub fn of(r: &Request) -> Option<Self> {
        let info = r.file_info();
        let is_first = RequestState::of(r).calls.get() == 1;
        let is_known = is_first && info.path.as_deref() == r.filename();
        info.stamp().filter(|_| is_known).map(Self)
    }
}

pub(in crate::python) fn parsed_uri<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
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

pub(in crate::python) fn useragent_addr<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let pair = (
        decode_option(this.py(), r.useragent_ip())?,
        r.useragent_port(),
    );
    Ok(pair.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn set_content_languages(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
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
        .map(|language| {
            let language = encode_header(&language?)?.into_bytes();
            refuse_controls(|| "content_languages".to_owned(), &language)?;
            Ok(language)
        })
        .collect();
    r.set_content_languages(&languages?);
    Ok(())
}

/// Whether Python code has set the type of the response.
pub(in crate::python) fn content_type_set(r: &Request) -> bool {
    RequestState::of(r).content_type_set.get()
}

/// The bytes of the response that Python code has written, sent or not.
pub(in crate::python) fn bytes_queued(r: &Request) -> i64 {
    RequestState::of(r).response.total.get() as i64
}

/// The user's name or password of Basic credentials, or None.
pub(in crate::python) fn credential<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a [u8]>,
) -> Answer<'py> {
    match field(this.body().lent.get()?) {
        Some(value) => decode_credential(this.py(), value),
        None => none(this),
    }
}

/// `req.interpreter`
pub(in crate::python) fn interpreter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().lent.get()?;
    decode(this.py(), this.interpreter().name().as_bytes())
}
