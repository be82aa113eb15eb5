//! The start of Python in a child, and the making of its interpreters. Nothing here runs in httpd's parent.
#![expect(unsafe_code, reason = "the C API of the start of Python")]

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::OnceLockExt;

use super::context::About;
use super::initialize::initialize;
use super::interpreter::{Interpreter, outside};
use super::loader::Loader;
use super::named;
use super::named::{Named, NoPython};
use super::types::{BuiltinModule, Types};
use super::{attach, gil_turns, package, spare_descriptors, sub_interpreter, traceback};
use crate::engine::handlers::Home;
use crate::engine::interpreter_name::{MAIN, interpreter};
use crate::engine::python_home::{Homes, PythonHome};
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::{Connection, Request, Server, server};
use crate::locks::Lock;
use crate::python::memory;

/// The interpreters of a child.
struct Child {
    named: Named,
    main: &'static Interpreter,
    turns: Once,
    homes: Homes,
    started: Started,
}

/// Who has started Python.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Started {
    /// This module.
    Here,
    /// Another module of this httpd, whose settings hold.
    Elsewhere,
    /// Tests without httpd: there is no interpreter but theirs, whatever the name.
    ByTests,
}

impl Child {
    fn new(main: &'static Interpreter, homes: Homes, started: Started) -> Self {
        Self {
            named: Named::default(),
            main,
            turns: Once::new(),
            homes,
            started,
        }
    }

    fn get(&self, name: &str) -> Option<&'static Interpreter> {
        match name {
            MAIN => Some(self.main),
            _ if self.started == Started::ByTests => Some(self.main),
            _ => self.named.get(name),
        }
    }

    fn get_or_make(
        &self,
        name: &str,
        home: Option<&Arc<PythonHome>>,
    ) -> Result<&'static Interpreter, NoPython> {
        if let Some(found) = self.get(name) {
            return Ok(found);
        }
        let most = named::most(server::main());
        // The thread that makes it may need the GIL.
        outside(|| self.named.get_or_make(name, most, || self.make(name, home)))
    }

    fn make(
        &self,
        name: &str,
        home: Option<&Arc<PythonHome>>,
    ) -> Result<&'static Interpreter, NoPython> {
        if let Some(home) = home.filter(|_| self.started != Started::Here) {
            return Err(NoPython::without_effect(name, home));
        }
        // Started before the second interpreter exists, which needs turns at the GIL while it starts.
        self.turns.call_once(gil_turns::start);
        let _hurry = gil_turns::Hurry::begin();
        let _descriptors =
            spare_descriptors::let_go().map_err(|error| NoPython::not_made(name, error))?;
        let of_main = self.main.module;
        let site = self.homes.has_environment && self.started == Started::Here;
        let make = |_: Python<'_>| sub_interpreter::make(name, home, site, of_main);
        let made = self.main.enter(About::Nothing, make);
        made.map_err(|reason| NoPython::not_made(name, reason))
    }
}

/// Set once per child, after the fork. The parent never fills it.
static CHILD: OnceLock<Result<Child, NoPython>> = OnceLock::new();

/// All interpreters of this child.
static KNOWN: Lock<Vec<&'static Interpreter>> = Lock::short(Vec::new());

/// Starts Python in this child; with `optimize`, as `python -O`, which leaves out `assert`. All interpreters have the
/// switch interval `switch_interval`, and those of `homes` the packages of their `PythonHome`. A failure is logged here, and again for each request. Called in `child_init`, on
/// the child's first and only thread.
pub fn start(
    server: &'static Server,
    optimize: bool,
    switch_interval: Duration,
    homes: Homes,
    module: &'static BuiltinModule,
) {
    memory::keep_freed_pieces();
    let child = CHILD.get_or_init(|| {
        let is_ours = initialize(optimize, &homes).map_err(NoPython::failed)?;
        set_switch_interval(switch_interval)
            .map_err(|error| NoPython::failed(error.to_string()))?;
        let started = match is_ours {
            true => Started::Here,
            false => Started::Elsewhere,
        };
        let home = homes.main.as_ref().filter(|_| is_ours);
        let main = make(MAIN, home, module).map_err(|reason| NoPython::not_made(MAIN, reason))?;
        Ok(Child::new(main, homes, started))
    });
    spare_descriptors::keep();
    if let Err(reason) = child {
        reason.log(About::Server(server), Level::Critical, "this child");
    }
}

