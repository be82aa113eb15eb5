//! An `async def` generator as a filter's author: run until it waits for more, yields, or ends.

use pyo3::exceptions::{PyGeneratorExit, PyOSError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use std::os::unix::ffi::OsStrExt;

use super::async_io::Flush;
use super::awaitable::Reader;
use super::bucket::{BucketObject, Yielded, has_shrunk};
use super::input_or_output::InputOrOutput;
use super::instance::Instance;
use super::object::FilterObject;
use crate::httpd::filter::stream::Stream;
use crate::httpd::log::Level;
use crate::httpd::{Error, Filter};
use crate::python::object::class;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::{time_limit, traceback};
use crate::python::stepper;
use crate::python::stepper::Step;
use crate::python::values::buffer;

/// What may be awaited, for those who tried something else.
const NOTE: &str = "A filter runs on httpd's thread, where there is no event loop: it may await what \
                    `filter` gives (async for chunk in filter, filter.read() ...), and nothing of \
                    asyncio's own.";

/// A generator at work.
pub struct Generator {
    object: Py<PyAny>,
    /// The step that waits for more.
    awaited: Option<Py<PyAny>>,
}

/// Why a run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It waits for more.
    Waits,
    /// What it yielded is enough for now.
    Enough,
    /// It has ended.
    Ended,
}

impl Generator {
    /// For a generator that has not run yet.
    pub fn new(object: Bound<'_, PyAny>) -> Self {
        Self {
            object: object.unbind(),
            awaited: None,
        }
    }

    /// Whether it waits for more.
    pub fn waits(&self) -> bool {
        self.awaited.is_some()
    }

    /// Runs it. `yielded` takes each item, and says whether that is enough for now.
    ///
    /// # Errors
    /// What the generator raises, or `yielded` does.
    pub fn run<'py>(
        &mut self,
        py: Python<'py>,
        interpreter: &'static Interpreter,
        mut yielded: impl FnMut(&Bound<'py, PyAny>) -> PyResult<bool>,
    ) -> PyResult<Stop> {
        loop {
            time_limit::begin_next();
            let awaited = match self.awaited.take() {
                Some(awaited) => awaited.into_bound(py),
                None => stepper::next(self.object.bind(py))?,
            };
            match stepper::step(&awaited) {
                Step::Done(item) => match yielded(&item) {
                    Ok(false) => {}
                    Ok(true) => return Ok(Stop::Enough),
                    Err(error) => return Err(self.throw(py, error)),
                },
                Step::Waits(what) if class::body::<Reader>(&what, interpreter).is_some() => {
                    self.awaited = Some(awaited.unbind());
                    return Ok(Stop::Waits);
                }
                Step::Waits(what) => return Err(refuse(&awaited, &what)),
                Step::Raised(error) if stepper::is_end(py, &error) => return Ok(Stop::Ended),
                Step::Raised(error) => return Err(explain(py, error)),
            }
        }
    }

    /// What it yielded is refused: the error goes in where it yielded, so that the traceback shows
    /// the line and `finally` blocks run. Whatever it makes of the error, this is its end.
    fn throw(&self, py: Python<'_>, error: PyErr) -> PyErr {
        let thrown = self
            .object
            .bind(py)
            .call_method1("athrow", (error.value(py),));
        match thrown.as_ref().map(stepper::step) {
            Ok(Step::Raised(raised)) if !stepper::is_end(py, &raised) => raised,
            _ => error,
        }
    }

    /// Closes it: its `finally` blocks run.
    ///
    /// # Errors
    /// What they raise.
    pub fn close(self, py: Python<'_>) -> PyResult<()> {
        let (closing, step) = match self.awaited {
            // `aclose()` is for generators that wait for nothing.
            Some(awaited) => {
                let awaited = awaited.into_bound(py);
                let step = match stepper::throw(&awaited, &PyGeneratorExit::new_err(())) {
                    Step::Done(_) => Step::Raised(PyRuntimeError::new_err(
                        "async generator ignored GeneratorExit",
                    )),
                    other => other,
                };
                (awaited, step)
            }
            None => {
                let closing = self.object.bind(py).call_method0("aclose")?;
                let step = stepper::step(&closing);
                (closing, step)
            }
        };
        match step {
            Step::Done(_) => Ok(()),
            Step::Waits(what) => Err(refuse(&closing, &what)),
            Step::Raised(error) if stepper::is_end(py, &error) => Ok(()),
            Step::Raised(error) if error.is_instance_of::<PyGeneratorExit>(py) => Ok(()),
            Step::Raised(error) => Err(error),
        }
    }
}

/// It awaits something that is not ours to give: the error goes in where it waits, so that the
/// traceback shows the line.
fn refuse(awaited: &Bound<'_, PyAny>, what: &Bound<'_, PyAny>) -> PyErr {
    let py = awaited.py();
    let kind = what
        .get_type()
        .name()
        .map(|name| name.to_string())
        .unwrap_or_default();
    let error = PyRuntimeError::new_err(format!("a filter cannot await {kind} here"));
    let error = match stepper::throw(awaited, &error) {
        Step::Raised(raised) => raised,
        Step::Waits(_) | Step::Done(_) => error,
    };
    note(py, error)
}

/// asyncio's own functions look for an event loop at once.
fn explain(py: Python<'_>, error: PyErr) -> PyErr {
    if traceback::asks_for_event_loop(py, &error) {
        note(py, error)
    } else {
        error
    }
}

fn note(py: Python<'_>, error: PyErr) -> PyErr {
    // Without the note the error stands all the same.
    let _ = error.value(py).call_method1("add_note", (NOTE,));
    error
}

impl Instance {
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

    /// Whether nobody wants what the generator would yield: the author stepped out, the client left,
    /// or the response is an error page by now, or cut, and not this filter's any more.
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

    /// Takes what a generator yields; answers whether that is enough for now.
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
                // A client that left is noticed below.
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

    /// Writes a bucket as it is.
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

    /// Whether this is the piece that was read last: written as it is, it need not be copied.
    fn is_last_piece(&self, py: Python<'_>, item: &Bound<'_, PyAny>, taken: u64) -> bool {
        let object = self.object.borrow();
        let Some(object) = &*object else { return false };
        class::body::<FilterObject>(object.bind(py), self.interpreter)
            .is_some_and(|me| me.is_last_piece(item, taken))
    }

    /// After a failure: whether the original goes on (`on_error=pass`, and it is all there).
    pub(in crate::python) fn passes_on_error(&self, stream: &mut Stream) -> bool {
        let whole = stream.can_roll_back() || stream.is_untouched();
        let passes = self.declared.pass_on_error && whole;
        if passes {
            stream.restore();
        }
        passes
    }

    /// The author has raised a `SERVER_RETURN` that is no answer of its own: a generator has ended by
    /// it as if it had returned.
    pub(in crate::python) fn ended_by_result(&self, filter: &Filter) {
        let is_generators = self.io.borrow_mut().stream().is_generators();
        if is_generators {
            self.ended(filter);
        }
    }

    /// A generator has ended: at the end of the body, or before.
    fn ended(&self, filter: &Filter) {
        let mut io = self.io.borrow_mut();
        if io.is_out() {
            return;
        }
        let stream = io.stream();
        if stream.is_untouched() || stream.is_on_connection() {
            // It looked at nothing and said nothing: it stepped out. (On a connection the end is not
            // for it to say.)
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
                r.log(Level::Debug, &text);
            }
            match &mut *io {
                InputOrOutput::Output(output) => output.end_early(),
                InputOrOutput::Input(input) => input.close(),
            }
        }
    }
}
