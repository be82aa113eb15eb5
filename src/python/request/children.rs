//! The objects that are attributes of a `req`: its connection, server and tables. Each is made when it is first read,
//! and kept, so that `req.headers_in is req.headers_in`.

use super::object::Me;
use crate::httpd::Request;
use crate::python::connection::object::ConnectionObject;
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::runtime::lease::Lent;
use crate::python::values::framing_headers::{Headers, Which};
use crate::python::values::table::TableObject;

/// One of these objects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::python) enum ChildObject {
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

/// Returns the object, which is made if this is the first time. All but the server, which lives as long as the child,
/// need the open request.
///
/// # Errors
/// `RuntimeError` when the request may not be used now.
pub(in crate::python) fn part<'py>(this: &Me<'_, 'py>, part: ChildObject) -> Answer<'py> {
    let me = this.body();
    if part != ChildObject::Server {
        me.lent.get()?;
    }
    if let Some((_, object)) = me
        .children
        .borrow()
        .iter()
        .find(|(known, _)| *known == part)
    {
        return Ok(object.bind(this.py()).clone());
    }
    let (py, interpreter, lease) = (this.py(), this.interpreter(), me.lent.lease());
    let table = |table, headers| {
        let which = Which { table, headers };
        let lent = Lent::new(lease, me.lent.get()?);
        class::make(py, interpreter, TableObject::OfRequest(lent, which))
    };
    let object = match part {
        ChildObject::Connection => class::make(
            py,
            interpreter,
            ConnectionObject::of_request(lease, me.lent.get()?),
        )?,
        ChildObject::Server => class::make(py, interpreter, me.server)?,
        ChildObject::HeadersIn => table(Request::headers_in, Headers::OfRequest)?,
        ChildObject::HeadersOut => table(Request::headers_out, Headers::OfResponse)?,
        ChildObject::ErrHeadersOut => table(Request::err_headers_out, Headers::OfResponse)?,
        ChildObject::Environment => table(Request::subprocess_env, Headers::None)?,
        ChildObject::TrailersIn => table(Request::trailers_in, Headers::Trailers)?,
        ChildObject::TrailersOut => table(Request::trailers_out, Headers::Trailers)?,
        ChildObject::Notes => table(Request::notes, Headers::None)?,
    };
    me.children
        .borrow_mut()
        .push((part, object.clone().unbind()));
    Ok(object)
}
