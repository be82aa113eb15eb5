//! `filter`: plain functions as filters, with mod_python's contract, and the driver that calls them.

use std::cell::{Cell, RefCell, RefMut};
use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::call::{self, Returned, close_coroutine, server_return};
use super::class::{
    self, Answer, Arguments, AsyncIterable, Class, Slot, This, attributes, methods,
};
use super::connection::ConnectionObject;
use super::context::About;
use super::data::{self, Sink};
use super::generator::{Generator, Stop};
use super::interpreter::{Interpreter, release};
use super::lease::{Lease, Lent, Open};
use super::reader::{Reader, Wish};
use super::report;
use super::request::limit;
use super::state::State;
use super::stepper::is_async_generator;
use super::text::{decode, encode};
use crate::engine::filters::{Filter as Declared, Way};
use crate::engine::replace::{Options, Replacer};
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
    /// The author at work, if it is an `async def` generator.
    generator: RefCell<Option<Generator>>,
}

/// The way a filter works.
pub enum Flow {
    /// A response goes out.
    Output(Output),
    /// A request's body comes in.
    Input(Input),
}

impl Flow {
    /// What both ways have.
    pub fn stream(&mut self) -> &mut Stream {
        match self {
            Self::Output(output) => &mut output.stream,
            Self::Input(input) => &mut input.stream,
        }
    }

    /// Whether the author has stepped out.
    pub fn is_out(&self) -> bool {
        match self {
            Self::Output(output) => output.is_out(),
            Self::Input(input) => input.is_out(),
        }
    }

    /// Whether there is nothing more to read, and it was told.
    pub fn is_at_end(&mut self) -> bool {
        self.is_out() || self.stream().is_at_end()
    }

    /// Steps out for good.
    fn step_out(&mut self) {
        match self {
            Self::Output(output) => output.step_out(),
            Self::Input(input) => input.step_out(),
        }
    }

    /// Whether what was written should go on before more is.
    fn has_enough(&self) -> bool {
        match self {
            Self::Output(output) => output.is_full(),
            Self::Input(input) => input.has_answer(),
        }
    }

