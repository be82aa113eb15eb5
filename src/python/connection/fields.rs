//! The attributes of `conn` with rules of their own, and its methods that need no bytes.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::authorize::client;
use super::object::{Me, taken};
use super::state::ConnectionState;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::Connection;
use crate::httpd::connection::KeepAlive;
use crate::parking::shutdown;
use crate::python::handlers::chain::Chain;
use crate::python::handlers::hlist::{HandlerListObject, Serves};
use crate::python::object::arguments::{boolean, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, Class};
use crate::python::object::fields::number;
use crate::python::runtime::context::About;
use crate::python::runtime::lease::Lent;
use crate::python::text::{decode_option, encode_c};
use crate::python::values::log_entry::log_message;
use crate::python::values::table::TableObject;

/// `conn.closing`
pub(in crate::python) fn closing<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().lent.get()?;
    boolean(this.py(), shutdown::is_closing())
}

/// `conn.base_server`
pub(in crate::python) fn base_server<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    once(this, &me.base_server, || me.server)
}

/// `conn.notes`
pub(in crate::python) fn notes<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let c = me.lent.get()?;
    once(this, &me.notes, || {
        TableObject::new(me.lent.lease(), c.notes())
    })
}

/// The value of an attribute that is made at its first use and kept in `place`, so that it stays the same object.
fn once<'py, T: Class>(
    this: &Me<'_, 'py>,
    kept: &RefCell<Option<Py<PyAny>>>,
    make: impl FnOnce() -> T,
) -> Answer<'py> {
    if let Some(made) = &*kept.borrow() {
        return Ok(made.bind(this.py()).clone());
    }
    let made = class::make(this.py(), this.interpreter(), make())?;
    kept.replace(Some(made.clone().unbind()));
    Ok(made)
}

pub(in crate::python) fn hlist<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let settings: &Settings = c.base_server().settings();
    let state = c.existing_state::<ConnectionState>();
    let list = match state.and_then(|state| state.agreed.get()) {
        Some(protocol) => Some(&protocol.handlers),
        None => settings
            .handlers(Phase::Connection, None)
            .map(|chosen| chosen.list),
    };
    match list {
        Some(list) if this.body().transport.is_some() => {
            let chain = Arc::new(Chain::new(Some(list.clone()), Vec::new()));
            let serves = Serves::Connection(Lent::new(this.body().lent.lease(), c));
            let list = HandlerListObject { chain, serves };
            class::make(this.py(), this.interpreter(), list)
        }
        _ => none(this),
    }
}

pub(in crate::python) fn address<'a, 'py>(
    this: &'a Me<'_, 'py>,
    ip: impl FnOnce(&'a Connection) -> Option<&'a [u8]>,
    port: impl FnOnce(&Connection) -> u16,
) -> Answer<'py> {
    let c = this.body().lent.get()?;
    let pair = (decode_option(this.py(), ip(c))?, port(c));
    Ok(pair.into_pyobject(this.py())?.into_any())
}

pub(in crate::python) fn set_keepalive(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let c = this.body().lent.get()?;
    let keep = match value.extract::<i64>()? {
        1 => KeepAlive::Close,
        2 => KeepAlive::Keep,
        _ => KeepAlive::Unknown,
    };
    if keep != KeepAlive::Close && taken(c).is_some() {
        return Err(PyRuntimeError::new_err(
            "the connection closes after this request: its bytes were read or written with req.connection",
        ));
    }
    c.set_keep_alive(keep);
    Ok(())
}

pub(in crate::python) fn ssl_var_lookup<'py>(
    this: &Me<'_, 'py>,
    name: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let name = encode_c(name)?;
    let value = this.body().lent.get()?.tls_variable(&name);
    decode_option(this.py(), value.as_deref())
}

pub(in crate::python) fn log_error<'py>(
    this: &Me<'_, 'py>,
    message: &Bound<'py, PyAny>,
    level: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let c = this.body().lent.get()?;
    log_message(message, level, |level, entry| {
        About::Connection(c).log(level, entry)
    })?;
    none(this)
}

/// `conn.useragent_addr`
pub(in crate::python) fn useragent_addr<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (ip, port) = client(this)?;
    let pair = (decode_option(this.py(), ip.as_deref())?, port);
    Ok(pair.into_pyobject(this.py())?.into_any())
}

/// `conn.useragent_ip`
pub(in crate::python) fn useragent_ip<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    decode_option(this.py(), client(this)?.0.as_deref())
}

/// `conn.keepalive`
pub(in crate::python) fn keepalive<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    number(this, |c| match c.keep_alive() {
        KeepAlive::Unknown => 0,
        KeepAlive::Close => 1,
        KeepAlive::Keep => 2,
    })
}
