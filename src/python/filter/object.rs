//! `filter`: a filter as its author sees it.

use std::cell::{Cell, RefCell};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::bucket::BucketObject;
use super::flow::Flow;
use super::instance::Instance;
use super::io;
use super::streaming;
use crate::engine::handlers::Home;
use crate::httpd::Filter;
use crate::httpd::filter::Mode;
use crate::httpd::loose::NextBucket;
use crate::python::connection::object::ConnectionObject;
use crate::python::interpreters::interpreter::Interpreter;
use crate::python::object::class::{self, Answer, Class, This, attributes, methods};
use crate::python::object::lease::Lent;
use crate::python::object::slots::{Slot, async_iterable_slot};
use crate::python::state::State;
use crate::python::text::{decode, decode_option};

/// What a `filter` holds.
pub struct FilterObject {
    instance: Lent<Instance>,
    filter: Lent<Filter>,
    /// The piece that `read` gave last, and when: written back at once, it need not be copied.
    last: RefCell<Option<(Py<PyBytes>, u64)>>,
    pub(super) pauses: Cell<u32>,
}

pub(super) type Me<'a, 'py> = This<'a, 'py, FilterObject>;

impl FilterObject {
    pub(super) fn new(instance: &Instance, filter: &Filter) -> Self {
        Self {
            instance: Lent::new(&instance.lease, instance),
            filter: Lent::new(&instance.lease, filter),
            last: RefCell::default(),
            pauses: Cell::new(0),
        }
    }

    /// Calls `f` with the filter and its flow. One call at a time: a filter does not call itself.
    ///
    /// # Errors
    /// What `f` raises; `RuntimeError` when the filter cannot be used here and now.
    pub fn with_flow<R>(&self, f: impl FnOnce(&Filter, &mut Flow) -> PyResult<R>) -> PyResult<R> {
        let instance = self.instance.get()?;
        let mut flow = instance
            .flow
            .try_borrow_mut()
            .map_err(|_| PyRuntimeError::new_err("the filter is at work in another call"))?;
        f(self.filter.get()?, &mut flow)
    }

    /// Takes the piece at hand as `bytes`.
    ///
    /// # Errors
    /// What cutting its bucket answered.
    pub fn take_piece<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.with_flow(|_, flow| self.take_piece_of(py, flow))
    }

    pub(super) fn take_piece_of<'py>(
        &self,
        py: Python<'py>,
        flow: &mut Flow,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.pauses.set(0);
        let piece = PyBytes::new(py, flow.stream().chunk());
        flow.stream()
            .take(piece.as_bytes().len())
            .map_err(io::failed)?;
        let taken = flow.stream().taken();
        self.last.replace(Some((piece.clone().unbind(), taken)));
        Ok(piece)
    }

    /// The next bucket as an object; None while there is none.
    ///
    /// # Errors
    /// `RuntimeError` when the filter cannot be used here and now.
    pub fn bucket<'py>(
        &self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        next: NextBucket,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (instance, filter) = (self.instance.get()?, self.filter.get()?);
        BucketObject::next(py, interpreter, self.filter.lease(), instance, filter, next)
    }

    /// Whether this is the piece that was taken last, not asked for a second time.
    pub(super) fn is_last_piece(&self, item: &Bound<'_, PyAny>, taken: u64) -> bool {
        (self.last.take()).is_some_and(|(last, at)| last.is(item) && at == taken)
    }

    pub(super) fn end_call(&self) {
        self.last.take();
        self.pauses.set(0);
    }
}