    /// Looks at up to `limit` bytes that stay unread; None while they have not arrived.
    ///
    /// # Errors
    /// What reading the buckets answered.
    pub fn peek(
        &mut self,
        py: Python<'_>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Output(output) => release(py, || output.peek(filter, limit)),
            Self::Input(input) => release(py, || input.peek(limit)),
        }
    }

    /// What comes next. Waits for slow sources, without the GIL.
    ///
    /// # Errors
    /// What reading the buckets, or sending before a wait, answered.
    pub fn read(&mut self, py: Python<'_>, filter: &Filter, limit: usize) -> Result<Next, Error> {
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
            generator: RefCell::default(),
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
        self.flow.borrow().is_out()
    }

    /// Whether a generator stopped because it yielded enough, not because it waits for more.
    fn can_go_on(&self) -> bool {
        self.generator
            .borrow()
            .as_ref()
            .is_some_and(|generator| !generator.waits())
    }

    /// Calls the function for what is at hand, and again for what it left after reading some.
    fn run(&self, filter: &Filter, settings: &Settings) -> Result<(), Failure> {
        let about = filter
            .request()
            .map_or(About::Connection(filter.connection()), About::Request);
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
        if self.generator.borrow().is_some() {
            return self.run_generator(py, filter);
        }
        let object = self.object(py, filter)?;
        let handler = &self.declared.handler;
        let way = if matches!(&*self.flow.borrow(), Flow::Input(_)) {
            Way::In
        } else {
            Way::Out
        };
        let path = settings.path.as_deref();
        let default = way.default_object();
        let function = self
            .interpreter
            .loader
            .find(py, handler, default, path, &object)?;
        loop {
            let before = self.flow.borrow_mut().stream().taken();
            let result = function.call1((&object,))?;
            if is_async_generator(&result) {
                self.flow
                    .borrow_mut()
                    .stream()
                    .start_work(self.declared.held);
                self.generator.replace(Some(Generator::new(result)));
                return self.run_generator(py, filter);
            }
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

    /// Runs the generator until it waits, has yielded enough, or has ended.
    fn run_generator(&self, py: Python<'_>, filter: &Filter) -> PyResult<()> {
        let Some(mut generator) = self.generator.take() else {
            return Ok(());
        };
        if self.flow.borrow_mut().stream().has_failed_above() {
            // The response is an error page by now, or cut: not this filter's any more.
            self.flow.borrow_mut().stream().restore();
            return self.close_generator(py, generator);
        }
        let stop = generator.run(py, self.interpreter, |item| self.yielded(py, filter, item));
        match stop {
            Ok(Stop::Ended) => {
                self.flow.borrow_mut().stream().end_work();
                self.ended(filter);
                Ok(())
            }
            Ok(Stop::Waits | Stop::Enough) if self.must_stop() => {
                self.close_generator(py, generator)
            }
            Ok(Stop::Waits | Stop::Enough) => {
                self.generator.replace(Some(generator));
                Ok(())
            }
            Err(error) => {
                self.flow.borrow_mut().stream().end_work();
                Err(error)
            }
        }
    }

    /// Whether nobody wants what the generator would yield.
    fn must_stop(&self) -> bool {
        match &*self.flow.borrow() {
            Flow::Output(output) => output.is_out() || output.is_broken(),
            Flow::Input(input) => input.is_out(),
        }
    }

    fn close_generator(&self, py: Python<'_>, generator: Generator) -> PyResult<()> {
        self.flow.borrow_mut().stream().end_work();
        generator.close(py)
    }

    /// Takes what a generator yields; answers whether that is enough for now.
    fn yielded(&self, py: Python<'_>, filter: &Filter, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        if item.is_instance_of::<PyString>() || item.is_none() {
            let kind = item.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "a filter yields bytes, not {kind}: text.encode() makes bytes of text"
            )));
        }
        let mut flow = self.flow.borrow_mut();
        if flow.is_out() {
            return Err(PyRuntimeError::new_err(
                "after pass_on() a filter yields nothing",
            ));
        }
        let is_flush = class::body::<Flush>(item, self.interpreter).is_some();
        if !is_flush {
            let unchanged = self.is_last_piece(py, item);
            let length = item.len().unwrap_or(0);
            if !(unchanged && flow.stream().write_back(length)) {
                flow.stream().begin_yielding();
                data::append(&mut Out(flow.stream()), item, self.interpreter.drops)?;
            }
        }
        match &mut *flow {
            Flow::Output(output) if is_flush => {
                output.stream.begin_yielding();
                // A client that left is noticed below.
                let _ = release(py, || output.flush(filter));
            }
            Flow::Output(output) if output.is_full() => {
                let _ = release(py, || output.send(filter));
            }
            Flow::Input(_) | Flow::Output(_) => {}
        }
        Ok(match &*flow {
            Flow::Output(output) => output.is_broken(),
            Flow::Input(_) => flow.has_enough(),
        })
    }

    /// Whether this is the piece that was read last: written as it is, it need not be copied.
    fn is_last_piece(&self, py: Python<'_>, item: &Bound<'_, PyAny>) -> bool {
        let object = self.object.borrow();
        let Some(object) = &*object else { return false };
        class::body::<FilterObject>(object.bind(py), self.interpreter)
            .and_then(|me| me.last.borrow_mut().take())
            .is_some_and(|last| last.is(item))
    }

    /// After a failure: whether the original goes on (`on_error=pass`, nothing yielded yet).
    fn passes_on_error(&self, stream: &mut Stream) -> bool {
        let passes = self.declared.pass_on_error && stream.keeps_originals();
        if passes {
            stream.restore();
        }
        passes
    }

    /// A generator has ended: at the end of the body, or before.
    fn ended(&self, filter: &Filter) {
        let mut flow = self.flow.borrow_mut();
        if flow.is_out() {
            return;
        }
        let stream = flow.stream();
        if stream.is_untouched() {
            // It looked at nothing and said nothing: it stepped out.
            flow.step_out();
            return;
        }
        stream.begin_yielding();
        if !stream.is_over() {
            if let Some(r) = filter.request() {
                let text = format!(
                    "filter {} ended early: the rest is dropped",
                    self.declared.name
                );
                log::request(place!(), r, Level::Debug, &text);
            }
            match &mut *flow {
                Flow::Output(output) => output.end_early(),
                Flow::Input(input) => input.close(),
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
        let broken = match &*self.flow.borrow() {
            Flow::Output(output) => output.is_broken(),
            Flow::Input(input) => input.failed().is_some(),
        };
        if broken {
            // The client left; whatever the function made of that is not worth a line.
            return Failure {
                status: None,
                page: None,
            };
        }
        let name = format!(
            "filter {} ({})",
            self.declared.name,
            self.declared.handler.text()
        );
        if let Ok(Some(returned)) = server_return(py, self.interpreter, &error) {
            return self.returned(filter, &name, &returned);
        }
        let request = filter.request().and_then(|r| r.the_request());
        let request = request.map(String::from_utf8_lossy).unwrap_or_default();
        let text = format!(
            "{name} of {} failed for \"{request}\"",
            self.declared.handler.source
        );
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
            return Failure {
                status: Some(Status::OK),
                page: None,
            };
        }
        if sent {
            let number = status.0;
            let text = format!("{name}: {number} after a part of the response was sent: it is cut");
            super::context::log_line(Level::Error, &text);
        }
        Failure {
            status: Some(status),
            page: None,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let (generator, object) = (self.generator.take(), self.object.take());
        if generator.is_none() && object.is_none() {
            self.lease.end();
            return;
        }
        self.interpreter.enter(About::Nothing, |py| {
            if let Some(generator) = generator {
                // The request is about to go; its `finally` blocks can still use it.
                let _open = self.lease.open();
                if let Err(error) = generator.close(py) {
                    let name = format!("filter {}", self.declared.name);
                    report::to_log(py, &name, &error);
                }
            }
            self.lease.end();
            drop(object.map(|object| object.into_bound(py)));
        });
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
    if output.stream.has_event() || output.stream.is_working() {
        drop(output);
        result = instance.run(filter, settings);
        output = instance.output();
    }
    match result {
        Ok(()) if output.stream.is_working() => output.suspend(filter),
        Ok(()) => output.finish(filter),
        Err(Failure {
            status: Some(Status::OK),
            ..
        }) => output.finish(filter),
        Err(Failure { status: None, .. }) if instance.passes_on_error(&mut output.stream) => {
            output.step_out();
            output.finish(filter)
        }
        Err(Failure {
            page: Some(page), ..
        }) if output.can_be_replaced(filter) => output.replace(filter, &page),
        Err(Failure { status, .. }) => {
            output.fail(filter, status.unwrap_or(Status::INTERNAL_SERVER_ERROR))
        }
    }
}

/// Whether there is nothing for a filter to do: a coded body that is not text, or no body at all.
fn steps_aside(filter: &Filter, brigade: &Brigade, declared: &Declared) -> bool {
    use crate::httpd::bucket::Kind;
    let Some(r) = filter.request() else {
        return false;
    };
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
        log::request(
            place!(),
            r,
            Level::Error,
            &format!("no Python for this filter: {reason}"),
        );
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
        if !input.stream.has_event() && !instance.can_go_on() {
            match input.fetch(filter) {
                Err(error) if error.is_again() => return Err(error),
                Err(error) => return Err(input.break_off(filter, error)),
                Ok(()) => {}
            }
        }
        let mut result = Ok(());
        if !input.is_out() && (input.stream.has_event() || instance.can_go_on()) {
            drop(input);
            result = instance.run(filter, settings);
            input = instance.input();
        }
        if let Some(error) = input.failed() {
            return Err(error);
        }
        match result {
            Ok(()) if input.stream.is_working() => input.suspend(filter)?,
            Ok(())
            | Err(Failure {
                status: Some(Status::OK),
                ..
            }) => input.finish(filter)?,
            Err(Failure { status: None, .. }) if instance.passes_on_error(&mut input.stream) => {
                input.step_out();
                input.finish(filter)?;
            }
            Err(Failure { status, .. }) => {
                let error = input.fail(filter, status);
                drop(input);
                refuse(filter, error, status);
                return Err(error);
            }
        }
    }
}

/// Answers the client with a status that most readers of a body have no way to hand on, such as
/// 403. A handler of ours has one.
fn refuse(filter: &Filter, error: Error, status: Option<Status>) {
    if let (Error::FILTER, Some(status), Some(r)) = (error, status, filter.request()) {
        let told = |state: &State| state.body.is_read_now();
        if !r.existing_state::<State>().is_some_and(told) {
            r.answer_with(status);
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
        self.last.replace(Some(piece.clone().unbind()));
        Ok(piece)
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
        /// An async iterator over lines with their ends, of at most limit bytes (64 KiB).
        lines(; limit) = lines;
        /// Awaits up to n bytes that stay unread; fewer only at the end of the body.
        peek(n) = peek;
        /// Awaits the whole body. Raises apache.BodyTooLarge when it is larger than limit bytes.
        body(; limit) = body;
        /// An async iterator over the body with each key of a dict replaced by its value, wherever
        /// the body is cut. count: so many at most. ignore_case: for ASCII letters.
        replace(pairs; count, ignore_case) = replace;
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
        vec![class::async_iterable_slot::<Self>()]
    }
}

fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

fn with_flow<R>(
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
    if with_flow(this, |_, flow| Ok(flow.stream().is_working()))? {
        return reader(this, Wish::Bytes(limit));
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

struct Out<'a>(&'a mut Stream);

impl Sink for Out<'_> {
    fn put(&mut self, data: Bytes) -> Result<(), Error> {
        self.0.write(data)
    }

    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            Ok(())
        } else {
            self.0.write_copy(data)
        }
    }
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
        let last = this.body().last.borrow_mut().take();
        let unchanged = last.as_ref().is_some_and(|last| last.is(data));
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
    if with_flow(this, |_, flow| Ok(flow.stream().is_working()))? {
        let text = format!("an 'async def' filter {instead} instead");
        return Err(PyRuntimeError::new_err(text));
    }
    Ok(())
}

