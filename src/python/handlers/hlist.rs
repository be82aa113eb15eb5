//! `req.hlist`: the handlers of the running phase, as a cursor.

use std::sync::Arc;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use super::chain::Chain;
use crate::engine::handlers::{Handler, Home};
use crate::httpd::{Connection, Request};
use crate::python::object::arguments::none;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::runtime::lease::Lent;
use crate::python::runtime::types::ClassId;

/// What an `hlist` holds.
pub struct HandlerListObject {
    /// The handlers, and which of them runs.
    pub chain: Arc<Chain>,
    /// The request or connection that they serve.
    pub serves: Serves,
}

/// What handlers serve. Their list can be used as long as Python may use that.
pub enum Serves {
    /// A request.
    Request(Lent<Request>),
    /// A connection.
    Connection(Lent<Connection>),
}

impl Serves {
    /// The request; `None` for a connection.
    ///
    /// # Errors
    /// `RuntimeError` if Python may not use the request or connection now.
    fn request(&self) -> PyResult<Option<&Request>> {
        match self {
            Self::Request(lent) => lent.get().map(Some),
            Self::Connection(lent) => lent.get().map(|_| None),
        }
    }
}

type Me<'a, 'py> = This<'a, 'py, HandlerListObject>;

impl Class for HandlerListObject {
    const NAME: &'static std::ffi::CStr = c"builtins.mp_hlist";
    const DOC: &'static std::ffi::CStr =
        c"The handlers of the running phase, as a cursor that stands at the one that runs. All attributes are \
        None past the end of the list. It raises RuntimeError once its request or connection is over.";
    const ID: ClassId = ClassId::HandlerList;
    methods! { HandlerListObject:
        /// Moves on to the next handler; returns None. Raises RuntimeError when the request or connection may not be
        /// used now.
        next() = next;
    }
    attributes! { HandlerListObject:
        /// The handler as it was configured (str): 'module' or 'module::function'.
        handler = of(handler_text);
        /// 1 when a module without the function is passed over (int; PythonHandlerModule), else 0.
        silent = of(silent);
        /// 1 when the handler was configured in a Location section (int), else 0.
        is_location = of(is_location);
        /// The path of the section that the handler was configured in (str), with a slash at the end for a directory;
        /// None outside of sections.
        directory = of(directory);
    }
}

fn next<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().serves.request()?;
    this.body().chain.advance();
    none(this)
}

fn of<'py, T: IntoPyObject<'py>>(
    this: &Me<'_, 'py>,
    field: impl FnOnce(&Handler, Option<&Request>) -> Option<T>,
) -> Answer<'py> {
    let r = this.body().serves.request()?;
    let step = this.body().chain.current();
    match step.as_ref().and_then(|step| field(step.handler(), r)) {
        Some(value) => value.into_bound_py_any(this.py()),
        None => none(this),
    }
}

fn handler_text(handler: &Handler, _: Option<&Request>) -> Option<String> {
    Some(handler.text())
}

fn silent(handler: &Handler, _: Option<&Request>) -> Option<u8> {
    Some(u8::from(handler.is_silent))
}

fn is_location(handler: &Handler, _: Option<&Request>) -> Option<u8> {
    Some(u8::from(matches!(handler.home, Home::Location(_))))
}

fn directory(handler: &Handler, r: Option<&Request>) -> Option<String> {
    match &handler.home {
        Home::Directory(path) => Some(format!("{path}/")),
        Home::Location(path) => Some(path.to_string()),
        Home::Pattern { pattern, is_regex } => Some(r?.directory_by(pattern, *is_regex)? + "/"),
        Home::None => None,
    }
}
