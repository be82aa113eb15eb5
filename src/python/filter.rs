//! `filter`: plain functions as filters, with mod_python's contract, and the driver that calls them.

use std::cell::{Cell, RefCell, RefMut};
use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::data::{self, Sink};
use super::call::{self, Returned, close_coroutine, server_return};
use super::class::{self, Answer, Arguments, Class, This, attributes, methods};
use super::connection::ConnectionObject;
use super::context::About;
use super::interpreter::{Interpreter, release};
use super::lease::{Lease, Lent, Open};
use super::report;
use super::request::limit;
use super::state::State;
use super::text::decode;
use crate::engine::filters::{Filter as Declared, Way};
use crate::engine::settings::Settings;
use crate::httpd::filter::Mode;
use crate::httpd::input::Input;
use crate::httpd::log::{self, Level, place};
use crate::httpd::output::Output;
use crate::httpd::stream::{CHUNK, Next, Stream};
use crate::httpd::{Brigade, Error, Filter, Status};

/// A function that is told "nothing for now" so often, and asks again, will never return.
const MOST_PAUSES: u32 = 1000;

/// One filter of ours in the chain of one request; httpd drops it with the request's pool.
pub struct Instance {
    interpreter: &'static Interpreter,
    declared: Arc<Declared>,
    lease: Arc<Lease>,
    flow: RefCell<Flow>,
    /// The filter as Python sees it, for as long as there is something to filter.
    object: RefCell<Option<Py<PyAny>>>,
}

enum Flow {
    Output(Output),
    Input(Input),
}

impl Flow {
    fn stream(&mut self) -> &mut Stream {
        match self {
            Self::Output(output) => &mut output.stream,
            Self::Input(input) => &mut input.stream,
        }
    }

    fn read(&mut self, py: Python<'_>, filter: &Filter, limit: usize) -> Result<Next, Error> {
        match self {
            // Most pieces are in memory: nobody need be let in while they are looked at.
            Self::Output(output) => match output.is_ready() {
                true => output.read(filter, limit),
                false => release(py, || output.read(filter, limit)),
            },
            Self::Input(input) => match input.is_ready() {
                true => input.read(filter, limit),
                false => release(py, || input.read(filter, limit)),
            },
        }
    }

    /// Makes the data at the front a piece in memory; 0 if it turned out to be nothing.
    fn load(&mut self, py: Python<'_>, filter: &Filter, limit: usize) -> Result<usize, Error> {
        release(py, || match self {
            Self::Output(output) => output.load(filter, limit),
            Self::Input(input) => input.load(limit),
        })
    }

    /// A FLUSH that a call has read goes on when the call returns. `false`: the client is gone.
    fn answer_flush(&mut self, py: Python<'_>, filter: &Filter) -> bool {
        match self {
            Self::Output(output) if output.owes_flush() => {
                release(py, || output.answer_flush(filter)).is_ok()
            }
            _ => true,
        }
    }
}

impl Instance {
    fn new(
        filter: &Filter,
        declared: Arc<Declared>,
        way: Way,
        settings: &Settings,
    ) -> Result<Self, String> {
        let flow = match way {
            Way::Out => Flow::Output(Output::new(filter)),
            Way::In => Flow::Input(Input::new(filter)),
        };
        Ok(Self {
            interpreter: call::interpreter(settings)?,
            declared,
            lease: Lease::new("filter"),
            flow: RefCell::new(flow),
            object: RefCell::default(),
        })
    }

