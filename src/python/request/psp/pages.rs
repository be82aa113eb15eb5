//! `PageServer`: compiled pages by the paths of their files, and the Python code that serves what is not known.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyString};

use super::serve::serve;
use crate::engine::bounded_map::BoundedMap;
use crate::httpd::Request;
use crate::python::object::arguments::none;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Constructed, Slot, constructor_slots};
use crate::python::request::fields::FoundStamp;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;
use crate::python::text::encode;

/// How many pages are kept, as by `mod_python._psp.cache`.
const MOST_KEPT: usize = 512;

/// The names by which the code of a page writes (`mod_python._psp.generator`).
pub(super) const TEXT: &str = "_psp_text";
pub(super) const VALUE: &str = "_psp_value";
const ESCAPED: &str = "_psp_escaped";
const CHECK: &str = "_psp_check";

/// A page that is one file, uses no session and needs no module imported.
pub(super) struct CompiledPage {
    /// What tells this version of the file from others.
    pub stamp: FoundStamp,
    /// The `Page` of `mod_python._psp.page`.
    pub page: Py<PyAny>,
    pub code: Py<PyCode>,
    /// The names in its code.
    pub names: Py<PyAny>,
    /// What `__name__` is in it.
    pub name: Py<PyAny>,
    /// Whether it reads the form of the request.
    pub uses_form: bool,
    /// Whether it writes texts and values, and nothing else.
    pub writes_plainly: bool,
}

/// What pages of `mod_python.psp` are served with.
pub(super) struct PageHooks {
    /// The globals of all pages (dict).
    pub globals: Py<PyDict>,
    /// `interface(req, filename)`, which makes the global `psp`.
    pub interface: Py<PyAny>,
    /// `add_writers(req, globals, names, pieces)`
    pub add_writers: Py<PyAny>,
    /// `fail(req, page, interface, filename, error) -> is_answered`
    pub fail: Py<PyAny>,
    /// `save_session(req)`
    pub save_session: Py<PyAny>,
}

/// The names that are looked for, or set, in each request.
pub(super) struct PageNames {
    pub name: Py<PyString>,
    pub req: Py<PyString>,
    pub psp: Py<PyString>,
    pub form: Py<PyString>,
    pub session: Py<PyString>,
    pub file: Py<PyString>,
    pub text: Py<PyString>,
    pub value: Py<PyString>,
    pub append: Py<PyString>,
    pub write: Py<PyString>,
}

/// The pages of one interpreter. It is used with the GIL held.
pub struct PageServer {
    pub(super) hooks: PageHooks,
    pub(super) names: PageNames,
    pages: BoundedMap<Arc<CompiledPage>>,
}

impl Class for PageServer {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.PageServer";
    const DOC: &'static std::ffi::CStr = c"Pages of psp that are kept.";
    const ID: ClassId = ClassId::PageServer;
    const MADE_BY_USERS: bool = true;
    methods! { PageServer:
        /// Answers the request req with the page of its file. Returns False, and does nothing, for a page that is not kept in
        /// the version that httpd has found, where more must be looked at than that, and for an object that only stands for
        /// a request. Raises what the page raises.
        serve(req) = serve;
        /// Keeps page for serve(), which is made of the file at filename (str) as it was when it had stamp (a tuple).
        keep(filename, stamp, page) = keep;
    }
    attributes! { PageServer: }

    fn slots() -> Vec<Slot> {
        constructor_slots::<Self>().into()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        let PageHooks {
            globals,
            interface,
            add_writers,
            fail,
            save_session,
        } = &self.hooks;
        visit(globals.as_any());
        for part in [interface, add_writers, fail, save_session] {
            visit(part);
        }
    }
}

impl Constructed for PageServer {
    const PARAMETER: &'static str = "hooks";

    fn new(_interpreter: &'static Interpreter, hooks: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let missing = || {
            PyTypeError::new_err("PageServer() takes what pages of mod_python.psp are served with")
        };
        let hooks = hooks.ok_or_else(missing)?;
        let name = |name| PyString::intern(hooks.py(), name).unbind();
        let (globals, interface, add_writers, fail, save_session) = hooks.extract()?;
        Ok(Self {
            hooks: PageHooks {
                globals,
                interface,
                add_writers,
                fail,
                save_session,
            },
            names: PageNames {
                name: name("__name__"),
                req: name("req"),
                psp: name("psp"),
                form: name("form"),
                session: name("session"),
                file: name("__file__"),
                text: name(TEXT),
                value: name(VALUE),
                append: name("append"),
                write: name("write"),
            },
            pages: BoundedMap::new(MOST_KEPT),
        })
    }

    fn fill(_this: &This<'_, '_, Self>, _hooks: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        Ok(())
    }
}

impl PageServer {
    /// The page of a request's file, if it is kept in the version that httpd has found.
    pub(super) fn kept(&self, r: &Request) -> Option<Arc<CompiledPage>> {
        let page = self.pages.get(r.filename()?)?;
        (FoundStamp::of(r)? == page.stamp).then_some(page)
    }
}

/// `pages.keep(filename, stamp, page)`
fn keep<'py>(
    this: &This<'_, 'py, PageServer>,
    filename: &Bound<'py, PyAny>,
    stamp: &Bound<'py, PyAny>,
    page: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let part = |name| page.getattr(name).map(Bound::unbind);
    let names = page.getattr("names")?;
    let kept = Arc::new(CompiledPage {
        writes_plainly: !names.contains(CHECK)? && !names.contains(ESCAPED)?,
        stamp: FoundStamp::from(stamp)?,
        page: page.clone().unbind(),
        code: page.getattr("code")?.cast_into::<PyCode>()?.unbind(),
        names: names.unbind(),
        name: part("name")?,
        uses_form: page.getattr("uses_form")?.is_truthy()?,
    });
    this.body().pages.insert(encode(filename)?, kept);
    none(this)
}
