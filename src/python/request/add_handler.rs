//! Which phase of a request runs, and the handlers that Python code has added to it and to later phases. It is used on
//! the thread that httpd handles the request on.

use std::cell::{Cell, RefCell};
use std::path::{Component, PathBuf};
use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::object::Me;
use super::state::RequestState;
use crate::engine::handler_lists::List;
use crate::engine::handlers::{Handler, Home};
use crate::engine::loop_mark::LoopMark;
use crate::engine::phases::{Phase, PhaseHook};
use crate::python::handlers::chain::{Added, Chain, Foreign};
use crate::python::handlers::hlist::{HandlerListObject, Serves};
use crate::python::object::arguments::{given, none};
use crate::python::object::class;
use crate::python::object::class::Answer;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::Lent;
use crate::python::text::encode;

/// The number of handlers that Python code may add to one request. Without it, a handler that adds itself at each call
/// would run for ever.
const MOST: usize = 100;

/// The handlers of a request: those that run, and those that Python code has added.
#[derive(Default)]
pub struct Handlers {
    /// The running phase and its handlers.
    running: RefCell<Option<(Phase, Arc<Chain>)>>,
    /// The number of the last phase that has begun. No handlers can be added to earlier ones.
    reached: Cell<usize>,
    added: RefCell<Vec<(Phase, Arc<Added>)>>,
    /// The number of handlers that were added to the request.
    count: Cell<usize>,
    /// The `PythonInitHandler` list of the server, once it has run.
    initial: RefCell<Option<List>>,
    /// The file extension for which the running list, or the last one, was configured.
    extension: RefCell<Option<String>>,
}

impl Handlers {
    /// Whether handlers were added for a phase.
    pub fn has(&self, phase: Phase) -> bool {
        self.added.borrow().iter().any(|(of, _)| *of == phase)
    }

    /// Takes the handlers that were added for a phase.
    pub fn take(&self, phase: Phase) -> Vec<Arc<Added>> {
        let mut all = self.added.borrow_mut();
        let (taken, left) = all.drain(..).partition(|(of, _)| *of == phase);
        *all = left;
        let taken: Vec<(Phase, _)> = taken;
        taken.into_iter().map(|(_, added)| added).collect()
    }

    /// Notes that a phase begins.
    pub fn begin(
        &self,
        hook: PhaseHook,
        phase: Phase,
        chain: &Arc<Chain>,
        extension: Option<&str>,
    ) {
        // The `PythonInitHandler` of a server runs before all other phases.
        let number = match hook {
            PhaseHook::PostReadRequest if phase == Phase::Init => 0,
            _ => phase as usize,
        };
        self.reached.set(number);
        self.extension.replace(extension.map(str::to_owned));
        self.running.replace(Some((phase, chain.clone())));
    }

    /// Notes that a phase begins that has no handlers but these.
    pub fn begin_configured(&self, hook: PhaseHook, phase: Phase, list: &List) {
        let chain = Arc::new(Chain::new(Some(list.clone()), Vec::new()));
        self.begin(hook, phase, &chain, None);
    }

    /// Notes that the running phase is over. Without the GIL, which it takes if there are Python objects to drop.
    pub fn end(&self, interpreter: &'static Interpreter) {
        let ended = self.running.take();
        let has_objects = ended.as_ref().is_some_and(|(_, chain)| chain.has_added());
        if has_objects {
            interpreter.enter(About::Nothing, |_| drop(ended));
        }
    }

    /// Notes that no phase is to come: no handler can be added any more.
    pub fn close(&self) {
        self.reached.set(usize::MAX);
    }

    /// The running phase; `None` between phases.
    pub fn phase(&self) -> Option<Phase> {
        self.running.borrow().as_ref().map(|(phase, _)| *phase)
    }

    /// Whether the running phase comes after the response: log and cleanup.
    pub fn is_after_response(&self) -> bool {
        self.phase().is_some_and(|phase| phase >= Phase::Log)
    }

    /// The extension that chose the list of the running phase, or of the last one.
    pub fn extension(&self) -> Option<String> {
        self.extension.borrow().clone()
    }

    /// Remembers the `PythonInitHandler` list of the server, which runs now.
    pub fn set_initial(&self, list: &List) {
        self.initial.replace(Some(list.clone()));
    }

    /// Whether this list has run as the server's `PythonInitHandler`.
    pub fn is_initial(&self, list: &List) -> bool {
        let initial = self.initial.borrow();
        initial.as_ref().is_some_and(|ran| Arc::ptr_eq(ran, list))
    }

    /// The handlers of the running phase; `None` between phases.
    pub fn chain(&self) -> Option<Arc<Chain>> {
        self.running
            .borrow()
            .as_ref()
            .map(|(_, chain)| chain.clone())
    }

    /// The section of the handler that runs.
    pub fn home(&self) -> Home {
        let current = self.chain().and_then(|chain| chain.current());
        current.map_or(Home::None, |current| current.handler().home.clone())
    }

    /// Takes all handlers that are kept; they hold Python objects.
    pub fn take_all(&self) -> Vec<Arc<Added>> {
        let all = self.added.take();
        all.into_iter().map(|(_, added)| added).collect()
    }
}

