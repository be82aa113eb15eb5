//! `filter`: a filter as its author sees it.

use std::cell::{Cell, RefCell};

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::class::{self, Answer, Arguments, Class, This, attributes, methods};
use super::connection::ConnectionObject;
use super::data;
use super::flow::Flow;
use super::instance::Instance;
use super::interpreter::release;
use super::lease::{Lent, Open};
use super::reader::Wish;
use super::request_fields::limit;
use super::slots::{Slot, async_iterable_slot};
use super::state::State;
use super::streaming;
use super::text::decode;
use crate::httpd::filter::Mode;
use crate::httpd::stream::{CHUNK, Next};
use crate::httpd::{Error, Filter};

/// A function that is told "nothing for now" so often, and asks again, will never return.
const MOST_PAUSES: u32 = 1000;

/// What a `filter` holds.
pub struct FilterObject {
    instance: Lent<Instance>,
    filter: Lent<Filter>,
    /// The piece that `read` gave last, and when: written back at once, it need not be copied.
    last: RefCell<Option<(Py<PyBytes>, u64)>>,
    pauses: Cell<u32>,
    /// The leases that were opened through this object for the running call.
    opened: RefCell<Vec<Open>>,
}

type Me<'a, 'py> = This<'a, 'py, FilterObject>;

impl FilterObject {
    pub(super) fn new(instance: &Instance, filter: &Filter) -> Self {
        Self {
            instance: Lent::new(&instance.lease, instance),
            filter: Lent::new(&instance.lease, filter),
            last: RefCell::default(),
            pauses: Cell::new(0),
            opened: RefCell::default(),
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

    fn take_piece_of<'py>(
        &self,
        py: Python<'py>,
        flow: &mut Flow,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.pauses.set(0);
        let piece = PyBytes::new(py, flow.stream().chunk());
        flow.stream().take(piece.as_bytes().len()).map_err(failed)?;
        let taken = flow.stream().taken();
        self.last.replace(Some((piece.clone().unbind(), taken)));
        Ok(piece)
    }

    /// Whether this is the piece that was taken last, not asked for a second time.
    pub(super) fn is_last_piece(&self, item: &Bound<'_, PyAny>, taken: u64) -> bool {
        (self.last.take()).is_some_and(|(last, at)| last.is(item) && at == taken)
    }

    pub(super) fn end_call(&self) {
        self.last.take();
        self.pauses.set(0);
        self.opened.take();
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
        read(; n) = read;
        /// An async iterator over lines with their ends, of at most limit bytes (64 KiB).
        lines(; limit) = streaming::lines;
        /// Awaits up to n bytes that stay unread; fewer only at the end of the body.
        peek(n) = streaming::peek;
        /// Awaits the whole body. Raises apache.BodyTooLarge when it is larger than limit bytes.
        body(; limit) = streaming::body;
        /// An async iterator over the body with each key of a dict replaced by its value, wherever
        /// the body is cut. count: so many at most. ignore_case: for ASCII letters.
        replace(pairs; count, ignore_case) = streaming::replace;
        /// The next line with its end, at most n bytes of it and at most 64 KiB; else as read.
        readline(; n) = readline;
        /// Writes str (as UTF-8), bytes or a buffer. Raises OSError when the client is gone.
        write(data) = write;
        /// Sends what was written, and what later filters hold.
        flush() = flush;
        /// Ends the stream here; what is left of it is dropped.
        close() = close;
        /// Hands what is left of this call on as it is.
        pass_on() = pass_on;
        /// Steps out: what is left, and all that follows, goes on as it is.
        disable() = disable;
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

fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

pub(super) fn with_flow<R>(
    this: &Me<'_, '_>,
    f: impl FnOnce(&Filter, &mut Flow) -> PyResult<R>,
) -> PyResult<R> {
    this.body().with_flow(f)
}

fn open_flow<R>(
    this: &Me<'_, '_>,
    f: impl FnOnce(&Filter, &mut Flow) -> PyResult<R>,
) -> PyResult<R> {
    with_flow(this, |filter, flow| {
        if flow.stream().is_closed() {
            return Err(PyValueError::new_err("the filter is closed"));
        }
        f(filter, flow)
    })
}

fn failed(error: Error) -> PyErr {
    PyOSError::new_err(format!("the filter could not go on: {error}"))
}

fn piece_limit(a: Arguments<'_, '_>) -> PyResult<usize> {
    Ok(limit(a[0])?.unwrap_or(CHUNK).min(CHUNK))
}

/// Counts pauses: without the body at hand, asking again and again leads nowhere.
fn pause<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let pauses = this.body().pauses.get() + 1;
    this.body().pauses.set(pauses);
    if pauses > MOST_PAUSES {
        return Err(PyRuntimeError::new_err(
            "read() has given b'' a thousand times: return, and the filter is called again when \
             there is more",
        ));
    }
    Ok(PyBytes::new(this.py(), b"").into_any())
}

fn read<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let limit = piece_limit(a)?;
    if with_flow(this, |_, flow| Ok(flow.stream().is_generators()))? {
        return streaming::reader(this, Wish::Bytes(limit));
    }
    open_flow(this, |filter, flow| {
        if limit == 0 {
            return Ok(PyBytes::new(this.py(), b"").into_any());
        }
        match flow.read(this.py(), filter, limit).map_err(failed)? {
            Next::End => none(this),
            Next::Pause => pause(this),
            Next::Data => Ok(this.body().take_piece_of(this.py(), flow)?.into_any()),
        }
    })
}

fn readline<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let limit = piece_limit(a)?;
    open_flow(this, |filter, flow| {
        let mut line = Vec::new();
        while line.len() < limit {
            if line.is_empty() {
                match flow.read(this.py(), filter, limit).map_err(failed)? {
                    Next::End => return none(this),
                    Next::Pause => return pause(this),
                    Next::Data => this.body().pauses.set(0),
                }
            } else if !flow.stream().has_data() {
                // What comes next is for the next call; the line ends here for now.
                break;
            } else if flow
                .load(this.py(), filter, limit - line.len())
                .map_err(failed)?
                == 0
            {
                continue;
            }
            let data = flow.stream().chunk();
            let end = memchr::memchr(b'\n', data).map(|at| at + 1);
            let length = end.unwrap_or(data.len());
            line.extend_from_slice(&data[..length]);
            flow.stream().take(length).map_err(failed)?;
            if end.is_some() {
                break;
            }
        }
        Ok(PyBytes::new(this.py(), &line).into_any())
    })
}

fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "yields its output")?;
    let data = a[0].ok_or_else(|| PyTypeError::new_err("write() takes data"))?;
    open_flow(this, |filter, flow| {
        if let Flow::Output(output) = flow {
            if output.is_broken() {
                return Err(PyOSError::new_err(
                    "Write failed, client closed connection.",
                ));
            }
        }
        let unchanged = this.body().is_last_piece(&data, flow.stream().taken());
        let length = data.len().unwrap_or(0);
        if !(unchanged && flow.stream().write_back(length)) {
            data::append(flow.stream(), &data, this.interpreter().drops)?;
        }
        match flow {
            Flow::Output(output) if output.is_full() => release(this.py(), || output.send(filter))
                .map_err(|_| PyOSError::new_err("Write failed, client closed connection.")),
            _ => Ok(()),
        }
    })?;
    none(this)
}

fn flush<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "yields apache.FLUSH")?;
    with_flow(this, |filter, flow| match flow {
        Flow::Output(output) => release(this.py(), || output.flush(filter))
            .map_err(|_| PyOSError::new_err("Flush failed, client closed connection.")),
        // What is written goes to the reader when the function returns.
        Flow::Input(_) => Ok(()),
    })?;
    none(this)
}

fn close<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "returns")?;
    with_flow(this, |filter, flow| match flow {
        Flow::Output(output) if output.stream.is_closed() => Ok(()),
        Flow::Output(output) => release(this.py(), || output.close(filter)).map_err(failed),
        Flow::Input(input) => {
            input.close();
            Ok(())
        }
    })?;
    none(this)
}

/// A streaming filter has other words for what a plain function's says.
fn refuse_to_generators(this: &Me<'_, '_>, instead: &str) -> PyResult<()> {
    if with_flow(this, |_, flow| Ok(flow.stream().is_generators()))? {
        let text = format!("an 'async def' filter {instead} instead");
        return Err(PyRuntimeError::new_err(text));
    }
    Ok(())
}

fn pass_on<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    if with_flow(this, |_, flow| Ok(flow.stream().is_generators()))? {
        with_flow(this, |_, flow| {
            if flow.stream().has_lost_originals() {
                let class = this
                    .interpreter()
                    .types
                    .filter_limit
                    .bind(this.py())
                    .clone();
                let text = "more was read than is held to be given back (held=)";
                return Err(PyErr::from_type(class, (text,)));
            }
            flow.stream().restore();
            flow.step_out();
            Ok(())
        })?;
        return none(this);
    }
    open_flow(this, |_, flow| {
        match flow {
            Flow::Output(output) => output.pass_on(),
            Flow::Input(input) => input.pass_on(),
        }
        Ok(())
    })?;
    none(this)
}

fn disable<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    refuse_to_generators(this, "calls pass_on()")?;
    with_flow(this, |_, flow| {
        match flow {
            Flow::Output(output) => output.step_out(),
            Flow::Input(input) => input.step_out(),
        }
        Ok(())
    })?;
    none(this)
}

fn req<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let Some(r) = me.filter.get()?.request() else {
        return none(this);
    };
    let state = State::of(r);
    if me.opened.borrow().is_empty() {
        me.opened.borrow_mut().push(state.lease.open());
    }
    state.object(this.py(), this.interpreter(), r)
}

fn connection<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let me = this.body();
    let object = ConnectionObject::of_request(me.filter.lease(), me.filter.get()?.connection());
    class::make(this.py(), this.interpreter(), object)
}