/// Sets how long a thread that runs Python code keeps the GIL while others wait for it. Interpreters share it with the
/// GIL.
fn set_switch_interval(interval: Duration) -> PyResult<()> {
    gil_turns::set_interval(interval);
    Python::attach(|py| {
        let sys = py.import("sys")?;
        // CPython cuts what is less than a microsecond off.
        let seconds = (interval.as_micros() as f64 + 0.5) / 1e6;
        sys.call_method1("setswitchinterval", (seconds,))?;
        Ok(())
    })
}

fn child() -> Result<&'static Child, NoPython> {
    match CHILD.get() {
        Some(Ok(child)) => Ok(child),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(NoPython::failed("Python runs only in httpd's children")),
    }
}

/// The main interpreter of this child, if Python has started.
pub(super) fn main() -> Option<&'static Interpreter> {
    let child = CHILD.get()?.as_ref().ok()?;
    Some(child.main)
}

/// Takes the Python that runs already as the main interpreter, which serves all names, and the calling thread's own state for
/// this thread's: for tests of filters without httpd. Called with the GIL, on each thread that tests.
///
/// # Errors
/// Why the interpreter could not be equipped.
pub fn adopt(module: &'static BuiltinModule) -> Result<(), String> {
    let main = Python::attach(|py| {
        // `get_or_init_py_attached` lets go of the GIL while it waits for another thread's start.
        let start = || {
            equip(MAIN, None, false, module)
                .map(|main| Child::new(main, Homes::default(), Started::ByTests))
                .map_err(|reason| NoPython::not_made(MAIN, reason))
        };
        let child = CHILD.get_or_init_py_attached(py, start).as_ref();
        child.map(|child| child.main).map_err(NoPython::to_string)
    })?;
    // SAFETY: the caller has the GIL, so there is a current state.
    let state = unsafe { ffi::PyThreadState_Get() };
    attach::adopt(main, state);
    Ok(())
}

/// All interpreters of this child, in the order in which they were made.
pub(in crate::python) fn known() -> Vec<&'static Interpreter> {
    KNOWN.lock().clone()
}

impl Interpreter {
    /// The interpreter of this name, which is made if it does not exist, with the `PythonHome` that the configuration
    /// has for the name. With or without the GIL, which this lets go of while it waits. No short lock may be held.
    ///
    /// # Errors
    /// Why there is none. The caller logs it (`NoPython::log`).
    pub fn named(name: &str) -> Result<&'static Self, NoPython> {
        let child = child()?;
        child.get_or_make(name, child.homes.of(name))
    }

    /// As [`Interpreter::named`], with the `PythonHome` of a section.
    ///
    /// # Errors
    /// As [`Interpreter::named`]; also that an interpreter of this name has another `PythonHome`.
    pub fn with_home(
        name: &str,
        home: Option<&Arc<PythonHome>>,
    ) -> Result<&'static Self, NoPython> {
        let child = child()?;
        let found = child.get_or_make(name, home)?;
        match (PythonHome::are_same(found.home.as_ref(), home), home) {
            (true, _) => Ok(found),
            (false, Some(home)) if child.started != Started::Here => {
                Err(NoPython::without_effect(name, home))
            }
            (false, home) => Err(NoPython::other_home(
                name,
                found.home.as_deref(),
                home.map(|home| &**home),
            )),
        }
    }

    /// The interpreter for a handler or filter of a request that is configured in the section `home`. `knows_file`: httpd
    /// has looked for the request's file. As [`Interpreter::named`] otherwise.
    ///
    /// # Errors
    /// Why there is none. The caller logs it (`NoPython::log`).
    pub fn for_request(
        settings: &Settings,
        r: &Request,
        home: &Home,
        knows_file: bool,
    ) -> Result<&'static Self, NoPython> {
        // Before, the file may be a path of the URL, as mod_rewrite has it.
        let file = || Some((r.filename().filter(|_| knows_file)?, r.is_directory()));
        // Where httpd has looked for no file, the URL of a client alone makes no directory.
        let is_there = |directory: &str| {
            r.has_file() || Self::is_known(directory) || Path::new(directory).is_dir()
        };
        let server = name_of(r.server());
        let name = interpreter(settings, &server, home, file, is_there);
        Self::with_home(&name, settings.home.as_ref())
    }

    /// The interpreter for an application that `PythonApplication` mounts: `main_interpreter`, unless directives name
    /// another one. As [`Interpreter::for_request`] otherwise.
    ///
    /// # Errors
    /// Why there is none. The caller logs it (`NoPython::log`).
    pub fn for_application(
        settings: &Settings,
        r: &Request,
        home: &Home,
    ) -> Result<&'static Self, NoPython> {
        let is_named = settings.interpreter.is_some()
            || settings.per_directory == Some(true)
            || settings.per_directive == Some(true);
        match is_named {
            true => Self::for_request(settings, r, home, true),
            false => Self::with_home(MAIN, settings.home.as_ref()),
        }
    }

    /// The interpreter for the handler or a filter of a connection. As [`Interpreter::for_request`] otherwise.
    ///
    /// # Errors
    /// Why there is none. The caller logs it (`NoPython::log`).
    pub fn for_connection(
        settings: &Settings,
        c: &Connection,
        home: &Home,
    ) -> Result<&'static Self, NoPython> {
        let server = name_of(c.base_server());
        let name = interpreter(settings, &server, home, || None, |_| false);
        Self::with_home(&name, settings.home.as_ref())
    }

    /// The name of the interpreter of a server, for who has neither a section nor a request.
    pub(super) fn name_for_server<'a>(settings: &'a Settings, server: &'a Server) -> Cow<'a, str> {
        let server = name_of(server);
        let name = interpreter(settings, &server, &Home::None, || None, |_| false);
        Cow::Owned(name.into_owned())
    }

    /// Whether the interpreter of this name exists already.
    pub fn is_known(name: &str) -> bool {
        let child = CHILD.get().and_then(|child| child.as_ref().ok());
        child.is_some_and(|child| child.get(name).is_some())
    }

    /// The interpreter that this thread is in, be it a thread of Python's own.
    ///
    /// # Errors
    /// `RuntimeError` where there is none of ours: in one that other C code made.
    pub fn current(_py: Python<'_>) -> PyResult<&'static Self> {
        // SAFETY: attached, so there is a current state.
        let state = unsafe { ffi::PyInterpreterState_Get() };
        let known = KNOWN.lock();
        let current = known.iter().copied().find(|known| known.state == state);
        current
            .ok_or_else(|| PyRuntimeError::new_err("this interpreter is not one of mod_python's"))
    }
}

