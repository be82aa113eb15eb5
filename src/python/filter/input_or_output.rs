//! What httpd has of a filter of ours: its output side or its input side, for code that serves both.

use pyo3::prelude::*;

use crate::httpd::filter::input::Input;
use crate::httpd::filter::output::Output;
use crate::httpd::filter::stream::{Next, Stream};
use crate::httpd::filter::stream_buckets::NextBucket;
use crate::httpd::{Error, Filter};
use crate::python::runtime::interpreter::release;

/// The output side or the input side of a filter.
pub enum InputOrOutput {
    /// A response goes out.
    Output(Output),
    /// A request's body comes in.
    Input(Input),
}

impl InputOrOutput {
    /// The stream, which both have.
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

    /// Whether there is nothing more to read: it was told, or the generator is being closed.
    pub fn is_at_end(&mut self) -> bool {
        self.is_out() || self.stream().is_at_end() || !self.stream().is_working()
    }

    /// Steps out for good.
    pub(in crate::python) fn step_out(&mut self) {
        match self {
            Self::Output(output) => output.step_out(),
            Self::Input(input) => input.step_out(),
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
        if self.is_at_end() {
            return Ok(Some(Vec::new()));
        }
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

    /// The next bucket, metadata too; the data of a slow source is not waited for.
    ///
    /// # Errors
    /// What sending before it answered.
    pub fn next_bucket(&mut self, py: Python<'_>, filter: &Filter) -> Result<NextBucket, Error> {
        match self {
            Self::Output(output) if output.owes_flush() => {
                release(py, || output.next_bucket(filter))
            }
            Self::Output(output) => output.next_bucket(filter),
            Self::Input(input) => Ok(input.next_bucket()),
        }
    }

    /// Makes the data at the front a piece in memory; 0 if it turned out to be nothing.
    pub(in crate::python) fn load(
        &mut self,
        py: Python<'_>,
        filter: &Filter,
        limit: usize,
    ) -> Result<usize, Error> {
        release(py, || match self {
            Self::Output(output) => output.load(filter, limit),
            Self::Input(input) => input.load(limit),
        })
    }

    /// A FLUSH that a call has read goes on when the call returns. `false`: the client is gone.
    pub(in crate::python) fn answer_flush(&mut self, py: Python<'_>, filter: &Filter) -> bool {
        match self {
            Self::Output(output) if output.owes_flush() => {
                release(py, || output.answer_flush(filter)).is_ok()
            }
            _ => true,
        }
    }
}
