//! The callable of an application.

use std::sync::Arc;

use pyo3::exceptions::{PyAttributeError, PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::engine::application_target::ApplicationTarget;
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::{Request, Status};
use crate::python::request::state::RequestState;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::traceback::without_our_frames;

/// The option with the application.
const APPLICATION: &str = "mod_python.wsgi.application";

/// The target that the options of a request name.
///
/// # Errors
/// `ValueError` where there is none, or a wrong one.
pub fn target_of_options(r: &Request) -> PyResult<ApplicationTarget> {
    let settings: &Settings = r.settings();
    let Some(text) = settings
        .options
        .get(APPLICATION)
        .filter(|text| !text.is_empty())
    else {
        return Err(PyValueError::new_err(format!(
            "PythonHandler mod_python.wsgi has no application here: write PythonOption {APPLICATION} module::callable"
        )));
    };
    let home = RequestState::of(r).handlers.home();
    let source: Arc<str> = format!("PythonOption {APPLICATION}").into();
    ApplicationTarget::parse(text, &home, &source).map_err(|sentence| {
        PyValueError::new_err(format!("PythonOption {APPLICATION}: {sentence}"))
    })
}

/// The callable that a target names.
///
/// # Errors
/// What importing and a factory raise; `AttributeError` and `TypeError` for what is missing or cannot be called;
/// `SERVER_RETURN` where the import has failed before in the same way, which the log has then.
pub fn application<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
    target: &ApplicationTarget,
) -> PyResult<Bound<'py, PyAny>> {
    let (settings, parts): (&Settings, _) = (r.settings(), interpreter.wsgi(py)?);
    let (handler, dotted) = (&target.handler, target.object());
    let search = SearchPath::of(settings, Some(r));
    let module = interpreter
        .loader
        .module(py, handler, dotted, search)
        .map_err(|error| known(py, interpreter, r, target, error))?;
    let mut object = module.clone();
    for name in dotted.split('.') {
        object = object.getattr(parts.name(py, name)).map_err(|error| {
            if !error.is_instance_of::<PyAttributeError>(py) {
                return error;
            }
            let module = &handler.module;
            let error = format!(
                "module {module} has no '{dotted}': write the name of its application behind the colon, as in \
                 {module}:app"
            );
            known(py, interpreter, r, target, PyAttributeError::new_err(error))
        })?;
    }
    if target.is_factory {
        let arguments = (&module, dotted, &object);
        let made = parts.module.bind(py).call_method1("made_by", arguments);
        object =
            made.map_err(|error| known(py, interpreter, r, target, without_our_frames(py, error)))?;
    }
    match object.is_callable() {
        true => Ok(object),
        false => Err(PyTypeError::new_err(format!(
            "{}:{dotted} is {}, and an application is something that can be called",
            handler.module,
            object.get_type().fully_qualified_name()?
        ))),
    }
}

/// The callable that a target names, if it can be had at once, and is known to be the newest; else `application` has it, or
/// says why not.
///
/// # Errors
/// As `application`.
pub fn at_hand<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
    target: &ApplicationTarget,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (settings, parts): (&Settings, _) = (r.settings(), interpreter.wsgi(py)?);
    let (handler, dotted) = (&target.handler, target.object());
    let search = SearchPath::of(settings, Some(r));
    let Some(module) = interpreter.loader.known(py, handler, search) else {
        return Ok(None);
    };
    let mut object = module.clone();
    for name in dotted.split('.') {
        object = object.getattr(parts.name(py, name))?;
    }
    if target.is_factory {
        let arguments = (&module, dotted);
        object = parts.module.bind(py).call_method1("made", arguments)?;
    }
    Ok(object.is_callable().then_some(object))
}

/// The error of an application that cannot be had; one that the log has already, for the same state of the files, is
/// logged in a line.
fn known(
    py: Python<'_>,
    interpreter: &'static Interpreter,
    r: &Request,
    target: &ApplicationTarget,
    error: PyErr,
) -> PyErr {
    let settings: &Settings = r.settings();
    if settings.debug == Some(true) || !error.is_instance_of::<PyException>(py) {
        return error;
    }
    let changes = match settings.reloads() {
        true => interpreter.loader.changes.known(py),
        false => 0,
    };
    let (name, why) = (target.handler.text(), error.to_string());
    let is_news = interpreter
        .wsgi(py)
        .is_ok_and(|parts| parts.is_news(&name, changes, &why));
    if is_news || error.is_instance(py, interpreter.types.server_return.bind(py)) {
        return error;
    }
    let text = format!("the application {name} still cannot be used: {why}");
    About::Request(r).log(Level::Error, &text);
    let class = interpreter.types.server_return.bind(py).clone();
    PyErr::from_type(class, (Status::INTERNAL_SERVER_ERROR.0,))
}
