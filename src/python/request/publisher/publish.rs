//! The way of a request to its page.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyModule, PyString, PyTuple};

use super::call::call;
use super::function::KnownFunction;
use super::pages::{PublishedPage, Publisher, key};
use super::text::send;
use crate::engine::settings::Settings;
use crate::python::object::arguments::boolean;
use crate::python::object::class;
use crate::python::object::class::{Answer, This};
use crate::python::request::form::has_form;
use crate::python::request::object::{Me, RequestObject};
use crate::python::request::state::RequestState;
use crate::python::text::encode;

/// `publisher.publish(req)`
pub(super) fn publish<'py>(
    publisher: &This<'_, 'py, Publisher>,
    req: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (py, pages) = (publisher.py(), publisher.body());
    let Some(this) = class::this::<RequestObject>(req, publisher.interpreter()) else {
        return Ok(py.None().into_bound(py));
    };
    let r = this.body().lent.get()?;
    if !matches!(r.method(), Some(b"GET" | b"HEAD" | b"POST")) {
        return boolean(py, false);
    }
    let key = key(r);
    let (page, module) = page_and_module(&this, pages, &key)?;
    r.set_filename(Some(&page.path));
    let steps = &pages.steps;
    let (found, is_free) = match free_function(py, pages, &page, &module)? {
        Some(found) => (found, true),
        None => {
            let names = page.names.bind(py);
            (steps.resolve.bind(py).call1((req, &module, names))?, false)
        }
    };
    let known = page.known.as_ref().filter(|known| known.is(&found));
    let called = match known.filter(|_| !has_form(&this)) {
        Some(known) => {
            RequestState::of(r).keeps_blank_fields.set(true);
            call(&this, &found, known)?
        }
        None => None,
    };
    if known.is_none() && !is_free && KnownFunction::can_be(&found) {
        note(pages, &key, &page, &found)?;
    }
    let is_called = called.is_some();
    let value = match called.unwrap_or(found) {
        text if is_called && text.is_exact_instance_of::<PyString>() => text,
        value => steps.publish.bind(py).call1((req, value, is_called))?,
    };
    if !value.is_none() {
        send(&this, &value)?;
    }
    boolean(py, true)
}

/// What a request asks for, and the module of its file in its newest version.
fn page_and_module<'py>(
    this: &Me<'_, 'py>,
    pages: &Publisher,
    key: &[u8],
) -> PyResult<(Arc<PublishedPage>, Bound<'py, PyAny>)> {
    let known = pages.known(key);
    if let Some((page, true)) = &known {
        if let Some(module) = current_module(this, pages, page)? {
            return Ok((page.clone(), module));
        }
    }
    // A file is looked at before it is read: it may be a link now, which Options do not allow.
    let page = find(this, pages, key, known.map(|(page, _)| page))?;
    let module = match current_module(this, pages, &page)? {
        Some(module) => module,
        None => pages
            .steps
            .load
            .bind(this.py())
            .call1((this.object(), &page.file))?,
    };
    Ok((page, module))
}

/// Looks for the file that a request asks for.
fn find(
    this: &Me<'_, '_>,
    pages: &Publisher,
    key: &[u8],
    before: Option<Arc<PublishedPage>>,
) -> PyResult<Arc<PublishedPage>> {
    let found = pages.steps.find.bind(this.py()).call1((this.object(),))?;
    let (file, names, is_link): (Bound<'_, PyString>, Bound<'_, PyTuple>, bool) =
        found.extract()?;
    let path = encode(&file)?;
    let page = match before {
        Some(page) if page.path == path && names.eq(&page.names)? => page,
        _ => Arc::new(PublishedPage {
            path,
            file: file.unbind(),
            names: names.unbind(),
            known: None,
        }),
    };
    // The Options of another request may not allow a symbolic link.
    if !is_link {
        pages.keep(key.to_vec(), &page);
    }
    Ok(page)
}

/// The module of a file, if it is known to be its newest version.
fn current_module<'py>(
    this: &Me<'_, 'py>,
    pages: &Publisher,
    page: &PublishedPage,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = this.py();
    let Some(known) = pages.files.bind(py).get_item(&page.file)? else {
        return Ok(None);
    };
    let known = known.cast_into::<PyTuple>()?;
    let reloads = this.body().lent.get()?.settings::<Settings>().reloads();
    let changes = || this.interpreter().loader.changes.known(py) as i64;
    match !reloads || known.get_borrowed_item(2)?.extract::<i64>()? == changes() {
        true => known.get_item(1).map(Some),
        false => Ok(None),
    }
}

/// The function that the URL names, if there are no rules for it, and if it was published before.
fn free_function<'py>(
    py: Python<'py>,
    pages: &Publisher,
    page: &PublishedPage,
    module: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(known) = &page.known else {
        return Ok(None);
    };
    let names = page.names.bind(py);
    let (Ok(module), 1) = (module.cast_exact::<PyModule>(), names.len()) else {
        return Ok(None);
    };
    let own = module.dict();
    for rule in &pages.rules {
        if own.contains(rule)? {
            return Ok(None);
        }
    }
    let found = own.get_item(names.get_borrowed_item(0)?)?;
    Ok(found.filter(|found| known.is_free(found)))
}

/// Keeps what is known of a function that was published.
fn note(
    pages: &Publisher,
    key: &[u8],
    page: &Arc<PublishedPage>,
    found: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = found.py();
    let facts = pages.steps.facts.bind(py).call1((found,))?;
    if let Some(known) = KnownFunction::new(found, &facts)? {
        let page_now = PublishedPage {
            file: page.file.clone_ref(py),
            path: page.path.clone(),
            names: page.names.clone_ref(py),
            known: Some(known),
        };
        pages.replace(key, page, page_now);
    }
    Ok(())
}
