//! Calls an application, and sends what it returns.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use super::start_response::{block, excess, not_started, send};
use super::{environ, find};
use crate::engine::application::HANDLER;
use crate::httpd::log::Level;
use crate::httpd::{Request, Status};
use crate::python::object::class;
use crate::python::request::object::RequestObject;
use crate::python::request::state::RequestState;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::traceback;

/// Serves a request by its application: the mounted one, or that of its options. `DECLINED` if it is not below the path
/// of the latter.
///
/// # Errors
/// What the application raises; `TypeError`, `AssertionError` and `ValueError` for what PEP 3333 does not allow.
pub fn serve(interpreter: &'static Interpreter, req: &Bound<'_, PyAny>) -> PyResult<Status> {
    let py = req.py();
    let Some(body) = class::body::<RequestObject>(req, interpreter) else {
        let kind = req.get_type().name()?;
        return Err(PyTypeError::new_err(format!("takes a request, not {kind}")));
    };
    let r = body.lent.get()?;
    let state = RequestState::of(r);
    let mounted = state.application.get();
    let (application, environ) = match mounted.filter(|_| r.handler() == Some(HANDLER)) {
        Some(mounted) => {
            let application = find::application(py, interpreter, r, &mounted.target)?;
            (application, environ::make(py, interpreter, r, req)?)
        }
        None => {
            let target = find::target_of_options(r)?;
            let Some(environ) = environ::by_options(py, interpreter, r, req)? else {
                return Ok(Status::DECLINED);
            };
            (find::application(py, interpreter, r, &target)?, environ)
        }
    };
    let call = Call {
        interpreter,
        r,
        state,
    };
    call.answer(&application, &environ, req)?;
    Ok(Status::OK)
}

/// A request that is being served.
struct Call<'a> {
    interpreter: &'static Interpreter,
    r: &'a Request,
    state: &'a RequestState,
}

impl Call<'_> {
    /// Calls the application, sends what it returns, and calls `close()` of that in any case.
    fn answer<'py>(
        &self,
        application: &Bound<'py, PyAny>,
        environ: &Bound<'py, PyDict>,
        req: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let py = req.py();
        let parts = self.interpreter.wsgi(py)?;
        let start_response = req.getattr(parts.name(py, "wsgi_start_response"))?;
        let result = application.call1((environ, start_response))?;
        if let Some(items) = items_of(&result) {
            return self.whole(&items);
        }
        let close = result.getattr_opt(parts.name(py, "close"))?;
        let sent = self.send_all(&result, close.is_some());
        let Some(Err(error)) = close.map(|close| close.call0()) else {
            return sent;
        };
        // The response is what it is by now.
        traceback::to_log(py, "close() of what an application returned failed", &error);
        sent
    }

    /// Sends what an application returned.
    fn send_all(&self, result: &Bound<'_, PyAny>, has_close: bool) -> PyResult<()> {
        if self.file(result)? {
            return Ok(());
        }
        let wrong = |error: PyErr| match error.is_instance_of::<PyTypeError>(result.py()) {
            true => match result.get_type().fully_qualified_name() {
                Ok(kind) => PyTypeError::new_err(format!(
                    "an application returns an iterable of bytes, such as a list, not {kind}"
                )),
                Err(error) => error,
            },
            false => error,
        };
        if result.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(
                "an application returns an iterable of bytes, not bytes: write return [data]",
            ));
        }
        for item in result.try_iter().map_err(wrong)? {
            let item = item?;
            let data = block(&item)?;
            if data.as_bytes().is_empty() {
                continue;
            }
            let left = send(self.interpreter, self.r, self.state, data, true)?;
            if left > 0 {
                let text = excess(self.state, left);
                About::Request(self.r).log(Level::Error, &text);
                break;
            }
            if self.r.has_no_body() {
                break;
            }
        }
        self.check_started()?;
        if has_close && self.state.response.total.get() > 0 {
            // close() may take its time, and the client need not wait for that.
            release(result.py(), || self.state.response.end_now(self.r));
        }
        Ok(())
    }

    /// Sends a list or tuple, whose length is known, in one piece.
    fn whole(&self, items: &[Bound<'_, PyAny>]) -> PyResult<()> {
        let blocks: PyResult<Vec<_>> = items.iter().map(block).collect();
        let blocks = blocks?;
        self.check_started()?;
        let response = &self.state.wsgi;
        let total: usize = blocks.iter().map(|data| data.as_bytes().len()).sum();
        self.say_length(total as u64);
        let mut left = 0;
        for data in blocks {
            left += send(self.interpreter, self.r, self.state, data, false)?;
        }
        let text = match response.length.get() {
            Some(_) if left > 0 => excess(self.state, left),
            // httpd corrects it, since the whole body is there.
            Some(length) if response.written.get() < length && !self.r.has_no_body() => format!(
                "the body is shorter than its Content-Length of {length} bytes: it has {}",
                response.written.get()
            ),
            _ => return Ok(()),
        };
        About::Request(self.r).log(Level::Error, &text);
        Ok(())
    }

    /// Sets the Content-Length of a body of `total` bytes, all of which are to be sent, if nobody has.
    fn say_length(&self, total: u64) {
        let response = &self.state.wsgi;
        let has_one = response.length.get().is_some() || response.written.get() > 0;
        if !has_one && total > 0 && !matches!(self.r.status(), 204 | 205 | 304) {
            self.r.set_content_length(total as i64);
            response.length.set(Some(total));
        }
    }

    /// Sends the file of a `wsgi.file_wrapper` without reading it into Python. `false` for anything else.
    fn file(&self, result: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = result.py();
        let parts = self.interpreter.wsgi(py)?;
        if !result.get_type().is(parts.file_wrapper.bind(py)) {
            return Ok(false);
        }
        let found = parts
            .module
            .bind(py)
            .call_method1("regular_file", (result,))?;
        let Some((descriptor, offset, size)): Option<(i32, i64, i64)> = found.extract()? else {
            return Ok(false);
        };
        self.check_started()?;
        let response = &self.state.wsgi;
        let rest = u64::try_from(size - offset).unwrap_or(0);
        self.say_length(rest);
        let written = response.written.get();
        let room = response
            .length
            .get()
            .map_or(rest, |length| length.saturating_sub(written));
        let taken = rest.min(room);
        response.written.set(written + taken);
        if taken > 0 && !self.r.has_no_body() {
            let file = self
                .r
                .open_descriptor(descriptor, b"the file of wsgi.file_wrapper");
            let Ok(file) = file else {
                return Ok(false);
            };
            self.state
                .response
                .put_file(self.r, &file, offset, taken as i64);
        }
        Ok(true)
    }

    fn check_started(&self) -> PyResult<()> {
        match self.state.wsgi.is_started.get() {
            true => Ok(()),
            false => Err(not_started()),
        }
    }
}

/// The items of a list or tuple, exactly of this type: it has no `close()`, and nothing is computed while it is read.
fn items_of<'py>(result: &Bound<'py, PyAny>) -> Option<Vec<Bound<'py, PyAny>>> {
    if let Ok(list) = result.cast_exact::<PyList>() {
        return Some(list.iter().collect());
    }
    let tuple = result.cast_exact::<PyTuple>().ok()?;
    Some(tuple.iter().collect())
}
