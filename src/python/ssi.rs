//! `<!--#python ... -->`: runs the Python code of SSI pages (`mod_python/_ssi.py`). mod_include calls it on the
//! request's thread, without the GIL.

use crate::python::runtime::types::ClassId;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::object::arguments::none;
use super::object::class;
use super::object::class::{Answer, Class, This};
use super::object::members::{attributes, methods};
use super::request::state::RequestState;
use super::runtime::context::About;
use super::runtime::forked;
use super::runtime::interpreter::{Interpreter, release};
use super::runtime::lease::{Lease, Lent};
use super::runtime::search_path::SearchPath;
use super::runtime::traceback;
use super::text::decode;
use super::values::buffer;
use super::values::client_gone::write_failed;
use super::values::handler_result::{cut_response, ending};
use crate::engine::handlers::Home;
use crate::engine::settings::Settings;
use crate::httpd::hooks::ssi::{Parameter, Tag, Tags};
use crate::httpd::log::Level;
use crate::httpd::{Error, Request, Status};

/// `filter` in the code of an element.
pub struct ElementObject(Lent<Tag>);

type Me<'a, 'py> = This<'a, 'py, ElementObject>;

impl Class for ElementObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.SSIElement";
    const DOC: &'static std::ffi::CStr =
        c"The output of an SSI element (mod_include), to which its Python code writes. It may be used only \
        while that code runs; at any other time it raises RuntimeError.";
    const ID: ClassId = ClassId::SsiElement;
    methods! { ElementObject:
        /// Writes data (str, encoded as UTF-8, bytes or a buffer) to the page. Raises OSError when the client is gone,
        /// TypeError for data of another type.
        write(data) = write;
        /// Sends the page so far, and what later filters hold back. Raises OSError when the client is gone.
        flush() = flush;
    }
    attributes! { ElementObject:
        /// The Request for the page.
        req = req;
    }
}

fn req<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let r = this.body().0.get()?.request();
    RequestState::of(r).object(this.py(), this.interpreter(), r)
}

fn sent<'py>(this: &Me<'_, 'py>, result: Result<(), Error>) -> Answer<'py> {
    match result {
        Ok(()) => none(this),
        Err(_) => Err(write_failed()),
    }
}

/// The element for a call of its methods.
///
/// # Errors
/// `RuntimeError` while a part of its page is being sent: the calling code is then a filter's behind mod_include.
fn element<'a>(this: &'a Me<'_, '_>) -> PyResult<&'a Tag> {
    let tag = this.body().0.get()?;
    if tag.filter().is_passing() {
        return Err(PyRuntimeError::new_err(
            "an SSI element cannot be written to in a filter that its page passes: write with \
             filter.write() of that filter",
        ));
    }
    Ok(tag)
}

fn write<'py>(this: &Me<'_, 'py>, data: &Bound<'py, PyAny>) -> Answer<'py> {
    let tag = element(this)?;
    let length = buffer::append(&mut tag.written(), data, this.interpreter().deferred_drops)?;
    sent(this, release(this.py(), || tag.wrote(length)))
}

fn flush<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let tag = element(this)?;
    sent(this, release(this.py(), || tag.flush()))
}

/// Runs the elements of pages for mod_include.
pub struct Elements;

impl Tags for Elements {
    fn run(tag: &Tag, parameter: Parameter, code: &[u8]) -> Result<bool, Error> {
        let r = tag.request();
        let settings = r.settings::<Settings>();
        if let Err(reason) = may_run(r) {
            let page = String::from_utf8_lossy(r.filename().unwrap_or_default());
            About::Request(r).log(
                Level::Error,
                &format!("<!--#python --> in {page} may not run: {reason}"),
            );
            return Ok(false);
        }
        let state = RequestState::of(r);
        let interpreter = match state.interpreter(r, settings, &Home::None, true) {
            Ok(interpreter) => interpreter,
            Err(reason) => {
                reason.log(About::Request(r), Level::Error, "this page");
                return Ok(false);
            }
        };
        interpreter.enter(About::Request(r), |py| {
            let lease = Lease::new("SSI element");
            let open = (state.lease.open(), lease.open());
            let run = ElementCall {
                py,
                interpreter,
                settings,
                tag,
            };
            state.note_call();
            let element = || run.run(&lease, parameter, code);
            let result = state.call_handlers(py, interpreter, element);
            let outcome = match result {
                Ok(()) => Ok(true),
                Err(error) => run.failed(&error),
            };
            lease.end();
            drop(open);
            state.forget_unused(py, interpreter);
            tag.failed().map_or(outcome, Err)
        })
    }
}