    /// The flow, for the driver: between two calls of Python nobody else has it.
    fn output(&self) -> RefMut<'_, Output> {
        RefMut::map(self.flow.borrow_mut(), |flow| match flow {
            Flow::Output(output) => output,
            Flow::Input(_) => unreachable!("an instance keeps its way"),
        })
    }

    fn input(&self) -> RefMut<'_, Input> {
        RefMut::map(self.flow.borrow_mut(), |flow| match flow {
            Flow::Input(input) => input,
            Flow::Output(_) => unreachable!("an instance keeps its way"),
        })
    }

    fn is_out(&self) -> bool {
        match &*self.flow.borrow() {
            Flow::Output(output) => output.is_out(),
            Flow::Input(input) => input.is_out(),
        }
    }

    /// Calls the function for what is at hand, and again for what it left after reading some.
    fn run(&self, filter: &Filter, settings: &Settings) -> Result<(), Failure> {
        let about = filter.request().map_or(About::Connection(filter.connection()), About::Request);
        self.interpreter.enter(about, |py| {
            let _open = self.lease.open();
            let result = self.call_while_it_reads(py, filter, settings);
            if let Some(object) = &*self.object.borrow() {
                if let Some(me) = class::body::<FilterObject>(object.bind(py), self.interpreter) {
                    me.end_call();
                }
            }
            if let Some(r) = filter.request() {
                if let Some(state) = r.existing_state::<State>() {
                    state.forget_unused(py, self.interpreter);
                }
            }
            if self.flow.borrow_mut().stream().is_over() {
                self.object.take();
            }
            result.map_err(|error| self.failure(py, filter, settings, error))
        })
    }

    fn call_while_it_reads(
        &self,
        py: Python<'_>,
        filter: &Filter,
        settings: &Settings,
    ) -> PyResult<()> {
        let object = self.object(py, filter)?;
        let handler = &self.declared.handler;
        let way = if matches!(&*self.flow.borrow(), Flow::Input(_)) { Way::In } else { Way::Out };
        let path = settings.path.as_deref();
        let default = way.default_object();
        let function = self.interpreter.loader.find(py, handler, default, path, &object)?;
        loop {
            let before = self.flow.borrow_mut().stream().taken();
            let result = function.call1((&object,))?;
            refuse_shapes(&result, &handler.text())?;
            let mut flow = self.flow.borrow_mut();
            if !flow.answer_flush(py, filter) {
                return Ok(());
            }
            let stream = flow.stream();
            if stream.taken() == before || stream.is_over() || !stream.has_event() {
                return Ok(());
            }
            drop(flow);
            if self.is_out() {
                return Ok(());
            }
        }
    }

    fn object<'py>(&self, py: Python<'py>, filter: &Filter) -> PyResult<Bound<'py, PyAny>> {
        if let Some(object) = &*self.object.borrow() {
            return Ok(object.bind(py).clone());
        }
        let object = class::make(py, self.interpreter, FilterObject::new(self, filter))?;
        self.object.replace(Some(object.clone().unbind()));
        Ok(object)
    }

    /// Logs an exception, and says how the response or the body ends.
    fn failure(
        &self,
        py: Python<'_>,
        filter: &Filter,
        settings: &Settings,
        error: PyErr,
    ) -> Failure {
        if let Flow::Output(output) = &*self.flow.borrow() {
            if output.is_broken() {
                // The client left; whatever the function made of that is not worth a line.
                return Failure { status: None, page: None };
            }
        }
        let name = format!("filter {} ({})", self.declared.name, self.declared.handler.text());
        if let Ok(Some(returned)) = server_return(py, self.interpreter, &error) {
            return self.returned(filter, &name, &returned);
        }
        let request = filter.request().and_then(|r| r.the_request());
        let request = request.map(String::from_utf8_lossy).unwrap_or_default();
        let text = format!("{name} of {} failed for \"{request}\"", self.declared.handler.source);
        super::context::log_line(Level::Error, &text);
        report::to_log(py, &name, &error);
        let page = (settings.debug == Some(true))
            .then(|| report::page(&name, &report::traceback(py, &error)).into_bytes());
        Failure { status: None, page }
    }

    /// What `SERVER_RETURN` asks for.
    fn returned(&self, filter: &Filter, name: &str, returned: &Returned) -> Failure {
        let sent = matches!(&*self.flow.borrow(), Flow::Output(output) if output.has_started());
        if let (Some(status), Some(r), false) = (returned.status, filter.request(), sent) {
            r.set_status(status);
        }
        let status = Status(returned.result);
        if !status.is_error_response() {
            return Failure { status: Some(Status::OK), page: None };
        }
        if sent {
            let number = status.0;
            let text = format!("{name}: {number} after a part of the response was sent: it is cut");
            super::context::log_line(Level::Error, &text);
        }
        Failure { status: Some(status), page: None }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.lease.end();
        if let Some(object) = self.object.take() {
            self.interpreter.enter(About::Nothing, |py| drop(object.into_bound(py)));
        }
    }
}