fn pass_on<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    if with_flow(this, |_, flow| Ok(flow.stream().is_working()))? {
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

impl AsyncIterable for FilterObject {
    fn aiter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        reader(this, Wish::Chunks)
    }
}

/// An awaitable of a streaming filter.
fn reader<'py>(this: &Me<'_, 'py>, wish: Wish) -> Answer<'py> {
    with_flow(this, |_, flow| {
        if flow.stream().is_working() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a plain function reads with filter.read(): streaming needs 'async def' with yield",
        ))
    })?;
    Reader::make(this.object(), this.interpreter(), wish)
}

fn lines<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let limit = limit(a[0])?.filter(|limit| *limit > 0).unwrap_or(CHUNK);
    reader(this, Wish::Lines(limit, Vec::new()))
}

fn peek<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let limit = limit(a[0])?.ok_or_else(|| PyTypeError::new_err("peek() takes a length"))?;
    reader(this, Wish::Peek(limit))
}

fn body<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    reader(this, Wish::Body(limit(a[0])?, Vec::new()))
}

fn replace<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let pairs = a[0].ok_or_else(|| PyTypeError::new_err("replace() takes a dict"))?;
    let mut literals = Vec::new();
    for pair in pairs.call_method0("items")?.try_iter()? {
        let (old, new): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
        literals.push((encode(&old)?, encode(&new)?));
    }
    let options = Options {
        count: limit(a[1])?,
        ignore_case: a[2].map_or(Ok(false), |flag| flag.is_truthy())?,
    };
    let replacer = Replacer::new(literals, options).map_err(PyValueError::new_err)?;
    reader(this, Wish::Replaced(Some(Box::new(replacer))))
}

/// What a filter yields to send what it yielded so far: `apache.FLUSH`.
pub struct Flush;

impl Class for Flush {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Flush";
    const DOC: &'static std::ffi::CStr = c"Yielded by a filter: send what there is.";
    const ID: usize = 8;
    methods! { Flush: }
    attributes! { Flush: }
}
