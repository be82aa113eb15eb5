//! `req`: a request as handlers see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;

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
    /// What a page of `mod_python.psp` has written, and the response does not have yet.
    pub(in crate::python) page: RefCell<Option<Py<PyList>>>,
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
            page: RefCell::default(),
            exchange: Exchange::default(),
        }
    }

    /// Shows the garbage collector what it refers to.
    pub(in crate::python) fn visit_held(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        if let Ok(children) = self.children.try_borrow() {
            children.iter().for_each(|(_, object)| visit(object));
        }
        if let Ok(Some(pieces)) = self.page.try_borrow().as_deref() {
            visit(pieces.as_any());
        }
        if let Ok(Some(exchange)) = self.exchange.try_borrow().as_deref() {
            visit(exchange);
        }
    }

    /// Drops what could be a part of a cycle.
    pub(in crate::python) fn clear_held(&self) {
        self.children.take();
        self.page.take();
        self.exchange.take();
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