/// `req.phase`
pub(in crate::python) fn phase<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    match RequestState::of(this.body().lent.get()?).handlers.phase() {
        Some(phase) => Ok(PyString::new(this.py(), phase.directive()).into_any()),
        None => none(this),
    }
}

/// `req.hlist`
pub(in crate::python) fn hlist<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let lent = &this.body().lent;
    let r = lent.get()?;
    match RequestState::of(r).handlers.chain() {
        Some(chain) => {
            let serves = Serves::Request(Lent::new(lent.lease(), r));
            let list = HandlerListObject { chain, serves };
            class::make(this.py(), this.interpreter(), list)
        }
        None => none(this),
    }
}

/// `req.extension`
pub(in crate::python) fn extension<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    match RequestState::of(this.body().lent.get()?)
        .handlers
        .extension()
    {
        Some(extension) => Ok(PyString::new(this.py(), &extension).into_any()),
        None => none(this),
    }
}

/// `req.add_handler(htype, handler, dir)`
pub(in crate::python) fn add_handler<'py>(
    this: &Me<'_, 'py>,
    phase_name: &Bound<'py, PyAny>,
    handler: &Bound<'py, PyAny>,
    dir: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let handlers = &RequestState::of(this.body().lent.get()?).handlers;
    let name = text(phase_name)?;
    let phase = Phase::of_directive(&name)
        .filter(|phase| !matches!(phase, Phase::Connection | Phase::Cleanup))
        .ok_or_else(|| {
            PyIndexError::new_err(format!(
                "'{name}' is no phase that takes handlers from here: write the name of a \
                 directive, as in 'PythonLogHandler'"
            ))
        })?;
    let running = handlers.phase();
    if running != Some(phase) && phase as usize <= handlers.reached.get() {
        return Err(PyValueError::new_err(format!(
            "{name} is over for this request: a handler can be added for the running phase and \
             those to come"
        )));
    }
    if handlers.count.get() >= MOST {
        return Err(PyValueError::new_err(format!(
            "{MOST} handlers were added to this request, which is the most: a handler must not add \
             itself each time that it is called"
        )));
    }
    let home = match given(dir) {
        Some(dir) => directory(&text(dir)?)?,
        // Beside the handler that runs.
        None => handlers
            .chain()
            .and_then(|chain| chain.current())
            .map_or(Home::None, |step| step.handler().home.clone()),
    };
    let source = "req.add_handler()";
    let added = Arc::new(match is_empty_text(handler) {
        // mod_python 3 takes it, and fails when it is to be called.
        true => Added {
            handler: Handler::nameless(source),
            object: None,
        },
        false => added(this, handler, home, source)?,
    });
    handlers.count.set(handlers.count.get() + 1);
    match handlers.chain().filter(|_| running == Some(phase)) {
        Some(chain) => chain.push(added),
        None => handlers.added.borrow_mut().push((phase, added)),
    }
    none(this)
}

fn is_empty_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>() && value.len().is_ok_and(|length| length == 0)
}

/// A handler as Python code gives it: a function, or its name. `source` is named in its tracebacks.
///
/// # Errors
/// `TypeError` when it is neither str nor callable, `ValueError` for a name that cannot be a handler's.
pub(in crate::python) fn added(
    this: &Me<'_, '_>,
    given: &Bound<'_, PyAny>,
    home: Home,
    source: &str,
) -> PyResult<Added> {
    let source = source.into();
    if given.is_instance_of::<PyString>() {
        let handler = Handler::parse(&text(given)?, &home, &source);
        return Ok(Added {
            handler: handler.map_err(PyValueError::new_err)?,
            object: None,
        });
    }
    if !given.is_callable() {
        let kind = given.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a handler is a function or its name, as in 'module::function', not {kind}"
        )));
    }
    let name = |attribute| {
        let name = given
            .getattr(attribute)
            .ok()
            .and_then(|name| name.extract().ok());
        name.unwrap_or_else(|| given.get_type().to_string())
    };
    Ok(Added {
        handler: Handler {
            module: name("__module__"),
            object: Some(name("__qualname__")),
            home,
            source,
            is_silent: false,
            shown: None,
            loop_mark: LoopMark::default(),
        },
        object: Some(Foreign {
            interpreter: this.interpreter(),
            object: given.clone().unbind(),
        }),
    })
}

/// A name as Python code gives it, as UTF-8.
///
/// # Errors
/// `TypeError` unless it is str or bytes, `ValueError` when it is not UTF-8.
pub(in crate::python) fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    String::from_utf8(encode(value)?)
        .map_err(|_| PyValueError::new_err("the name of a handler, filter or folder must be UTF-8"))
}

/// A directory as Python code gives it, made absolute and without `..`.
///
/// # Errors
/// `OSError` when the current directory is needed and cannot be found.
pub(in crate::python) fn directory(path: &str) -> PyResult<Home> {
    let mut normal = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    let path = normal.to_string_lossy();
    Ok(Home::Directory(path.trim_end_matches('/').into()))
}
