//! The whole response of an application or a handler, in memory of our own: the loop's thread makes it, and the request's
//! thread sends it, without Python.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::httpd::{Error, Request};
use crate::python::request::asgi::respond::set_header;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::values::buffer::{self, Sink};

/// Status, headers and body.
pub struct WholeAnswer {
    /// `None` for a handler, which has set status and headers itself.
    status: Option<i32>,
    /// The names and values of the headers, one behind the other.
    texts: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    body: AnswerBody,
}

/// A short body is copied, of a long one the object is kept.
#[derive(Default)]
struct AnswerBody {
    copied: Vec<u8>,
    owned: Option<Bytes>,
}

impl Sink for AnswerBody {
    fn put(&mut self, data: Bytes) -> Result<(), Error> {
        self.owned = Some(data);
        Ok(())
    }

    fn put_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        self.copied
            .try_reserve(data.len())
            .map_err(|_| Error::NO_MEMORY)?;
        self.copied.extend_from_slice(data);
        Ok(())
    }
}

impl WholeAnswer {
    /// An answer of these objects: an int, a list of pairs of bytes that were checked, and bytes. With the GIL.
    ///
    /// # Errors
    /// `TypeError` for objects of other types; `OverflowError`.
    pub fn of(
        interpreter: &'static Interpreter,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        body: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let mut answer = Self {
            status: Some(status.extract()?),
            texts: Vec::with_capacity(256),
            ends: Vec::with_capacity(16),
            body: AnswerBody::default(),
        };
        for pair in headers.cast::<PyList>()? {
            for text in pair.cast::<PyTuple>()? {
                answer
                    .texts
                    .extend_from_slice(text.cast::<PyBytes>()?.as_bytes());
                answer.ends.push(answer.texts.len());
            }
        }
        buffer::append(&mut answer.body, body, interpreter.deferred_drops)?;
        Ok(answer)
    }

    /// An answer of what a handler has written: bytes. With the GIL.
    ///
    /// # Errors
    /// `TypeError` for an object of another type.
    pub fn written(interpreter: &'static Interpreter, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut answer = Self {
            status: None,
            texts: Vec::new(),
            ends: Vec::new(),
            body: AnswerBody::default(),
        };
        buffer::append(&mut answer.body, data, interpreter.deferred_drops)?;
        Ok(answer)
    }

    /// Makes it the response of a request, which is still to be sent. On the request's thread, without the GIL.
    pub fn give(self, r: &Request, state: &RequestState) {
        state.response.ends_with_stop.set(true);
        let Some(status) = self.status else {
            return state.response.put(self.body.copied, self.body.owned);
        };
        r.set_status(status);
        let mut from = 0;
        let mut text = |end: usize| {
            let text = &self.texts[from..end];
            from = end;
            text
        };
        for pair in self.ends.chunks_exact(2) {
            let (name, value) = (text(pair[0]), text(pair[1]));
            set_header(r, state, name, value);
        }
        if !r.has_no_body() {
            state.response.put(self.body.copied, self.body.owned);
        }
    }
}
