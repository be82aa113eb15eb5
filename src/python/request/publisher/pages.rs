//! `Publisher`: the pages that were published before, by what httpd has made of their URLs, and the Python code for all
//! that is not known of a page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::function::KnownFunction;
use super::publish::publish;
use crate::engine::bounded_map::BoundedMap;
use crate::httpd::Request;
use crate::python::object::class::{Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Constructed, Slot, constructor_slots};
use crate::python::request::methods::added_extensions;
use crate::python::request::state::RequestState;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::ClassId;

/// How long it is taken for granted that a file is there: each look at the disk lets go of the GIL.
const FRESH: Duration = Duration::from_millis(200);
/// How many pages are kept.
const MOST_KEPT: usize = 500;
/// Attributes of a module that hold rules, or make attributes.
const OF_MODULES: [&str; 4] = ["__auth__", "__access__", "__auth_realm__", "__getattr__"];

/// What a URL names.
pub(super) struct PublishedPage {
    /// The path of the module's file.
    pub file: Py<PyString>,
    /// The same for httpd.
    pub path: Vec<u8>,
    /// The names of the objects, from the module on.
    pub names: Py<PyTuple>,
    /// The function or method that was found there last, if it takes its arguments by their names.
    pub known: Option<KnownFunction>,
}

/// The functions of `mod_python._publisher`.
pub(super) struct PublisherSteps {
    /// `find(req) -> (file, names, is_link)`
    pub find: Py<PyAny>,
    /// `load(req, file) -> module`
    pub load: Py<PyAny>,
    /// `resolve(req, module, names) -> found`
    pub resolve: Py<PyAny>,
    /// `facts(found) -> (is_free, names, required) | None`
    pub facts: Py<PyAny>,
    /// `publish(req, found, left)`
    pub publish: Py<PyAny>,
}

/// The pages of one interpreter. It is used with the GIL held.
pub struct Publisher {
    /// Modules by the paths of their files: `(name, module, changes)`.
    pub(super) files: Py<PyDict>,
    pub(super) steps: PublisherSteps,
    /// The interned names of `OF_MODULES`.
    pub(super) rules: [Py<PyString>; OF_MODULES.len()],
    /// By what decides them, each with the time until which it is taken for granted.
    pages: BoundedMap<(Instant, Arc<PublishedPage>)>,
}

impl Class for Publisher {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.Publisher";
    const DOC: &'static std::ffi::CStr = c"What is known of published pages.";
    const ID: ClassId = ClassId::Publisher;
    const MADE_BY_USERS: bool = true;
    methods! { Publisher:
        /// Answers the request req with what its URL names. Returns False, and does nothing, for another method than
        /// GET, HEAD and POST, and None for an object that only stands for a request. Raises what the functions raise, and
        /// the published code.
        publish(req) = publish;
    }
    attributes! { Publisher: }

    fn slots() -> Vec<Slot> {
        constructor_slots::<Self>().into()
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        let PublisherSteps {
            find,
            load,
            resolve,
            facts,
            publish,
        } = &self.steps;
        visit(self.files.as_any());
        for step in [find, load, resolve, facts, publish] {
            visit(step);
        }
    }
}

impl Constructed for Publisher {
    const PARAMETER: &'static str = "steps";

    fn new(_interpreter: &'static Interpreter, steps: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let missing =
            || PyTypeError::new_err("Publisher() takes the functions of mod_python._publisher");
        let steps = steps.ok_or_else(missing)?;
        let (files, find, load, resolve, facts, publish) = steps.extract()?;
        Ok(Self {
            files,
            steps: PublisherSteps {
                find,
                load,
                resolve,
                facts,
                publish,
            },
            rules: OF_MODULES.map(|name| PyString::intern(steps.py(), name).unbind()),
            pages: BoundedMap::new(MOST_KEPT),
        })
    }

    fn fill(_this: &This<'_, '_, Self>, _steps: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        Ok(())
    }
}

impl Publisher {
    /// What was found for such a request, and whether that was a moment ago.
    pub(super) fn known(&self, key: &[u8]) -> Option<(Arc<PublishedPage>, bool)> {
        let (until, page) = self.pages.get(key)?;
        Some((page, Instant::now() < until))
    }

    /// Keeps what was found for a request.
    pub(super) fn keep(&self, key: Vec<u8>, page: &Arc<PublishedPage>) {
        self.pages
            .insert(key, (Instant::now() + FRESH, page.clone()));
    }

    /// Replaces what is kept for a request, if `old` still is.
    pub(super) fn replace(&self, key: &[u8], old: &Arc<PublishedPage>, page: PublishedPage) {
        // It is dropped behind the lock, where nothing takes it: what it refers to is Python's.
        let page = Arc::new(page);
        self.pages.update(key, |(until, kept)| {
            Arc::ptr_eq(kept, old).then(|| (*until, page.clone()))
        });
    }
}

/// All of a request that decides what it asks for.
pub(super) fn key(r: &Request) -> Vec<u8> {
    let filename = r.filename().unwrap_or_default();
    let mut key = Vec::with_capacity(filename.len() + 40);
    key.extend(r.file_kind().to_ne_bytes());
    key.extend_from_slice(filename);
    key.push(0);
    key.extend_from_slice(r.path_info().unwrap_or_default());
    key.push(0);
    let last = filename.rsplit(|byte| *byte == b'/').next();
    if last.is_some_and(|last| last.contains(&b'.')) {
        let extension = RequestState::of(r).handlers.extension();
        key.extend_from_slice(extension.unwrap_or_default().as_bytes());
        key.push(0);
        key.extend_from_slice(added_extensions(r).as_bytes());
    }
    key
}
