//! `req`: a request as handlers see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;

use super::children::ChildObject;
use super::io::reading;
use crate::httpd::Request;
use crate::python::connection::on_loop::{Exchange, OnLoop};
use crate::python::object::class::This;
use crate::python::object::fields::Shows;
use crate::python::runtime::lease::{Lease, Lent};
use crate::python::server::ServerObject;

/// What a `req` holds.
pub struct RequestObject {
    pub(in crate::python) lent: Lent<Request>,
    /// Its server, which code that keeps `req` can still ask for when the request is over.
    pub(in crate::python) server: ServerObject,
    /// The objects that are its attributes, each made once: `req.headers_in is req.headers_in`.
    pub(in crate::python) children: RefCell<Vec<(ChildObject, Py<PyAny>)>>,
    /// Where its handler runs on asyncio's loop.
    pub(in crate::python) exchange: Exchange,
}

pub(in crate::python) type Me<'a, 'py> = This<'a, 'py, RequestObject>;

impl RequestObject {
    /// The object of a request, which may be used while `lease` is open.
    pub fn new(lease: &Arc<Lease>, r: &Request) -> Self {
        Self {
            lent: Lent::new(lease, r),
            server: ServerObject::new(r.server()),
            children: RefCell::default(),
            exchange: Exchange::default(),
        }
    }
}

impl OnLoop for RequestObject {
    fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    fn lease(&self) -> &Arc<Lease> {
        self.lent.lease()
    }

    fn put_back(&self, data: &[u8]) -> PyResult<()> {
        let (r, state) = reading(self, "read")?;
        state.body.put_back(r, data);
        Ok(())
    }
}

impl Shows for RequestObject {
    type Struct = Request;

    fn shown(&self) -> PyResult<&Request> {
        self.lent.get()
    }
}
