//! The output side or the input side of a filter, for code that serves both. Functions that take `py` are called with
//! the GIL, and let go of it while they wait.

use pyo3::prelude::*;

use crate::httpd::filter::input::Input;
use crate::httpd::filter::output::Output;
use crate::httpd::filter::stream::{Next, Stream};
use crate::httpd::filter::stream_buckets::NextBucket;
use crate::httpd::{Error, Filter};
use crate::python::runtime::interpreter::release;

/// The output side or the input side of a filter.
pub enum InputOrOutput {
    /// Of a response that is sent.
    Output(Output),
    /// Of a request's body that is read.
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

    /// Whether the filter has stepped out: everything passes it unchanged.
    pub fn is_out(&self) -> bool {
        match self {
            Self::Output(output) => output.is_out(),
            Self::Input(input) => input.is_out(),
        }
    }

    /// Whether reading gives nothing more: the end was read, or the generator is being closed.
    pub fn is_at_end(&mut self) -> bool {
        self.is_out() || self.stream().is_at_end() || !self.stream().is_working()
    }

    /// Steps out for the rest of the stream.
    pub(in crate::python) fn step_out(&mut self) {
        match self {
            Self::Output(output) => output.step_out(),
            Self::Input(input) => input.step_out(),
        }
    }

    /// The next bytes, up to `limit`, which stay unread; `None` while they have not arrived.
    ///
    /// # Errors
    /// The error of reading the buckets.
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

    /// Reads the next piece of at most `limit` bytes, or the next event. Waits for slow sources, without the GIL.
    ///
    /// # Errors
    /// The error of reading the buckets, or of sending output before a wait.
    pub fn read(&mut self, py: Python<'_>, filter: &Filter, limit: usize) -> Result<Next, Error> {
        match self {
            // Most pieces are in memory, and need no wait for which to let go of the GIL.
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

    /// The next bucket, data or metadata. Does not wait for the data of a slow source.
    ///
    /// # Errors
    /// The error of sending output before a FLUSH.
    pub fn next_bucket(&mut self, py: Python<'_>, filter: &Filter) -> Result<NextBucket, Error> {
        match self {
            Self::Output(output) if output.owes_flush() => {
                release(py, || output.next_bucket(filter))
            }
            Self::Output(output) => output.next_bucket(filter),
            Self::Input(input) => Ok(input.next_bucket()),
        }
    }

    /// Reads the data at the front into memory, at most `limit` bytes. Returns the length; 0 for an empty bucket.
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

    /// Passes on a FLUSH that a call has read, when the call returns. Returns `false` if the client is gone.
    pub(in crate::python) fn answer_flush(&mut self, py: Python<'_>, filter: &Filter) -> bool {
        match self {
            Self::Output(output) if output.owes_flush() => {
                release(py, || output.answer_flush(filter)).is_ok()
            }
            _ => true,
        }
    }
}
