//! Python inside a child: its start, its named interpreters, and the one way in.
//!
//! Interpreters share one GIL and are made when they are first asked for. A thread keeps one thread
//! state for each interpreter it has entered: making one per request costs a hundred times more.
//! Nothing here runs in httpd's parent.
#![expect(unsafe_code, reason = "the C API of interpreters and thread states")]

use std::ffi::{CStr, CString};
use std::sync::{Once, OnceLock};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::OnceLockExt;

use super::attach;
use super::attach::{Attached, bind};
use super::context;
use super::context::About;
use super::deferred_drops::DeferredDrops;
use super::forked;
use super::loader::Loader;
use super::named;
use super::named::{Named, NoPython};
use super::time_limit;
use super::types::{Module, Types};
use super::{gil_turns, spare_descriptors, sub_interpreter};
use crate::engine::interpreter_name::MAIN;
use crate::httpd::Server;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::httpd::server::fork;
use crate::locks;
use crate::locks::Lock;

/// One interpreter of this child. Lives as long as the child.
pub struct Interpreter {
    name: String,
    state: *mut ffi::PyInterpreterState,
    /// Objects whose last holder could not take the GIL.
    pub deferred_drops: &'static DeferredDrops,
    /// Our classes and exceptions, made for this interpreter.
    pub types: Types,
    /// The built-in module, for further interpreters.
    pub(in crate::python) module: &'static Module,
    /// What was imported for handlers.
    pub loader: Loader,
}

// SAFETY: the state's pointer is only used by threads that make thread states from it, which
// CPython allows on any thread; all else is behind locks.
unsafe impl Sync for Interpreter {}

// SAFETY: as above.
unsafe impl Send for Interpreter {}

/// What a child has of Python.
struct Child {
    named: Named,
    main: &'static Interpreter,
    main_turns: Once,
}

impl Child {
    fn new(main: &'static Interpreter) -> Self {
        Self {
            named: Named::default(),
            main,
            main_turns: Once::new(),
        }
    }

    fn get(&self, name: &str) -> Option<&'static Interpreter> {
        match name {
            MAIN => Some(self.main),
            _ => self.named.get(name),
        }
    }

    fn make(&self, name: &str) -> Result<&'static Interpreter, NoPython> {
        // Before the second one is there, which must get its turns while it starts.
        self.main_turns
            .call_once(|| gil_turns::start_for(self.main));
        let _descriptors = spare_descriptors::let_go().map_err(|error| {
            NoPython::failed(format!("interpreter '{name}' was not made: {error}"))
        })?;
        let make = |_: Python<'_>| sub_interpreter::make(name, self.main.module);
        let made = self.main.enter(About::Nothing, make);
        let made = made.map_err(NoPython::failed)?;
        gil_turns::start_for(made);
        Ok(made)
    }
}

/// Set once per child, after the fork. The parent never fills it.
static CHILD: OnceLock<Result<Child, NoPython>> = OnceLock::new();

/// All interpreters of this child.
static KNOWN: Lock<Vec<&'static Interpreter>> = Lock::short(Vec::new());

/// Starts Python in this child. Failures are logged now and answered to each request.
/// With `optimize`, it leaves out `assert` (`python -O`).
pub fn start(server: &'static Server, optimize: bool, module: &'static Module) {
    let child = CHILD.get_or_init(|| {
        let main = initialize(optimize).and_then(|()| make(MAIN, module));
        main.map(Child::new).map_err(NoPython::failed)
    });
    spare_descriptors::keep();
    if let Err(reason) = child {
        reason.log(About::Server(server), Level::Critical, "this child");
    }
}

/// Takes the Python that runs already as the main interpreter, and the calling thread's own state for
/// this thread's: for tests of filters without httpd. Called with the GIL, on each thread that tests.
///
/// # Errors
/// Why the interpreter could not be equipped.
pub fn adopt(module: &'static Module) -> Result<(), String> {
    let main = Python::attach(|py| {
        // A thread that waits for another one's start lets it have the GIL.
        let start = || {
            equip(MAIN, false, module)
                .map(Child::new)
                .map_err(NoPython::failed)
        };
        let child = CHILD.get_or_init_py_attached(py, start).as_ref();
        child.map(|child| child.main).map_err(NoPython::to_string)
    })?;
    // SAFETY: the caller has the GIL, so there is a current state.
    let state = unsafe { ffi::PyThreadState_Get() };
    attach::adopt(main, state);
    Ok(())
}

