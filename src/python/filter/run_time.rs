//! `req.register_*_filter()` and `req.add_*_filter()`: filters that Python code adds to a request. Called by Python
//! code on the request's thread, with the GIL.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::admission;
use super::drive::THIS_FILTER;
use super::instance::Instance;
use super::registry::registry;
use crate::engine::filters::DeclaredFilter;
use crate::engine::handlers::Home;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
use crate::httpd::Request;
use crate::python::handlers::chain::Added;
use crate::python::object::arguments::{given, none};
use crate::python::object::class::Answer;
use crate::python::request::add_handler::{added, directory, text};
use crate::python::request::object::Me;
use crate::python::request::registered_filter::Registered;
use crate::python::request::state::RequestState;

/// The most filters that Python code may add to the chains of one request, its subrequests and redirections included.
/// Filters call each other, so each takes a part of the thread's stack; and a filter that adds itself at each call
/// would never end. The same number may be registered for one request, which keeps them until it ends.
const MOST: usize = 100;

/// `req.register_output_filter(name, handler[, dir])`, and the same for input.
pub(in crate::python) fn register<'py>(
    this: &Me<'_, 'py>,
    name: &Bound<'py, PyAny>,
    handler: &Bound<'py, PyAny>,
    dir: Option<&Bound<'py, PyAny>>,
    direction: Direction,
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let name = text(name)?;
    let home = match given(dir) {
        Some(dir) => directory(&text(dir)?)?,
        None => Home::None,
    };
    let source = format!("req.register_{}_filter()", word(direction));
    let registered = &RequestState::of(r).registered;
    let is_same = |one: &Registered| one.direction == direction && *one.declared.name == *name;
    let is_new = !registered.borrow().iter().any(is_same);
    if is_new && registered.borrow().len() >= MOST {
        return Err(PyValueError::new_err(format!(
            "{MOST} filters were registered for this request, which is the most: register one once, \
             and add it by its name"
        )));
    }
    let Added { handler, object } = added(this, handler, home, &source)?;
    let new = Registered {
        direction,
        declared: Arc::new(DeclaredFilter::new(&name, handler)),
        function: object,
    };
    let mut all = registered.borrow_mut();
    // The last registration of a name counts. Dropping the function of the one before may run Python code, which may
    // register filters: so it is dropped last.
    let place = all.iter().position(is_same);
    let replaced = place.map(|place| all.swap_remove(place));
    all.push(new);
    drop(all);
    drop(replaced);
    none(this)
}

/// `req.add_output_filter(name)`, and the same for input: one that was registered for this request,
/// else one of httpd's.
pub(in crate::python) fn add<'py>(
    this: &Me<'_, 'py>,
    name: &Bound<'py, PyAny>,
    direction: Direction,
) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let name = text(name)?;
    let added = &RequestState::of(r.origin()).filters_added;
    if added.get() >= MOST {
        return Err(PyValueError::new_err(format!(
            "{MOST} filters were added to this request, which is the most: '{name}' is not added; a \
             filter must not add itself each time that it is called"
        )));
    }
    // Unlike the names of httpd's own filters, these are case-sensitive.
    let is_meant = |one: &&Registered| one.direction == direction && *one.declared.name == *name;
    let registered = RequestState::of(r).registered.borrow();
    let found = registered.iter().find(is_meant).map(|found| {
        let function = found.function.as_ref();
        let function = function.map(|function| function.object.clone_ref(this.py()));
        (found.declared.clone(), function)
    });
    drop(registered);
    match found {
        Some((declared, function)) => add_registered(r, declared, function, direction)?,
        None => add_by_name(r, &name, direction)?,
    }
    added.set(added.get() + 1);
    none(this)
}

fn add_registered(
    r: &Request,
    declared: Arc<DeclaredFilter>,
    function: Option<Py<PyAny>>,
    direction: Direction,
) -> PyResult<()> {
    let settings = r.settings::<Settings>();
    let filter = r
        .add_run_time_filter(direction)
        .ok_or_else(|| PyValueError::new_err("httpd took no further filter"))?;
    let instance = Instance::new(filter, declared.clone(), direction, settings);
    let instance = instance
        .map_err(|reason| PyRuntimeError::new_err(reason.sentence(THIS_FILTER)))?
        .at_run_time(function);
    filter.keep(instance);
    if direction == Direction::Input {
        admission::input_starts(filter, &declared);
    }
    Ok(())
}

fn add_by_name(r: &Request, name: &str, direction: Direction) -> PyResult<()> {
    if Request::always_has_filter(direction, name.as_bytes()) {
        return Ok(());
    }
    let ours = registry(r.server().configuration()).named(direction, name);
    if let Some(ours) = ours.as_ref().filter(|ours| ours.kind.is_connections()) {
        let kind = ours.kind.name();
        let text = format!("filter {name} is of kind={kind}: it cannot be added to a request");
        return Err(PyValueError::new_err(text));
    }
    if let Some(why) = Request::refuses_filter(direction, name.as_bytes()) {
        let text = format!(
            "{} filter {name} cannot be added to a request: {why}",
            word(direction)
        );
        return Err(PyValueError::new_err(text));
    }
    let Some(filter) = r.add_filter(direction, name.as_bytes()) else {
        let text = format!(
            "there is no {} filter '{name}': load the module that has it, or declare it with {}",
            word(direction),
            direction.directive()
        );
        return Err(PyValueError::new_err(text));
    };
    match (ours, direction) {
        (Some(ours), Direction::Input) => admission::input_starts(filter, &ours),
        (Some(ours), Direction::Output) => admission::output_starts(r, &ours, true),
        (None, _) => {}
    }
    Ok(())
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "input",
        Direction::Output => "output",
    }
}
