//! One filter of ours in the chain of one request: its author, and the calls of it.

use std::cell::{Cell, RefCell, RefMut};
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::generator::Generator;
use super::input_or_output::InputOrOutput;
use super::object::FilterObject;
use crate::engine::counters::{Row, Work};
use crate::engine::filters;
use crate::engine::filters::Filter as Declared;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
use crate::httpd::filter::content_length::Change;
use crate::httpd::filter::input::Input;
use crate::httpd::filter::output::Output;
use crate::httpd::log::Level;
use crate::httpd::{Filter, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::python::connection::call;
use crate::python::connection::future::stepping;
use crate::python::object::class;
use crate::python::pdb;
use crate::python::request::state::State;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lease;
use crate::python::runtime::loader::Search;
use crate::python::runtime::named::NoPython;
use crate::python::runtime::time_limit;
use crate::python::runtime::time_limit::TimedStep;
use crate::python::runtime::traceback;
use crate::python::runtime::traceback::Page;
use crate::python::stepper::is_async_generator;
use crate::python::values::handler_result::{Ending, close_coroutine, cut_response, ending};

/// One filter of ours in the chain of one request; httpd drops it with the request's pool.
pub struct Instance {
    pub(in crate::python) interpreter: &'static Interpreter,
    pub(in crate::python) declared: Arc<Declared>,
    /// Where its calls are counted.
    row: Option<&'static Row>,
    pub(in crate::python) lease: Arc<Lease>,
    pub(in crate::python) io: RefCell<InputOrOutput>,
    /// The filter as Python sees it, for as long as there is something to filter.
    pub(in crate::python) object: RefCell<Option<Py<PyAny>>>,
    /// The author at work, if it is an `async def` generator.
    pub(in crate::python) generator: RefCell<Option<Generator>>,
    /// What is called, if it is not what `declared` names.
    function: RefCell<Option<Py<PyAny>>>,
    unasked: Cell<bool>,
}

impl Instance {
    pub(in crate::python) fn new(
        filter: &Filter,
        declared: Arc<Declared>,
        direction: Direction,
        settings: &Settings,
    ) -> Result<Self, NoPython> {
        if let Some(r) = filter.request() {
            r.watch_framing();
        }
        let io = match direction {
            Direction::Output => InputOrOutput::Output(Output::new(filter, change(&declared))),
            Direction::Input => InputOrOutput::Input(Input::new(filter, change(&declared))),
        };
        Ok(Self {
            interpreter: call::interpreter(settings, filter.request(), &declared.handler.home)?,
            row: metrics::filter(direction, &declared.name),
            declared,
            lease: Lease::new("filter"),
            io: RefCell::new(io),
            object: RefCell::default(),
            generator: RefCell::default(),
            function: RefCell::default(),
            unasked: Cell::new(false),
        })
    }

    /// A filter that was registered at run time, with its function if that was given as such.
    pub(in crate::python) fn at_run_time(self, function: Option<Py<PyAny>>) -> Self {
        self.unasked.set(true);
        self.function.replace(function);
        self
    }

    /// Whether nobody has asked yet if there is anything to do for a filter that exists from the
    /// start; asked once.
    pub(in crate::python) fn is_unasked(&self) -> bool {
        self.unasked.replace(false)
    }

    /// The clock of one step, if the filter has a limit for it.
    pub(in crate::python) fn step(&self) -> Option<TimedStep> {
        self.declared
            .time
            .map(|limit| time_limit::begin(self.interpreter, limit))
    }

    /// The input or output side, for the driver: between two calls of Python nobody else has it.
    pub(in crate::python) fn output(&self) -> RefMut<'_, Output> {
        RefMut::map(self.io.borrow_mut(), |io| match io {
            InputOrOutput::Output(output) => output,
            InputOrOutput::Input(_) => unreachable!("an instance keeps its direction"),
        })
    }

    pub(in crate::python) fn input(&self) -> RefMut<'_, Input> {
        RefMut::map(self.io.borrow_mut(), |io| match io {
            InputOrOutput::Input(input) => input,
            InputOrOutput::Output(_) => unreachable!("an instance keeps its direction"),
        })
    }

    pub(in crate::python) fn is_out(&self) -> bool {
        self.io.borrow().is_out()
    }

    /// Whether a generator stopped because it yielded enough, not because it waits for more.
    pub(in crate::python) fn can_go_on(&self) -> bool {
        self.generator
            .borrow()
            .as_ref()
            .is_some_and(|generator| !generator.waits())
    }

    /// Calls the function for what is at hand, and again for what it left after reading some.
    pub(in crate::python) fn run(
        &self,
        filter: &Filter,
        settings: &Settings,
    ) -> Result<(), Failure> {
        let about = filter
            .request()
            .map_or(About::Connection(filter.connection()), About::Request);
        let measurement = Measurement::begin(self.row);
        let result = self.interpreter.enter(about, |py| {
            let _open = self.lease.open();
            // Even under a connection that is stepped: a filter waits on its thread.
            let result = stepping(None, || self.call_while_it_reads(py, filter, settings));
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
            if self.io.borrow_mut().stream().is_over() {
                self.object.take();
            }
            result.map_err(|error| self.failure(py, filter, settings, error))
        });
        let traffic = self.io.borrow_mut().stream().count_traffic();
        measurement.end(&Work {
            bytes_in: traffic.taken as u64,
            bytes_out: traffic.written as u64,
            held: traffic.held as u64,
            ..Work::default()
        });
        result
    }

    pub(in crate::python) fn call_while_it_reads(
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
        let direction = if matches!(&*self.io.borrow(), InputOrOutput::Input(_)) {
            Direction::Input
        } else {
            Direction::Output
        };
        let search = Search {
            path: settings.path.as_deref(),
            r: filter.request(),
        };
        let default = direction.default_object();
        let given = self.function.borrow();
        let given = given.as_ref().map(|function| function.bind(py).clone());
        let function = match given {
            Some(function) => function,
            None => {
                let loader = &self.interpreter.loader;
                loader.find(py, handler, default, search, &object)?
            }
        };
        loop {
            let before = self.io.borrow_mut().stream().taken();
            let step = self.step();
            let result = pdb::call1(settings, &function, &object)?;
            drop(step);
            if is_async_generator(&result) {
                self.io.borrow_mut().stream().start_work(self.declared.held);
                self.generator.replace(Some(Generator::new(result)));
                return self.run_generator(py, filter);
            }
            refuse_shapes(&result, &handler.text())?;
            let mut io = self.io.borrow_mut();
            if !io.answer_flush(py, filter) {
                return Ok(());
            }
            let stream = io.stream();
            if stream.taken() == before || stream.is_over() || !stream.has_event() {
                return Ok(());
            }
            drop(io);
            if self.is_out() {
                return Ok(());
            }
        }
    }

    pub(in crate::python) fn object<'py>(
        &self,
        py: Python<'py>,
        filter: &Filter,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(object) = &*self.object.borrow() {
            return Ok(object.bind(py).clone());
        }
        let object = class::make(py, self.interpreter, FilterObject::new(self, filter))?;
        self.object.replace(Some(object.clone().unbind()));
        Ok(object)
    }

    /// Logs an exception, and says how the response or the body ends.
    pub(in crate::python) fn failure(
        &self,
        py: Python<'_>,
        filter: &Filter,
        settings: &Settings,
        error: PyErr,
    ) -> Failure {
        let broken = match &*self.io.borrow() {
            InputOrOutput::Output(output) => output.is_broken(),
            InputOrOutput::Input(input) => input.failed().is_some(),
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
        let error = match ending(py, self.interpreter, &error) {
            Ok(Some(ending)) => return self.returned(filter, &name, &ending),
            Ok(None) => error,
            Err(wrong) => wrong,
        };
        let request = filter.request().and_then(|r| r.the_request());
        let request = request.map(String::from_utf8_lossy).unwrap_or_default();
        let text = format!(
            "{name} of {} failed for \"{request}\"",
            self.declared.handler.source
        );
        if let Some(limit) = self.declared.time.filter(|_| self.is_timeout(py, &error)) {
            let seconds = limit.as_secs_f64();
            let text = format!("{name}: one step took more than time={seconds}: interrupted");
            crate::python::runtime::context::log_line(Level::Error, &text);
        }
        traceback::name_what_helps(py, &error);
        traceback::to_log(py, &text, &error);
        metrics::failed(self.row);
        let r = filter.request().filter(|_| settings.debug == Some(true));
        let page = r.map(|r| Page::of(py, r, &name, &error));
        Failure { status: None, page }
    }

    fn is_timeout(&self, py: Python<'_>, error: &PyErr) -> bool {
        let class = self.interpreter.types.filter_timeout.bind(py);
        error.matches(py, class).unwrap_or(false)
    }

    /// Closes the generator, if there is one: its `finally` blocks run. What still comes goes by.
    pub(in crate::python) fn close(&self) {
        let Some(generator) = self.generator.take() else {
            return;
        };
        self.interpreter.enter(About::Nothing, |py| {
            let _open = self.lease.open();
            let mut io = self.io.borrow_mut();
            io.stream().end_work();
            io.step_out();
            drop(io);
            self.end(py, generator);
        });
    }

    fn end(&self, py: Python<'_>, generator: Generator) {
        let _step = self.step();
        if let Err(error) = generator.close(py) {
            let text = format!("filter {} failed when it was closed", self.declared.name);
            traceback::to_log(py, &text, &error);
        }
    }

    /// What `SERVER_RETURN` asks for.
    pub(in crate::python) fn returned(
        &self,
        filter: &Filter,
        name: &str,
        ending: &Ending,
    ) -> Failure {
        let sent = matches!(&*self.io.borrow(), InputOrOutput::Output(output) if output.is_under_way(filter));
        if let (Some(status), Some(r), false) = (ending.status, filter.request(), sent) {
            r.set_status(status);
        }
        let status = ending.result;
        if !status.is_answer() {
            self.ended_by_result(filter);
            return Failure {
                status: Some(Status::OK),
                page: None,
            };
        }
        if sent {
            let text = format!("{name}: {}", cut_response(status));
            crate::python::runtime::context::log_line(Level::Error, &text);
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
        let function = self.function.take();
        if generator.is_none() && object.is_none() && function.is_none() {
            self.lease.end();
            return;
        }
        self.interpreter.enter(About::Nothing, |py| {
            if let Some(generator) = generator {
                // The request is about to go; its `finally` blocks can still use it.
                let _open = self.lease.open();
                self.io.borrow_mut().stream().end_work();
                self.end(py, generator);
            }
            self.lease.end();
            drop(function.map(|function| function.into_bound(py)));
            drop(object.map(|object| object.into_bound(py)));
        });
    }
}

/// What a filter does to bodies, where it can still say so in headers.
pub(in crate::python) fn change(declared: &Declared) -> Change {
    match declared.change {
        _ if declared.kind.follows_headers() => Change::Nothing,
        filters::Change::Yes => Change::Length,
        filters::Change::OneToOne => Change::Bytes,
        filters::Change::No => Change::Nothing,
    }
}

/// How a call of a filter's function failed.
pub(in crate::python) struct Failure {
    /// What `SERVER_RETURN` asked for; `OK` for a plain return.
    pub(in crate::python) status: Option<Status>,
    /// The page of `PythonDebug On`.
    pub(in crate::python) page: Option<Page>,
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