/// Whether code of the page may run. With `PythonHtaccess Off`, an .htaccess file cannot permit it by `Options
/// Includes`.
///
/// # Errors
/// The reason why it may not run, as a sentence.
fn may_run(r: &Request) -> Result<(), String> {
    let directory = match r.server().settings::<Settings>().htaccess {
        Some(false) => r.htaccess_with_includes(),
        _ => None,
    };
    directory.map_or(Ok(()), |directory| {
        let directory = String::from_utf8_lossy(directory);
        Err(format!(
            "the .htaccess file of {directory} has given it Options Includes, and PythonHtaccess is Off; write that \
             option into the configuration of the server, and none into .htaccess"
        ))
    })
}

struct ElementCall<'a, 'py> {
    py: Python<'py>,
    interpreter: &'static Interpreter,
    settings: &'a Settings,
    tag: &'a Tag,
}

impl ElementCall<'_, '_> {
    fn run(
        &self,
        lease: &std::sync::Arc<Lease>,
        parameter: Parameter,
        code: &[u8],
    ) -> PyResult<()> {
        let search = SearchPath::of(self.settings, Some(self.tag.request()));
        self.interpreter.loader.paths.use_path(self.py, search)?;
        let element = ElementObject(Lent::new(lease, self.tag));
        let element = class::make(self.py, self.interpreter, element)?;
        let name = match parameter {
            Parameter::Eval => "eval",
            Parameter::Exec => "exec",
        };
        let run = self.py.import("mod_python._ssi")?.getattr("run")?;
        let done = run.call1((element, name, decode(self.py, code)?));
        forked::result(self.py, done).map(drop)
    }

    /// Logs an exception of an element. Returns `Ok` if the page goes on, with whether the element counts as run; `Err`
    /// if the response ends. Called with the GIL.
    fn failed(&self, error: &PyErr) -> Result<bool, Error> {
        let (py, r) = (self.py, self.tag.request());
        if let Some(error) = self.tag.failed() {
            // The client is gone, and the exception only follows from that: nothing is logged.
            return Err(error);
        }
        let page = String::from_utf8_lossy(r.filename().unwrap_or_default());
        let who = format!("SSI element of {page}");
        let ending = match ending(py, self.interpreter, error) {
            Ok(ending) => ending,
            Err(wrong) => {
                // `SERVER_RETURN` with a result that means nothing ends the response, too.
                traceback::to_log(py, &format!("{who} failed"), &wrong);
                let status = Status::INTERNAL_SERVER_ERROR;
                return Err(release(py, || self.tag.fail(status)));
            }
        };
        if let Some(ending) = ending {
            if let (Some(status), false) = (ending.status, self.tag.is_out()) {
                r.set_status(status);
            }
            let status = ending.result;
            if !status.is_answer() {
                return Ok(true);
            }
            if self.tag.is_out() {
                let text = format!("{who}: {}", cut_response(status));
                About::Request(r).log(Level::Error, &text);
            }
            return Err(release(py, || self.tag.fail(status)));
        }
        let request = String::from_utf8_lossy(r.the_request().unwrap_or_default());
        traceback::to_log(py, &format!("{who} failed for \"{request}\""), error);
        if self.settings.debug == Some(true) {
            let block = traceback::block(py, &who, error);
            self.tag.written().append_copy(block.as_bytes())?;
        }
        Ok(false)
    }
}
