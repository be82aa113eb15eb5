//! The objects that hang on a `req`, each made once.

use super::class::{self, Answer};
use super::connection::ConnectionObject;
use super::request::Me;
use super::server::ServerObject;
use super::table::TableObject;
use crate::httpd::Table;

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
    let table = |table: &Table| class::make(py, interpreter, TableObject::new(lease, table));
    let object = match part {
        Part::Connection => class::make(
            py,
            interpreter,
            ConnectionObject::of_request(lease, r.connection()),
        )?,
        Part::Server => class::make(py, interpreter, ServerObject::new(r.server()))?,
        Part::HeadersIn => table(r.headers_in())?,
        Part::HeadersOut => table(r.headers_out())?,
        Part::ErrHeadersOut => table(r.err_headers_out())?,
        Part::Environment => table(r.subprocess_env())?,
        Part::TrailersIn => table(r.trailers_in())?,
        Part::TrailersOut => table(r.trailers_out())?,
        Part::Notes => table(r.notes())?,
    };
    me.parts.borrow_mut().push((part, object.clone().unbind()));
    Ok(object)
}
