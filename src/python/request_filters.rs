//! Filters that a request gets at run time.

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::class::{Answer, Arguments};
use super::declared::{direction, registry};
use super::drive;
use super::instance::Instance;
use super::interpreter::Interpreter;
use super::request::Me;
use super::request_fields::none;
use super::state::State;
use super::text::encode;
use crate::engine::filters::{Filter as Declared, Way};
use crate::engine::handlers::{Handler, Home};
use crate::engine::settings::Settings;
use crate::httpd::Request;

/// A filter that a handler has registered for its request.
pub struct Registered {
    way: Way,
    declared: Arc<Declared>,
    function: Option<Py<PyAny>>,
    interpreter: &'static Interpreter,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(function) = self.function.take() {
            let about = super::context::About::Nothing;
            self.interpreter
                .enter(about, |py| drop(function.into_bound(py)));
        }
    }
}

fn text(a: Arguments<'_, '_>, index: usize, what: &str) -> PyResult<String> {
    let value = a[index].filter(|value| !value.is_none());
    let value = value.ok_or_else(|| PyTypeError::new_err(format!("{what} is missing")))?;
    String::from_utf8(encode(&value)?)
        .map_err(|_| PyValueError::new_err(format!("{what} is not UTF-8")))
}

/// `req.register_output_filter(name, handler[, dir])`, and the same for input.
pub(super) fn register<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>, way: Way) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let name = text(a, 0, "the name of the filter")?;
    let given = a[1].filter(|value| !value.is_none());
    let given =
        given.ok_or_else(|| PyTypeError::new_err("the handler of the filter is missing"))?;
    let home = match a[2].filter(|value| !value.is_none()) {
        Some(_) => Home::Directory(text(a, 2, "the directory")?.into()),
        None => Home::None,
    };
    let source: Arc<str> = format!("req.register_{}_filter()", word(way)).into();
    let (handler, function) = if given.is_callable() {
        let named = |attribute| {
            given
                .getattr(attribute)
                .and_then(|name| name.extract::<String>())
        };
        let handler = Handler {
            module: named("__module__").unwrap_or_default(),
            object: named("__qualname__").ok(),
            home,
            source,
        };
        (handler, Some(given.to_owned().unbind()))
    } else {
        let handler = text(a, 1, "the handler of the filter")?;
        let handler = Handler::parse(&handler, &home, &source).map_err(PyValueError::new_err)?;
        (handler, None)
    };
    let mut registered = State::of(r).registered.borrow_mut();
    registered.push(Registered {
        way,
        declared: Arc::new(Declared::new(&name, handler)),
        function,
        interpreter: this.interpreter(),
    });
    none(this)
}

/// `req.add_output_filter(name)`, and the same for input: one that was registered for this request,
/// else one of httpd's.
pub(super) fn add<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>, way: Way) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let name = text(a, 0, "the name of the filter")?;
    let registered = State::of(r).registered.borrow();
    // The last of a name counts; case does, as these never were httpd's.
    let found = registered
        .iter()
        .rev()
        .find(|one| one.way == way && *one.declared.name == *name);
    match found {
        Some(found) => add_registered(this, r, found)?,
        None => add_by_name(r, &name, way)?,
    }
    none(this)
}

fn add_registered(this: &Me<'_, '_>, r: &Request, found: &Registered) -> PyResult<()> {
    let settings = r.settings::<Settings>();
    let declared = found.declared.clone();
    let function = found.function.as_ref().map(|f| f.clone_ref(this.py()));
    let filter = r
        .add_run_time_filter(direction(found.way))
        .ok_or_else(|| PyValueError::new_err("httpd took no further filter"))?;
    let instance = Instance::new(filter, declared, found.way, settings);
    let instance = instance
        .map_err(PyValueError::new_err)?
        .at_run_time(function);
    filter.keep(instance);
    if found.way == Way::In {
        drive::input_starts(filter, &found.declared);
    }
    Ok(())
}

fn add_by_name(r: &Request, name: &str, way: Way) -> PyResult<()> {
    let ours = registry(r.server().configuration()).named(way, name);
    if let Some(ours) = ours.as_ref().filter(|ours| ours.kind.is_connections()) {
        let kind = ours.kind.name();
        let text = format!("filter {name} is of kind={kind}: it cannot be added to a request");
        return Err(PyValueError::new_err(text));
    }
    let Some(filter) = r.add_filter(direction(way), name.as_bytes()) else {
        let text = format!(
            "there is no {} filter '{name}': load the module that has it, or declare it with {}",
            word(way),
            way.directive()
        );
        return Err(PyValueError::new_err(text));
    };
    match (ours, way) {
        (Some(ours), Way::In) => drive::input_starts(filter, &ours),
        (Some(ours), Way::Out) => drive::output_starts(r, &ours),
        (None, _) => {}
    }
    Ok(())
}

fn word(way: Way) -> &'static str {
    match way {
        Way::In => "input",
        Way::Out => "output",
    }
}
