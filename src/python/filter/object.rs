//! `filter`: the object that a filter's Python code gets. Its functions are called in a call of the filter, with the
//! GIL.

use std::cell::{Cell, RefCell};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::bucket::BucketObject;
use super::input_or_output::InputOrOutput;
use super::instance::Instance;
use super::io;
use crate::httpd::Filter;
use crate::httpd::filter::stream_buckets::NextBucket;
use crate::python::object::class::This;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::lease::Lent;

/// What a `filter` holds.
pub struct FilterObject {
    pub(in crate::python) instance: Lent<Instance>,
    pub(in crate::python) filter: Lent<Filter>,
    /// The piece that `read()` returned last, and how many bytes were taken by then: written back next, it needs no
    /// copy.
    last: RefCell<Option<(Py<PyBytes>, u64)>>,
    pub(in crate::python) pauses: Cell<u32>,
    /// The last `read()` of this call stopped at the bound of `joined=`, before data that it could have read.
    pub(in crate::python) bound_met: Cell<bool>,
}

pub(in crate::python) type Me<'a, 'py> = This<'a, 'py, FilterObject>;

impl FilterObject {
    pub(in crate::python) fn new(instance: &Instance, filter: &Filter) -> Self {
        Self {
            instance: Lent::new(&instance.lease, instance),
            filter: Lent::new(&instance.lease, filter),
            last: RefCell::default(),
            pauses: Cell::new(0),
            bound_met: Cell::new(false),
        }
    }

    /// Calls `f` with the filter and its input or output side, which one call at a time has.
    ///
    /// # Errors
    /// What `f` raises; `RuntimeError` when the filter cannot be used now.
    pub fn with_io<R>(
        &self,
        f: impl FnOnce(&Filter, &mut InputOrOutput) -> PyResult<R>,
    ) -> PyResult<R> {
        with_io_of(self.instance.get()?, self.filter.get()?, f)
    }

    /// Takes the stream's current piece as `bytes`.
    ///
    /// # Errors
    /// `OSError` if its bucket cannot be cut; `RuntimeError` when the filter cannot be used now.
    pub fn take_piece<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.with_io(|_, io| self.take_piece_of(py, io))
    }

    pub(in crate::python) fn take_piece_of<'py>(
        &self,
        py: Python<'py>,
        io: &mut InputOrOutput,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.pauses.set(0);
        let piece = PyBytes::new(py, io.stream().chunk());
        io.stream()
            .take(piece.as_bytes().len())
            .map_err(io::failed)?;
        let taken = io.stream().taken();
        self.last.replace(Some((piece.clone().unbind(), taken)));
        Ok(piece)
    }

    /// Takes the piece at hand and the data behind it that needs no waiting, `limit` bytes at most, as `bytes`.
    ///
    /// # Errors
    /// `OSError` if a bucket cannot be cut; `MemoryError`.
    pub(in crate::python) fn take_joined<'py>(
        &self,
        py: Python<'py>,
        io: &mut InputOrOutput,
        limit: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if !io.stream().has_neighbour() {
            return self.take_piece_of(py, io);
        }
        self.pauses.set(0);
        // A file is read here, piece by piece.
        let length = release(py, || io.stream().join(limit));
        let joined = PyBytes::new_with(py, length, |target| {
            io.stream().copy_joined(target);
            Ok(())
        })?;
        io.stream().take_joined(length).map_err(io::failed)?;
        Ok(joined)
    }

    /// The next bucket as an object; `None` while there is none.
    ///
    /// # Errors
    /// `RuntimeError` when the filter cannot be used now.
    pub fn bucket<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        next: NextBucket,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (instance, filter) = (self.instance.get()?, self.filter.get()?);
        BucketObject::next(py, interpreter, self.filter.lease(), instance, filter, next)
    }

    /// Whether `item` is the piece that was taken last, at the position `taken`. Forgets that piece: a second call for
    /// it returns false.
    pub(in crate::python) fn is_last_piece(&self, item: &Bound<'_, PyAny>, taken: u64) -> bool {
        (self.last.take()).is_some_and(|(last, at)| last.is(item) && at == taken)
    }

    pub(in crate::python) fn end_call(&self) {
        self.last.take();
        self.pauses.set(0);
        self.bound_met.set(false);
    }
}

/// Calls `f` with a filter and the input or output side of its instance, unless another call has it.
///
/// # Errors
/// What `f` raises; `RuntimeError` in a call of the filter's while another one is at work.
pub(in crate::python) fn with_io_of<R>(
    instance: &Instance,
    filter: &Filter,
    f: impl FnOnce(&Filter, &mut InputOrOutput) -> PyResult<R>,
) -> PyResult<R> {
    let io = instance.io.try_borrow_mut();
    let busy = |_| PyRuntimeError::new_err("the filter is at work in another call");
    f(filter, &mut *io.map_err(busy)?)
}

pub(in crate::python) fn with_io<R>(
    this: &Me<'_, '_>,
    f: impl FnOnce(&Filter, &mut InputOrOutput) -> PyResult<R>,
) -> PyResult<R> {
    this.body().with_io(f)
}