impl Interpreter {
    /// The interpreter of this name, made if need be.
    ///
    /// # Errors
    /// Why there is none; already logged where it happened.
    pub fn named(name: &str) -> Result<&'static Self, NoPython> {
        let child = match CHILD.get() {
            Some(Ok(child)) => child,
            Some(Err(reason)) => return Err(reason.clone()),
            None => return Err(NoPython::failed("Python runs only in httpd's children")),
        };
        if let Some(found) = child.get(name) {
            return Ok(found);
        }
        let most = named::most(server::main());
        // Other threads may need Python before this one can go on.
        outside(|| child.named.get_or_make(name, most, || child.make(name)))
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

    /// Its name, as `PythonInterpreter` gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// CPython's pointer to it, for C.
    pub(in crate::python) fn state(&self) -> *mut ffi::PyInterpreterState {
        self.state
    }

    /// Waits for the GIL as a thread of this interpreter, and gives it back.
    pub fn take_turn(&'static self) {
        drop(Attached::take(self));
    }

    /// Enters the interpreter for the time of `f`: takes the GIL, and gives it back even if `f`
    /// panics. What `f` prints is logged with what the entry is about.
    pub fn enter<R>(&'static self, about: About<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
        match attach::inside() {
            // A signal ends the child while C code that Python called has let go of the GIL.
            Some(_) if !attach::is_attached() => attach::anew(|| self.enter(about, f)),
            Some(inside) if std::ptr::eq(inside, self) => Python::attach(|py| run(py, f)),
            // A cleanup that runs while Python of another interpreter waits on this thread.
            Some(_) => Python::attach(|py| release(py, || self.enter(about, f))),
            None => {
                gil_turns::note_entry();
                let _about = context::begin(about);
                let _held = Attached::take(self);
                Python::attach(|py| {
                    self.deferred_drops.empty(py);
                    run(py, f)
                })
            }
        }
    }
}

/// Calls `f`. A process that is forked in it does not come back.
fn run<R>(py: Python<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
    let result = f(py);
    forked::check(py, None);
    result
}

/// Lets other threads run Python while `f` waits for something. `f` may enter interpreters.
pub fn release<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    forked::check(py, None);
    let inside = attach::leave();
    let step = time_limit::pause();
    // `detach` asks for `Send` to keep Python objects out of `f`; what `f` uses of httpd stays on
    // this thread all the time.
    let f = OnThisThread(f);
    let result = py.detach(|| {
        let result = OnThisThread(f.call());
        locks::before_python();
        result
    });
    attach::come_back(inside);
    // SAFETY: this thread is attached again, so there is a current state.
    let state = unsafe { ffi::PyThreadState_Get() };
    // `f` may have bound another one.
    bind(state);
    if let Some(interpreter) = inside {
        // A long call sends much in between: what was sent is let go as it goes along.
        interpreter.deferred_drops.empty(py);
    }
    time_limit::resume(step);
    result.0
}

/// Runs `f` without Python, whether or not this thread is in an interpreter.
fn outside<R>(f: impl FnOnce() -> R) -> R {
    match attach::inside() {
        None => f(),
        Some(_) if attach::is_attached() => Python::attach(|py| release(py, f)),
        // C code that Python called has let go of the GIL.
        Some(_) => attach::anew(f),
    }
}

struct OnThisThread<T>(T);

// SAFETY: `Python::detach` runs its closure on the calling thread.
unsafe impl<T> Send for OnThisThread<T> {}

impl<R, F: FnOnce() -> R> OnThisThread<F> {
    fn call(self) -> R {
        (self.0)()
    }
}

/// What CPython says of a start.
pub(in crate::python) fn check(status: ffi::PyStatus, what: &str) -> Result<(), String> {
    // SAFETY: a pure look at a value.
    if unsafe { ffi::PyStatus_Exception(status) } == 0 {
        return Ok(());
    }
    let reason = match status.err_msg.is_null() {
        true => std::borrow::Cow::default(),
        // SAFETY: static text of CPython.
        false => unsafe { CStr::from_ptr(status.err_msg) }.to_string_lossy(),
    };
    Err(format!("{what} failed: {reason}"))
}