impl Class for FilterObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Filter";
    const DOC: &'static std::ffi::CStr =
        c"A filter in the chain of one request. Attributes set on it live as long as it does.";
    const ID: usize = 5;
    const OPEN: bool = true;
    methods! { FilterObject:
        /// The next piece of the body, at most n bytes and at most 64 KiB. b'' when there is nothing
        /// more for now: return, and the filter is called again. None at the end, once.
        read(; n) = io::read;
        /// An async iterator over lines with their ends, of at most limit bytes (64 KiB).
        lines(; limit) = streaming::lines;
        /// Awaits up to n bytes that stay unread; fewer only at the end of the body.
        peek(n) = streaming::peek;
        /// Awaits the whole body. Raises apache.BodyTooLarge when it is larger than limit bytes.
        body(; limit) = streaming::body;
        /// An async iterator over the body with each key of a dict replaced by its value, wherever
        /// the body is cut. count: so many at most. ignore_case: for ASCII letters.
        replace(pairs; count, ignore_case) = streaming::replace;
        /// An async iterator over the buckets of the body, metadata among them.
        buckets() = streaming::buckets;
        /// The next line with its end, at most n bytes of it and at most 64 KiB; else as read.
        readline(; n) = io::readline;
        /// Writes str (as UTF-8), bytes or a buffer. Raises OSError when the client is gone.
        write(data) = io::write;
        /// Sends what was written, and what later filters hold.
        flush() = io::flush;
        /// Ends the stream here; what is left of it is dropped.
        close() = io::close;
        /// Hands what is left of this call on as it is.
        pass_on() = io::pass_on;
        /// Steps out: what is left, and all that follows, goes on as it is.
        disable() = io::disable;
    }
    attributes! { FilterObject:
        /// The request.
        req = req;
        /// The connection.
        connection = connection;
        /// The name it was registered with.
        name = |this: &Me<'_, 'py>| {
            decode(this.py(), this.body().instance.get()?.declared.name.as_bytes())
        };
        /// What was configured: module::function.
        handler = |this: &Me<'_, 'py>| {
            decode(this.py(), this.body().instance.get()?.declared.handler.text().as_bytes())
        };
        /// The directory of the section that declares it, or None.
        dir = |this: &Me<'_, 'py>| {
            let home = match &this.body().instance.get()?.declared.handler.home {
                Home::Directory(path) => Some(path.as_bytes()),
                _ => None,
            };
            decode_option(this.py(), home)
        };
        /// 1 for an input filter.
        is_input = |this: &Me<'_, 'py>| with_flow(this, |_, flow| {
            Ok(u8::from(matches!(flow, Flow::Input(_))).into_pyobject(this.py())?.into_any())
        });
        /// 1 after close().
        closed = |this: &Me<'_, 'py>| with_flow(this, |_, flow| {
            Ok(u8::from(flow.stream().is_closed()).into_pyobject(this.py())?.into_any())
        });
        /// How the caller of an input filter reads: 'bytes', 'line' or 'peek'. None for output.
        mode = |this: &Me<'_, 'py>| with_flow(this, |_, flow| {
            let mode = match flow {
                Flow::Output(_) => None,
                Flow::Input(input) => Some(match input.mode() {
                    Mode::Bytes(_) => "bytes",
                    Mode::Line => "line",
                    Mode::Peek(_) => "peek",
                }),
            };
            Ok(mode.into_pyobject(this.py())?.into_any())
        });
        /// Whether the caller of an input filter waits. None for output.
        block = |this: &Me<'_, 'py>| with_flow(this, |_, flow| {
            let block = match flow {
                Flow::Output(_) => None,
                Flow::Input(input) => Some(input.blocks()),
            };
            Ok(block.into_pyobject(this.py())?.into_any())
        });
        /// How many bytes the caller of an input filter asks for. None for output and for lines.
        readbytes = |this: &Me<'_, 'py>| with_flow(this, |_, flow| {
            let bytes = match flow {
                Flow::Input(input) => match input.mode() {
                    Mode::Bytes(bytes) | Mode::Peek(bytes) => Some(bytes),
                    Mode::Line => None,
                },
                Flow::Output(_) => None,
            };
            Ok(bytes.into_pyobject(this.py())?.into_any())
        });
    }

    fn slots() -> Vec<Slot> {
        vec![async_iterable_slot::<Self>()]
    }
}

pub(super) fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

pub(super) fn with_flow<R>(
    this: &Me<'_, '_>,
    f: impl FnOnce(&Filter, &mut Flow) -> PyResult<R>,
) -> PyResult<R> {
    this.body().with_flow(f)
}

fn req<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let Some(r) = me.filter.get()?.request() else {
        return none(this);
    };
    let state = State::of(r);
    // Not for as long as this object likes: somebody may keep it, and use it in another filter's call.
    state.lease.open_for_entry();
    state.object(this.py(), this.interpreter(), r)
}

fn connection<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let object = ConnectionObject::of_request(me.filter.lease(), me.filter.get()?.connection());
    class::make(this.py(), this.interpreter(), object)
}
