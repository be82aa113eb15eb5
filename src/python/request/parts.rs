//! The objects that hang on a `req`, each made once.

use super::object::Me;
use crate::httpd::Request;
use crate::python::connection::object::ConnectionObject;
use crate::python::headers::{Headers, Which};
use crate::python::object::class::{self, Answer};
use crate::python::object::lease::Lent;
use crate::python::server::ServerObject;
use crate::python::table::TableObject;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Connection,
    Server,
    HeadersIn,
    HeadersOut,
    ErrHeadersOut,
    Environment,
    TrailersIn,
    TrailersOut,
    Notes,
}

/// The object, made if need be.
pub(super) fn part<'py>(this: &Me<'_, 'py>, part: Part) -> Answer<'py> {
    let me = this.body();
    let r = me.lent.get()?;
    if let Some((_, object)) = me.parts.borrow().iter().find(|(known, _)| *known == part) {
        return Ok(object.bind(this.py()).clone());
    }
    let (py, interpreter, lease) = (this.py(), this.interpreter(), me.lent.lease());
    let table = |table, headers| {
        let which = Which { table, headers };
        let lent = Lent::new(lease, r);
        class::make(py, interpreter, TableObject::OfRequest(lent, which))
    };
    let object = match part {
        Part::Connection => class::make(
            py,
            interpreter,
            ConnectionObject::of_request(lease, r.connection()),
        )?,
        Part::Server => class::make(py, interpreter, ServerObject::new(r.server()))?,
        Part::HeadersIn => table(Request::headers_in, Headers::OfRequest)?,
        Part::HeadersOut => table(Request::headers_out, Headers::OfResponse)?,
        Part::ErrHeadersOut => table(Request::err_headers_out, Headers::OfResponse)?,
        Part::Environment => table(Request::subprocess_env, Headers::None)?,
        Part::TrailersIn => table(Request::trailers_in, Headers::None)?,
        Part::TrailersOut => table(Request::trailers_out, Headers::None)?,
        Part::Notes => table(Request::notes, Headers::None)?,
    };
    me.parts.borrow_mut().push((part, object.clone().unbind()));
    Ok(object)
}
