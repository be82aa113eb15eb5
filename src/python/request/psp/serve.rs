//! The serving of a page that is known: what `mod_python.psp.handler` does, without its looks at what there seldom is.
#![expect(unsafe_code, reason = "the evaluation of compiled code")]

use pyo3::exceptions::PyException;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyList};

use super::pages::{CompiledPage, PageServer};
use super::pieces::write_first;
use super::writer::value_writer;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::python::object::arguments::boolean;
use crate::python::object::class;
use crate::python::object::class::{Answer, This, own_attributes};
use crate::python::request::object::{Me, RequestObject};
use crate::python::request::state::RequestState;
use crate::python::text::decode_option;

/// Options by which pages are compiled in another way.
const OPTIONS: [&str; 2] = ["mod_python.psp.autoescape", "mod_python.psp.encoding"];

/// `pages.serve(req)`
pub(super) fn serve<'py>(
    server: &This<'_, 'py, PageServer>,
    req: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let py = server.py();
    let Some(this) = class::this::<RequestObject>(req, server.interpreter()) else {
        return boolean(py, false);
    };
    let r = this.body().lent.get()?;
    let page = match is_plain(&this, r) {
        true => server.body().kept(r),
        false => None,
    };
    let Some(page) = page else {
        return boolean(py, false);
    };
    let state = RequestState::of(r);
    if !state.content_type_set.get() {
        r.set_content_type(Some(b"text/html; charset=utf-8"));
        state.content_type_set.set(true);
    }
    let pieces = PyList::empty(py);
    this.body().page.replace(Some(pieces.clone().unbind()));
    let done = run(server.body(), &this, r, &page, &pieces);
    let written = write_first(&this);
    this.body().page.take();
    done.and(written)?;
    boolean(py, true)
}

/// Whether nothing but the file decides what is served: the request leads to no view of the page's code, no attribute of
/// `req` was set, no page runs, and the options are the usual ones.
fn is_plain(this: &Me<'_, '_>, r: &Request) -> bool {
    let options = &r.settings::<Settings>().options;
    let own = own_attributes::<RequestObject>(this.object());
    r.prev().is_none()
        && r.filename().is_some_and(|name| !name.ends_with(b"_"))
        && own.is_none_or(|own| own.is_empty())
        && this.body().page.borrow().is_none()
        && OPTIONS.iter().all(|name| options.get(name).is_none())
}

/// Runs the code of the page, which adds to `pieces`.
fn run<'py>(
    server: &PageServer,
    this: &Me<'_, 'py>,
    r: &Request,
    page: &CompiledPage,
    pieces: &Bound<'py, PyList>,
) -> PyResult<()> {
    let (py, req) = (this.py(), this.object());
    let (hooks, names) = (&server.hooks, &server.names);
    let filename = decode_option(py, r.filename())?;
    let interface = hooks.interface.bind(py).call1((req, &filename))?;
    let globals = hooks.globals.bind(py).copy()?;
    globals.set_item(&names.name, &page.name)?;
    globals.set_item(&names.req, req)?;
    globals.set_item(&names.psp, &interface)?;
    match page.writes_plainly {
        true => {
            let write = req.getattr(&names.write)?;
            globals.set_item(&names.text, pieces.getattr(&names.append)?)?;
            globals.set_item(&names.value, value_writer(pieces, &write)?)?;
        }
        false => {
            let writers = (req, &globals, &page.names, pieces);
            hooks.add_writers.bind(py).call1(writers)?;
        }
    }
    let form = match page.uses_form {
        true => interface.getattr(&names.form)?,
        false => py.None().into_bound(py),
    };
    globals.set_item(&names.form, form)?;
    globals.set_item(&names.session, py.None())?;
    globals.set_item(&names.file, &filename)?;
    let Err(error) = evaluate(page.code.bind(py), &globals) else {
        let own = own_attributes::<RequestObject>(req);
        if own.is_some_and(|own| own.contains(&names.session).unwrap_or(true)) {
            hooks.save_session.bind(py).call1((req,))?;
        }
        return Ok(());
    };
    if !error.is_instance_of::<PyException>(py) {
        return Err(error);
    }
    // With its traceback, which before Python 3.12 is beside the exception.
    let raised = error.clone_ref(py).into_value(py);
    let failed = (req, &page.page, &interface, &filename, raised);
    match hooks.fail.bind(py).call1(failed)?.is_truthy()? {
        true => Ok(()),
        false => Err(error),
    }
}

/// `exec(code, globals)`
fn evaluate(code: &Bound<'_, PyCode>, globals: &Bound<'_, PyDict>) -> PyResult<()> {
    let (code, globals, py) = (code.as_ptr(), globals.as_ptr(), globals.py());
    // SAFETY: code without free names, and a dictionary for its names; both live.
    let result = unsafe { ffi::PyEval_EvalCode(code, globals, globals) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, result) }.map(drop)
}
