//! The methods of `req` that neither read its body nor write its response.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::object::Me;
use super::state::RequestState;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::request::remote_host::RemoteName;
use crate::python::cleanup::Cleanup;
use crate::python::object::arguments::{flag, integer, none};
use crate::python::object::class::Answer;
use crate::python::object::fields::{number, text};
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::release;
use crate::python::text::{decode_option, encode_c, encode_header};
use crate::python::values::config_tables;
use crate::python::values::log_entry::log_message;

pub(in crate::python) fn log_error<'py>(
    this: &Me<'_, 'py>,
    message: &Bound<'py, PyAny>,
    level: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    log_message(message, level, |level, entry| {
        About::Request(r).log(level, entry)
    })?;
    none(this)
}

pub(in crate::python) fn get_options<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    config_tables::options(this.py(), this.interpreter(), r.settings::<Settings>())
}

pub(in crate::python) fn get_config<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    config_tables::config(this.py(), this.interpreter(), r.settings::<Settings>())
}

pub(in crate::python) fn set_content_length<'py>(
    this: &Me<'_, 'py>,
    length: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let length: i64 = length.extract()?;
    if length < 0 {
        return Err(PyValueError::new_err(
            "set_content_length() takes a length of 0 bytes or more",
        ));
    }
    this.body().lent.get()?.set_content_length(length);
    none(this)
}

pub(in crate::python) fn meets_conditions<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    number(this, |r| r.meets_conditions().0)
}

pub(in crate::python) fn document_root<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    text(this, Request::document_root)
}

pub(in crate::python) fn register_cleanup<'py>(
    this: &Me<'_, 'py>,
    function: &Bound<'py, PyAny>,
    data: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let cleanup = Cleanup::new(this.interpreter(), function, data)?;
    let state = RequestState::of(r);
    state.cleanups.push(r, cleanup, state.has_ended.get())?;
    none(this)
}

/// `req._forget_cleanup(data)`
pub(in crate::python) fn forget_cleanup<'py>(
    this: &Me<'_, 'py>,
    data: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let state = RequestState::of(this.body().lent.get()?);
    // It is dropped behind the borrow: that may call Python code, which may register another one.
    let _forgotten = state.cleanups.take(data);
    none(this)
}

/// `req._connection_key()`
pub(in crate::python) fn connection_key<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let key = this.body().lent.get()?.connection().key();
    Ok(key.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn send_http_header<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    act(this, |_| ())
}

/// Calls `action` with the request as `act` does, for what may wait for a file, a name server or an identd: without the
/// GIL.
pub(in crate::python) fn wait<'py>(
    this: &Me<'_, 'py>,
    action: impl FnOnce(&Request),
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    release(this.py(), || action(r));
    none(this)
}

/// Calls `action` with the request; returns None.
pub(in crate::python) fn act<'py>(
    this: &Me<'_, 'py>,
    action: impl FnOnce(&Request),
) -> Answer<'py> {
    action(this.body().lent.get()?);
    none(this)
}

pub(in crate::python) fn update_mtime<'py>(
    this: &Me<'_, 'py>,
    seconds: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let seconds: f64 = seconds.extract()?;
    let whole = seconds.trunc();
    // The most seconds whose microseconds fit into 64 bits.
    if whole.is_nan() || whole.abs() > 9e12 {
        return Err(PyValueError::new_err(
            "update_mtime() takes seconds since 1970, as time.time() tells them",
        ));
    }
    act(this, |r| r.update_mtime(whole as i64 * 1_000_000))
}

pub(in crate::python) fn construct_url<'py>(
    this: &Me<'_, 'py>,
    path: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let path = encode_header(path)?;
    let r = this.body().lent.get()?;
    // With `UseCanonicalName DNS` it asks a name server.
    let url = release(this.py(), || r.construct_url(&path));
    decode_option(this.py(), url)
}

pub(in crate::python) fn ssl_var_lookup<'py>(
    this: &Me<'_, 'py>,
    name: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let name = encode_c(name)?;
    text(this, |r| r.tls_variable(&name))
}

pub(in crate::python) fn get_remote_host<'py>(
    this: &Me<'_, 'py>,
    kind: Option<&Bound<'py, PyAny>>,
    with_flag: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let (first, last) = RemoteName::RANGE;
    let kind = integer(kind)?.unwrap_or(RemoteName::DEFAULT);
    if !(first..=last).contains(&kind) {
        return Err(PyValueError::new_err(
            "get_remote_host() takes one of apache.REMOTE_HOST, REMOTE_NAME, REMOTE_NOLOOKUP, \
             REMOTE_DOUBLE_REV",
        ));
    }
    let (host, is_address) = release(this.py(), || r.remote_host(kind));
    let host = decode_option(this.py(), host)?;
    match with_flag.filter(|wanted| !wanted.is_none() && !host.is_none()) {
        Some(_) => Ok((host, i32::from(is_address))
            .into_pyobject(this.py())?
            .into_any()),
        None => Ok(host),
    }
}

pub(in crate::python) fn allow_methods<'py>(
    this: &Me<'_, 'py>,
    methods: &Bound<'py, PyAny>,
    reset: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let wrong = "allow_methods() takes a list of methods, as in ['GET', 'POST']";
    if methods.is_instance_of::<PyString>() || methods.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(wrong));
    }
    let names: PyResult<Vec<_>> = methods
        .try_iter()
        .map_err(|_| PyTypeError::new_err(wrong))?
        .map(|name| encode_header(&name?))
        .collect();
    let (names, reset) = (names?, flag(reset, false)?);
    act(this, |r| {
        if reset {
            r.allow_no_method();
        }
        names.iter().for_each(|name| r.allow_method(name));
    })
}

/// `req.get_addhandler_exts()`
pub(in crate::python) fn get_addhandler_exts<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let text = added_extensions(this.body().lent.get()?);
    Ok(PyString::new(this.py(), &text).into_any())
}

/// The extensions that `AddHandler` gives to Python, each with a space behind it.
pub(super) fn added_extensions(r: &Request) -> String {
    let extensions = r.settings::<Settings>().extensions.of_python();
    extensions.flat_map(|one| [one, " "]).collect()
}

/// `req.is_https()`
pub(in crate::python) fn is_https<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    number(this, |r| r.connection().is_tls())
}

/// `req.add_cgi_vars()`
pub(in crate::python) fn add_cgi_vars<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    wait(this, |r| {
        r.add_cgi_vars();
        r.add_common_vars();
    })
}
