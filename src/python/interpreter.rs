//! Python inside a child: its start, its named interpreters, and the one way in.
//!
//! Interpreters share one GIL and are made when they are first asked for. A thread keeps one thread
//! state for each interpreter it has entered: making one per request costs a hundred times more.
//! Nothing here runs in httpd's parent.
#![expect(unsafe_code, reason = "the C API of interpreters and thread states")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::context::{self, About};
use super::drops::Drops;
use super::loader::Loader;
use super::start;
use super::types::Types;
use super::usher;
use crate::engine::names::MAIN;
use crate::httpd::Server;
use crate::httpd::log::{self, Level, place};

unsafe extern "C" {
    /// From `c-shim/bind_gilstate.c`.
    fn mp_bind_gilstate(state: *mut ffi::PyThreadState);
}

/// One interpreter of this child. Lives as long as the child.
pub struct Interpreter {
    name: String,
    state: *mut ffi::PyInterpreterState,
    /// Objects whose last holder could not take the GIL.
    pub drops: &'static Drops,
    /// Our classes and exceptions, made for this interpreter.
    pub types: Types,
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
    interpreters: Mutex<HashMap<String, &'static Interpreter>>,
    main: &'static Interpreter,
    main_usher: Once,
}

/// The main server of this child's configuration.
static SERVER: OnceLock<&'static Server> = OnceLock::new();

/// Set once per child, after the fork. The parent never fills it.
static CHILD: OnceLock<Result<Child, String>> = OnceLock::new();

/// All interpreters of this child. Nobody waits for anything while holding the lock.
static KNOWN: Mutex<Vec<&'static Interpreter>> = Mutex::new(Vec::new());

thread_local! {
    /// The thread states of this thread, ended with it.
    static STATES: States = const { States(RefCell::new(Vec::new())) };
    /// The interpreter whose GIL this thread holds through `enter`.
    static INSIDE: Cell<Option<&'static Interpreter>> = const { Cell::new(None) };
}

/// Starts Python in this child. Failures are logged now and answered to each request.
/// With `optimize`, it leaves out `assert` (`python -O`).
pub fn start(server: &'static Server, optimize: bool) {
    SERVER.get_or_init(|| server);
    let child = CHILD.get_or_init(|| {
        start::initialize(optimize)?;
        let main = make(MAIN)?;
        let interpreters = Mutex::new(HashMap::from([(MAIN.to_owned(), main)]));
        let main_usher = Once::new();
        Ok(Child {
            interpreters,
            main,
            main_usher,
        })
    });
    if let Err(reason) = child {
        log::server(
            place!(),
            Some(server),
            Level::Critical,
            &format!("no Python here: {reason}"),
        );
    }
}

/// Whether this thread is in the midst of Python's own work.
pub fn is_inside() -> bool {
    INSIDE.get().is_some()
}

/// The main server of this child's configuration.
pub fn main_server() -> Option<&'static Server> {
    SERVER.get().copied()
}