/// How a call of a filter's function failed.
struct Failure {
    /// What `SERVER_RETURN` asked for; `OK` for a plain return.
    status: Option<Status>,
    /// The page of `PythonDebug On`.
    page: Option<Vec<u8>>,
}

/// A filter's function returns nothing of interest; what looks like a stream was meant to be one.
fn refuse_shapes(result: &Bound<'_, PyAny>, who: &str) -> PyResult<()> {
    let kind = result.get_type().name()?.to_string();
    let sentence = match kind.as_str() {
        "generator" => "is a generator: a streaming filter is written 'async def' with yield",
        "async_generator" => "is an async generator: streaming filters are not in this version yet",
        "coroutine" => "is an 'async def' without yield: a filter that streams yields its output",
        _ => return Ok(()),
    };
    close_coroutine(result);
    Err(PyTypeError::new_err(format!("{who} {sentence}")))
}

/// A brigade of a response arrives at an output filter.
///
/// # Errors
/// What the rest of the chain answered; `Error::FILTER` after a failure.
pub fn output(
    filter: &Filter,
    brigade: &Brigade,
    declared: Arc<Declared>,
    settings: &Settings,
) -> Result<(), Error> {
    let instance = match filter.kept::<Instance>() {
        Some(instance) => instance,
        None if brigade.is_empty() => return Ok(()),
        None if steps_aside(filter, brigade, &declared) => return filter.step_out(brigade),
        None => filter.keep(match Instance::new(filter, declared, Way::Out, settings) {
            Ok(instance) => instance,
            Err(reason) => return no_python(filter, brigade, &reason),
        }),
    };
    let mut output = instance.output();
    if output.stream.is_over() || output.is_broken() {
        return output.swallow(filter, brigade);
    }
    output.accept(brigade);
    let mut result = Ok(());
    if output.stream.has_event() {
        drop(output);
        result = instance.run(filter, settings);
        output = instance.output();
    }
    match result {
        Ok(()) => output.finish(filter),
        Err(Failure { status: Some(Status::OK), .. }) => output.finish(filter),
        Err(Failure { page: Some(page), .. }) if output.can_be_replaced(filter) => {
            output.replace(filter, &page)
        }
        Err(Failure { status, .. }) => {
            output.fail(filter, status.unwrap_or(Status::INTERNAL_SERVER_ERROR))
        }
    }
}

/// Whether there is nothing for a filter to do: a coded body that is not text, or no body at all.
fn steps_aside(filter: &Filter, brigade: &Brigade, declared: &Declared) -> bool {
    use crate::httpd::bucket::Kind;
    let Some(r) = filter.request() else { return false };
    if r.has_no_body() && !brigade.kinds().any(|kind| kind == Kind::Data) {
        // The headers are those of the response that a GET would have had.
        r.forget_representation();
        return true;
    }
    if let Some(coding) = r.response_coding().filter(|_| !declared.any_encoding) {
        let coding = String::from_utf8_lossy(coding);
        let text = format!(
            "filter {} steps aside: the response is coded ({coding}); encoding=any filters it all \
             the same",
            declared.name
        );
        log::request(place!(), r, Level::Info, &text);
        return true;
    }
    false
}

fn no_python(filter: &Filter, brigade: &Brigade, reason: &str) -> Result<(), Error> {
    if let Some(r) = filter.request() {
        log::request(place!(), r, Level::Error, &format!("no Python for this filter: {reason}"));
    }
    brigade.clear();
    Output::new(filter).fail(filter, Status::INTERNAL_SERVER_ERROR)
}