/// The name of a server, which its interpreter has, too.
fn name_of(server: &Server) -> Cow<'_, str> {
    String::from_utf8_lossy(server.hostname().unwrap_or_default())
}

/// Makes what we keep of the interpreter that is current now, and lets go of the GIL. The thread
/// state that it was made with stays unused: an interpreter must never be without one, and those of
/// threads end with them.
fn make(
    name: &str,
    home: Option<&Arc<PythonHome>>,
    module: &'static BuiltinModule,
) -> Result<&'static Interpreter, String> {
    let interpreter = equip(name, home, true, module)?;
    // SAFETY: `initialize` left a state of this thread current.
    unsafe { ffi::PyEval_SaveThread() };
    Ok(interpreter)
}

/// Gives the current interpreter our classes and modules; to one that is ours, the error log, too, as
/// `sys.stdout` and `sys.stderr`.
pub(in crate::python) fn equip(
    name: &str,
    home: Option<&Arc<PythonHome>>,
    is_ours: bool,
    module: &'static BuiltinModule,
) -> Result<&'static Interpreter, String> {
    // SAFETY: there is a current state.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    Python::attach(|py| {
        let equipped = Types::make(py, module).and_then(|types| {
            let interpreter: &'static Interpreter = Box::leak(Box::new(Interpreter {
                name: name.to_owned(),
                home: home.cloned(),
                state,
                deferred_drops: Box::leak(Box::default()),
                types,
                module,
                loader: Loader::new(py)?,
                wsgi: OnceLock::new(),
            }));
            gil_turns::add(interpreter).map_err(PyMemoryError::new_err)?;
            KNOWN.lock().push(interpreter);
            (module.install)(py, interpreter)?;
            if is_ours {
                package::start(py)?;
            }
            Ok(interpreter)
        });
        equipped.map_err(|error| {
            let mut known = KNOWN.lock();
            let position = known.iter().position(|known| known.state == state);
            let failed = position.map(|position| known.remove(position));
            drop(known);
            failed.into_iter().for_each(gil_turns::remove);
            traceback::to_server_log(
                py,
                &NoPython::not_made(name, "its start failed").to_string(),
                &error,
            );
            error.to_string()
        })
    })
}