impl Interpreter {
    /// The interpreter of this name, made if need be.
    ///
    /// # Errors
    /// Why there is none; already logged where it happened.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let child = match CHILD.get() {
            Some(Ok(child)) => child,
            Some(Err(reason)) => return Err(reason.clone()),
            None => return Err("Python runs only in httpd's children".into()),
        };
        if name == MAIN {
            return Ok(child.main);
        }
        // Taken before the GIL, and never by a thread that holds the GIL: no dead end.
        let mut all = child
            .interpreters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.get(name) {
            return Ok(found);
        }
        // Before the second one is there, which must get its turns while it starts.
        child.main_usher.call_once(|| usher::attend(child.main));
        let made = child.main.enter(About::Nothing, |_| make_sub(name))?;
        usher::attend(made);
        all.insert(name.to_owned(), made);
        Ok(made)
    }

    /// The interpreter that this thread is in, be it a thread of Python's own.
    ///
    /// # Errors
    /// `RuntimeError` where there is none of ours: in one that other C code made.
    pub fn current(_py: Python<'_>) -> PyResult<&'static Self> {
        // SAFETY: attached, so there is a current state.
        let state = unsafe { ffi::PyInterpreterState_Get() };
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let current = known.iter().copied().find(|known| known.state == state);
        current
            .ok_or_else(|| PyRuntimeError::new_err("this interpreter is not one of mod_python's"))
    }

    /// Its name, as `PythonInterpreter` gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the GIL as a thread of this interpreter, and gives it back.
    pub fn take_turn(&'static self) {
        drop(Held::take(self));
    }

    /// Enters the interpreter for the time of `f`: takes the GIL, and gives it back even if `f`
    /// panics. What `f` prints is logged with what the entry is about.
    pub fn enter<R>(&'static self, about: About<'_>, f: impl FnOnce(Python<'_>) -> R) -> R {
        match INSIDE.get() {
            Some(inside) if std::ptr::eq(inside, self) => Python::attach(f),
            // A cleanup that runs while Python of another interpreter waits on this thread.
            Some(_) => Python::attach(|py| release(py, || self.enter(about, f))),
            None => {
                usher::ring();
                let _about = context::begin(about);
                let _held = Held::take(self);
                Python::attach(|py| {
                    self.drops.empty(py);
                    f(py)
                })
            }
        }
    }
}

/// Lets other threads run Python while `f` waits for something. `f` may enter interpreters.
pub fn release<R>(py: Python<'_>, f: impl FnOnce() -> R) -> R {
    let inside = INSIDE.take();
    // `detach` asks for `Send` to keep Python objects out of `f`; what `f` uses of httpd stays on
    // this thread all the time.
    let f = OnThisThread(f);
    let result = py.detach(|| OnThisThread(f.call()));
    INSIDE.set(inside);
    // SAFETY: this thread is attached again, so there is a current state.
    let state = unsafe { ffi::PyThreadState_Get() };
    // SAFETY: the current state of this thread. `f` may have bound another one.
    unsafe { mp_bind_gilstate(state) };
    if let Some(interpreter) = inside {
        // A long call sends much in between: what was sent is let go as it goes along.
        interpreter.drops.empty(py);
    }
    result.0
}

struct OnThisThread<T>(T);

// SAFETY: `Python::detach` runs its closure on the calling thread.
unsafe impl<T> Send for OnThisThread<T> {}

impl<R, F: FnOnce() -> R> OnThisThread<F> {
    fn call(self) -> R {
        (self.0)()
    }
}

/// The GIL, held through the thread state that this thread keeps for one interpreter.
struct Held;

impl Held {
    fn take(interpreter: &'static Interpreter) -> Self {
        let state = STATES.with(|states| states.of(interpreter));
        // SAFETY: a state that this thread made for this interpreter and that is not current.
        unsafe { ffi::PyEval_RestoreThread(state) };
        // SAFETY: the current state of this thread.
        unsafe { mp_bind_gilstate(state) };
        INSIDE.set(Some(interpreter));
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        INSIDE.set(None);
        // SAFETY: `take` made the state current, and everything since has put it back.
        unsafe { ffi::PyEval_SaveThread() };
    }
}

/// The thread states of one thread, by interpreter.
struct States(RefCell<Vec<(*mut ffi::PyInterpreterState, *mut ffi::PyThreadState)>>);

impl States {
    fn of(&self, interpreter: &Interpreter) -> *mut ffi::PyThreadState {
        let mut states = self.0.borrow_mut();
        if let Some((_, state)) = states.iter().find(|(of, _)| *of == interpreter.state) {
            return *state;
        }
        // SAFETY: the interpreter lives as long as the child; made on the thread that uses it.
        let state = unsafe { ffi::PyThreadState_New(interpreter.state) };
        states.push((interpreter.state, state));
        state
    }
}

impl Drop for States {
    fn drop(&mut self) {
        for (_, state) in self.0.borrow_mut().drain(..) {
            // SAFETY: made for this thread, which ends and uses it no more.
            unsafe { ffi::PyEval_RestoreThread(state) };
            // SAFETY: current since the line above.
            unsafe { ffi::PyThreadState_Clear(state) };
            // SAFETY: as above; gives the GIL back.
            unsafe { ffi::PyThreadState_DeleteCurrent() };
        }
    }
}

/// Makes what we keep of the interpreter that is current now, and lets go of the GIL. The thread
/// state that it was made with stays unused: an interpreter must never be without one, and those of
/// threads end with them.
fn make(name: &str) -> Result<&'static Interpreter, String> {
    let interpreter = equip(name)?;
    // SAFETY: `Py_InitializeFromConfig` left its state current.
    unsafe { ffi::PyEval_SaveThread() };
    Ok(interpreter)
}

/// Makes a sub-interpreter, from inside the main one. As for `make`, its first state stays.
fn make_sub(name: &str) -> Result<&'static Interpreter, String> {
    // SAFETY: called inside `enter`: the main interpreter's state is current.
    let main = unsafe { ffi::PyThreadState_Get() };
    // SAFETY: as above; the new interpreter's state becomes current.
    let state = unsafe { ffi::Py_NewInterpreter() };
    if state.is_null() {
        // SAFETY: gives the GIL back to the state that `enter` knows.
        unsafe { ffi::PyThreadState_Swap(main) };
        return Err(format!("Python could make no interpreter '{name}'"));
    }
    // SAFETY: current since `Py_NewInterpreter`.
    unsafe { mp_bind_gilstate(state) };
    let interpreter = equip(name);
    // SAFETY: both states belong to this thread; the GIL is shared.
    unsafe { ffi::PyThreadState_Swap(main) };
    // SAFETY: current since the line above.
    unsafe { mp_bind_gilstate(main) };
    interpreter
}

/// Gives the current interpreter our classes and modules.
fn equip(name: &str) -> Result<&'static Interpreter, String> {
    // SAFETY: there is a current state.
    let state = unsafe { ffi::PyInterpreterState_Get() };
    Python::attach(|py| {
        let equipped = Types::make(py).and_then(|types| {
            let interpreter: &'static Interpreter = Box::leak(Box::new(Interpreter {
                name: name.to_owned(),
                state,
                drops: Box::leak(Box::default()),
                types,
                loader: Loader::new(py)?,
            }));
            let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            known.push(interpreter);
            drop(known);
            super::module::install(py, interpreter)?;
            Ok(interpreter)
        });
        equipped.map_err(|error| {
            super::report::to_server_log(py, &format!("interpreter {name} did not start"), &error);
            format!("interpreter {name} did not start: {error}")
        })
    })
}
