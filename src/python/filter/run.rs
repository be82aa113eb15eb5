//! The calls of a filter's function or generator: how one runs, fails, and is closed. Called by httpd's thread of the
//! request or connection, without the GIL; functions that take `py` have it.

use std::os::unix::ffi::OsStrExt;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyFunction;

use super::async_io::Flush;
use super::bucket::{BucketObject, Yielded, has_shrunk};
use super::failure::Failure;
use super::generator::{Generator, Stop};
use super::input_or_output::InputOrOutput;
use super::instance::Instance;
use super::object::FilterObject;
use crate::engine::call_counters::Work;
use crate::engine::handlers::Handler;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
use crate::httpd::log::Level;
use crate::httpd::{Error, Filter, Request};
use crate::metrics::Measurement;
use crate::python::connection::future::waiting_here;
use crate::python::object::class;
use crate::python::pdb;
use crate::python::request::state::RequestState;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::release;
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::traceback;
use crate::python::stepper::is_async_generator;
use crate::python::values::buffer;
use crate::python::values::handler_result::close_coroutine;

impl Instance {
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
            let call = || waiting_here(|| self.call_while_it_reads(py, filter, settings));
            let state = filter
                .request()
                .and_then(Request::existing_state::<RequestState>);
            let result = match state {
                Some(state) => {
                    state.note_call();
                    state.with_variables(py, self.interpreter, call)
                }
                None => call(),
            };
            if let Some(object) = &*self.object.borrow() {
                if let Some(me) = class::body::<FilterObject>(object.bind(py), self.interpreter) {
                    me.end_call();
                }
            }
            if let Some(state) = state {
                state.forget_unused(py, self.interpreter);
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
        let given = self
            .function
            .borrow()
            .as_ref()
            .map(|function| function.clone_ref(py));
        let function = match given {
            Some(function) => function.into_bound(py),
            None => {
                let search = SearchPath::of(settings, filter.request());
                let loader = &self.interpreter.loader;
                let found =
                    loader.find(py, handler, direction.default_object(), search, &object)?;
                if found.is_instance_of::<PyFunction>() {
                    // The response has one version of the filter to its end.
                    self.function.replace(Some(found.clone().unbind()));
                }
                found
            }
        };
        loop {
            let before = self.io.borrow_mut().stream().taken();
            let step = self.step();
            let result = pdb::call1(settings, &function, &object)?;
            drop(step);
            if is_async_generator(&result) {
                self.io.borrow_mut().stream().start_work(self.declared.held);
                self.generator.replace(Some(Generator::new(result)?));
                return self.run_generator(py, filter);
            }
            refuse_shapes(&result, handler)?;
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

    /// Runs the generator until it waits, has yielded enough, or has ended.
    pub(in crate::python) fn run_generator(&self, py: Python<'_>, filter: &Filter) -> PyResult<()> {
        let Some(mut generator) = self.generator.take() else {
            return Ok(());
        };
        let _step = self.step();
        if self.must_stop() {
            return self.close_generator(py, generator);
        }
        let stop = generator.run(py, self.interpreter, |item| self.yielded(py, filter, item));
        match stop {
            Ok(Stop::Ended) => {
                self.io.borrow_mut().stream().end_work();
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
                self.io.borrow_mut().stream().end_work();
                Err(error)
            }
        }
    }

    /// Whether the generator's output is not wanted any more: the filter stepped out, the client is gone, or another
    /// filter has failed and the response is an error page or cut.
    fn must_stop(&self) -> bool {
        let mut io = self.io.borrow_mut();
        io.stream().has_failed_above()
            || match &*io {
                InputOrOutput::Output(output) => output.is_out() || output.is_broken(),
                InputOrOutput::Input(input) => input.is_out(),
            }
    }

    fn close_generator(&self, py: Python<'_>, generator: Generator) -> PyResult<()> {
        let mut io = self.io.borrow_mut();
        if io.stream().has_failed_above() {
            io.stream().abandon();
        }
        io.stream().end_work();
        drop(io);
        generator.close(py)
    }

    /// Writes what a generator yields. Returns whether that is enough for now.
    ///
    /// # Errors
    /// `TypeError` or `RuntimeError` for what cannot be yielded.
    fn yielded(&self, py: Python<'_>, filter: &Filter, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        let is_flush = class::body::<Flush>(item, self.interpreter).is_some();
        let bucket = class::body::<BucketObject>(item, self.interpreter);
        if !is_flush && bucket.is_none() && !buffer::is_buffer(item) {
            let kind = item.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "a filter yields bytes, not {kind}: text.encode() makes bytes of text"
            )));
        }
        let mut io = self.io.borrow_mut();
        if io.is_out() {
            return Err(PyRuntimeError::new_err(
                "after pass_on() a filter yields nothing",
            ));
        }
        if let Some(bucket) = bucket {
            self.write_bucket(py, filter, &mut io, bucket)?;
        } else if !is_flush {
            let unchanged = self.is_last_piece(py, item, io.stream().taken());
            let length = item.len().unwrap_or(0);
            if !(unchanged && io.stream().write_back(length)) {
                io.stream().begin_yielding();
                buffer::append(io.stream(), item, self.interpreter.deferred_drops)?;
            }
        }
        match &mut *io {
            InputOrOutput::Output(output) if is_flush => {
                output.stream.begin_yielding();
                // An error means that the client is gone: `is_broken` says so below.
                let _ = release(py, || output.flush(filter));
            }
            InputOrOutput::Output(output) if output.is_full() => {
                let _ = release(py, || output.send(filter));
            }
            InputOrOutput::Input(_) | InputOrOutput::Output(_) => {}
        }
        Ok(match &mut *io {
            InputOrOutput::Output(output) => output.is_broken(),
            InputOrOutput::Input(input) => input.has_answer(),
        })
    }

    /// Writes a bucket without copying its data.
    fn write_bucket(
        &self,
        py: Python<'_>,
        filter: &Filter,
        io: &mut InputOrOutput,
        bucket: &BucketObject,
    ) -> PyResult<()> {
        match bucket.yielded()? {
            Yielded::Metadata => {}
            Yielded::Data(token) => {
                let is_input = matches!(io, InputOrOutput::Input(_));
                if !io.stream().write_bucket(&token) {
                    return Err(PyRuntimeError::new_err(
                        "this bucket is not in the filter's hands: it was yielded before, or is \
                         another filter's",
                    ));
                }
                if is_input {
                    release(py, || io.stream().measure());
                }
            }
            Yielded::File(path, offset, length) => {
                let stream = io.stream();
                stream.begin_yielding();
                let bytes = path.as_os_str().as_bytes();
                let written = stream.write_file(filter, bytes, offset, length);
                written.map_err(|error| match error {
                    Error::END_OF_FILE => has_shrunk(&path),
                    error => PyOSError::new_err(error.to_string()),
                })?;
            }
        }
        Ok(())
    }

    /// Whether `item` is the piece that was read last, which is written without a copy.
    fn is_last_piece(&self, py: Python<'_>, item: &Bound<'_, PyAny>, taken: u64) -> bool {
        let object = self.object.borrow();
        let Some(object) = &*object else { return false };
        class::body::<FilterObject>(object.bind(py), self.interpreter)
            .is_some_and(|me| me.is_last_piece(item, taken))
    }

    /// Treats a `SERVER_RETURN` whose result is no response, such as `apache.OK`, as a return of the generator.
    pub(in crate::python) fn ended_by_result(&self, filter: &Filter) {
        let is_generators = self.io.borrow_mut().stream().is_generators();
        if is_generators {
            self.ended(filter);
        }
    }

    /// Ends the stream of a generator that has returned. Before the end of the body, the rest of it is dropped, unless
    /// the generator has neither read nor yielded anything: it has stepped out then.
    fn ended(&self, filter: &Filter) {
        let mut io = self.io.borrow_mut();
        if io.is_out() {
            return;
        }
        let stream = io.stream();
        if stream.is_untouched() || stream.is_on_connection() {
            // (On a connection, a filter cannot end the stream.)
            io.step_out();
            return;
        }
        stream.begin_yielding();
        if !stream.is_over() {
            if let Some(r) = filter.request() {
                let text = format!(
                    "filter {} ended early: the rest is dropped",
                    self.declared.name
                );
                About::Request(r).log(Level::Debug, &text);
            }
            match &mut *io {
                InputOrOutput::Output(output) => output.end_early(),
                InputOrOutput::Input(input) => input.close(),
            }
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

/// Refuses a generator or coroutine that a filter's function returned: it was meant to be an `async def` generator,
/// and would never run. All other results are ignored.
///
/// # Errors
/// `TypeError`, with what to write instead. `who` names the function.
fn refuse_shapes(result: &Bound<'_, PyAny>, who: &Handler) -> PyResult<()> {
    if result.is_none() {
        return Ok(());
    }
    let kind = result.get_type().name()?.to_string();
    let sentence = match kind.as_str() {
        "generator" => "is a generator: a streaming filter is written 'async def' with yield",
        "coroutine" => "is an 'async def' without yield: a filter that streams yields its output",
        _ => return Ok(()),
    };
    close_coroutine(result);
    Err(PyTypeError::new_err(format!("{who} {sentence}")))
}