/// Somebody reads through an input filter.
///
/// # Errors
/// `Error::AGAIN` for a caller who would not wait; what reading below answered; after a failure,
/// the error that makes httpd answer as the filter wants.
pub fn input(
    filter: &Filter,
    target: &Brigade,
    declared: Arc<Declared>,
    settings: &Settings,
    mode: Mode,
    block: bool,
) -> Result<(), Error> {
    let instance = match filter.kept::<Instance>() {
        Some(instance) => instance,
        None => filter.keep(match Instance::new(filter, declared, Way::In, settings) {
            Ok(instance) => instance,
            Err(reason) => {
                if let Some(r) = filter.request() {
                    let text = format!("no Python for this filter: {reason}");
                    log::request(place!(), r, Level::Error, &text);
                }
                return Err(Input::new(filter).fail(filter, None));
            }
        }),
    };
    loop {
        let mut input = instance.input();
        input.begin(mode, block);
        if let Some(answer) = input.answer(filter, target) {
            return answer;
        }
        match input.fetch(filter) {
            Err(error) if error.is_again() => return Err(error),
            Err(error) => return Err(input.break_off(filter, error)),
            Ok(()) => {}
        }
        let mut result = Ok(());
        if input.stream.has_event() {
            drop(input);
            result = instance.run(filter, settings);
            input = instance.input();
        }
        match result {
            Ok(()) | Err(Failure { status: Some(Status::OK), .. }) => input.finish(filter)?,
            Err(Failure { status, .. }) => return Err(input.fail(filter, status)),
        }
    }
}

/// What a `filter` holds.
pub struct FilterObject {
    instance: Lent<Instance>,
    filter: Lent<Filter>,
    /// The piece that `read` gave last: written back, it need not be copied.
    last: RefCell<Option<Py<PyBytes>>>,
    pauses: Cell<u32>,
    /// The leases that were opened through this object for the running call.
    opened: RefCell<Vec<Open>>,
}

type Me<'a, 'py> = This<'a, 'py, FilterObject>;

impl FilterObject {
    fn new(instance: &Instance, filter: &Filter) -> Self {
        Self {
            instance: Lent::new(&instance.lease, instance),
            filter: Lent::new(&instance.lease, filter),
            last: RefCell::default(),
            pauses: Cell::new(0),
            opened: RefCell::default(),
        }
    }

    fn end_call(&self) {
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
}

fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

/// Calls `f` with the filter and its flow. One call at a time: a filter does not call itself.
fn with_flow<R>(
    this: &Me<'_, '_>,
    f: impl FnOnce(&Filter, &mut Flow) -> PyResult<R>,
) -> PyResult<R> {
    let me = this.body();
    let instance = me.instance.get()?;
    let mut flow = instance
        .flow
        .try_borrow_mut()
        .map_err(|_| PyRuntimeError::new_err("the filter is at work in another call"))?;
    f(me.filter.get()?, &mut flow)
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
    open_flow(this, |filter, flow| {
        if limit == 0 {
            return Ok(PyBytes::new(this.py(), b"").into_any());
        }
        match flow.read(this.py(), filter, limit).map_err(failed)? {
            Next::End => none(this),
            Next::Pause => pause(this),
            Next::Data => {
                this.body().pauses.set(0);
                let piece = PyBytes::new(this.py(), flow.stream().chunk());
                flow.stream().take(piece.as_bytes().len()).map_err(failed)?;
                this.body().last.replace(Some(piece.clone().unbind()));
                Ok(piece.into_any())
            }
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
            } else if flow.load(this.py(), filter, limit - line.len()).map_err(failed)? == 0 {
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

struct Out<'a>(&'a mut Stream);

impl Sink for Out<'_> {
    fn put(&mut self, data: Bytes) -> Result<(), Error> {
        self.0.write(data)
    }

    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() { Ok(()) } else { self.0.write_copy(data) }
    }
}

fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let data = a[0].ok_or_else(|| PyTypeError::new_err("write() takes data"))?;
    open_flow(this, |filter, flow| {
        if let Flow::Output(output) = flow {
            if output.is_broken() {
                return Err(PyOSError::new_err("Write failed, client closed connection."));
            }
        }
        let last = this.body().last.borrow_mut().take();
        let unchanged = last.as_ref().is_some_and(|last| last.is(&data));
        let length = data.len().unwrap_or(0);
        if !(unchanged && flow.stream().write_back(length)) {
            data::append(&mut Out(flow.stream()), &data, this.interpreter().drops)?;
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
    with_flow(this, |filter, flow| match flow {
        Flow::Output(output) => release(this.py(), || output.flush(filter))
            .map_err(|_| PyOSError::new_err("Flush failed, client closed connection.")),
        // What is written goes to the reader when the function returns.
        Flow::Input(_) => Ok(()),
    })?;
    none(this)
}

fn close<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
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

fn pass_on<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
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
    let Some(r) = me.filter.get()?.request() else { return none(this) };
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