/// Starts the Python that the module was built with.
fn initialize(optimize: bool) -> Result<(), String> {
    let mut pre = std::mem::MaybeUninit::<ffi::PyPreConfig>::uninit();
    // SAFETY: fills the whole struct.
    unsafe { ffi::PyPreConfig_InitPythonConfig(pre.as_mut_ptr()) };
    // SAFETY: filled by the line above.
    let mut pre = unsafe { pre.assume_init() };
    pre.parse_argv = 0;
    // httpd runs under LC_ALL=C as a rule; file names and texts are UTF-8 all the same.
    pre.utf8_mode = 1;
    // SAFETY: before anything else of Python runs.
    let status = unsafe { ffi::Py_PreInitialize(&raw const pre) };
    check(status, "Py_PreInitialize")?;

    let mut config = std::mem::MaybeUninit::<ffi::PyConfig>::uninit();
    // SAFETY: fills the whole struct.
    unsafe { ffi::PyConfig_InitPythonConfig(config.as_mut_ptr()) };
    // SAFETY: filled by the line above.
    let mut config = unsafe { config.assume_init() };
    config.install_signal_handlers = 0;
    config.parse_argv = 0;
    config.optimization_level = optimize.into();
    config.user_site_directory = 0;
    config.pathconfig_warnings = 0;
    // A child may end without a word: nothing stays in buffers.
    config.buffered_stdio = 0;
    config.configure_c_stdio = 0;
    let executable = env!("MOD_PYTHON_EXECUTABLE");
    let executable = CString::new(executable).map_err(|_| "a NUL in the path of Python")?;
    let place = &raw mut config.executable;
    // SAFETY: `place` is a field of `config`; Python copies the text.
    let status =
        unsafe { ffi::PyConfig_SetBytesString(&raw mut config, place, executable.as_ptr()) };
    check(status, "setting the executable")?;
    let mut argv = [c"mod_python".as_ptr()];
    // SAFETY: one valid argument; Python copies it.
    let status = unsafe { ffi::PyConfig_SetBytesArgv(&raw mut config, 1, argv.as_mut_ptr()) };
    check(status, "setting sys.argv")?;

    let interrupts = SigintAction::save();
    // SAFETY: a complete configuration, on the child's first and only thread.
    let status = unsafe { ffi::Py_InitializeFromConfig(&raw const config) };
    // SAFETY: made by `PyConfig_InitPythonConfig`.
    unsafe { ffi::PyConfig_Clear(&raw mut config) };
    check(status, "Py_InitializeFromConfig")?;
    // `import signal` takes SIGINT for Python whatever the configuration says: let it, and take
    // the signal back for httpd. Later imports find the module made.
    Python::attach(|py| py.import("signal").map(drop)).map_err(|error| error.to_string())?;
    interrupts.restore();
    Ok(())
}

/// httpd's own answer to SIGINT.
struct SigintAction(libc::sigaction);

impl SigintAction {
    fn save() -> Self {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: asks only; fills the struct.
        unsafe { libc::sigaction(libc::SIGINT, std::ptr::null(), action.as_mut_ptr()) };
        // SAFETY: zeroes are a valid action, should the call have failed.
        Self(unsafe { action.assume_init() })
    }

    /// Takes the signal back. What Python has set until now is what `signal.signal()` always sets:
    /// processes that Python code forks keep it.
    fn restore(&self) {
        let mut pythons = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: an action that the process had before, and a place for the one of now.
        unsafe { libc::sigaction(libc::SIGINT, &raw const self.0, pythons.as_mut_ptr()) };
        // SAFETY: zeroes are a valid action, should the call have failed.
        fork::keep_handler(unsafe { pythons.assume_init() }.sa_sigaction);
    }
}

/// Makes what we keep of the interpreter that is current now, and lets go of the GIL. The thread
/// state that it was made with stays unused: an interpreter must never be without one, and those of
/// threads end with them.
fn make(name: &str, module: &'static Module) -> Result<&'static Interpreter, String> {
    let interpreter = equip(name, true, module)?;
    // SAFETY: `Py_InitializeFromConfig` left its state current.
    unsafe { ffi::PyEval_SaveThread() };
    Ok(interpreter)
}

/// Gives the current interpreter our classes and modules; to one that is ours, the error log, too, as
/// `sys.stdout` and `sys.stderr`.
pub(in crate::python) fn equip(
    name: &str,
    is_ours: bool,
    module: &'static Module,
) -> Result<&'static Interpreter, String> {
    // SAFETY: there is a current state.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    Python::attach(|py| {
        let equipped = Types::make(py, module).and_then(|types| {
            let interpreter: &'static Interpreter = Box::leak(Box::new(Interpreter {
                name: name.to_owned(),
                state,
                deferred_drops: Box::leak(Box::default()),
                types,
                module,
                loader: Loader::new(py)?,
            }));
            KNOWN.lock().push(interpreter);
            (module.install)(py, interpreter)?;
            if is_ours {
                py.import("mod_python._start")?;
            }
            Ok(interpreter)
        });
        equipped.map_err(|error| {
            KNOWN.lock().retain(|known| known.state != state);
            super::traceback::to_server_log(
                py,
                &format!("interpreter {name} did not start"),
                &error,
            );
            format!("interpreter {name} did not start: {error}")
        })
    })
}
