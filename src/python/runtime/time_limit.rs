//! `time=`: interrupts a step of a filter that runs Python code for too long.
//!
//! One thread of each child watches the steps that have a limit, and raises `FilterTimeout` in a step that passes its
//! limit. Only the time of Python code counts: while a step's thread waits for httpd (`release`), its clock stands
//! still, since other filters may run on that thread, in which the exception must not be raised. Code in C is
//! interrupted only when it returns to Python.
//!
//! Order of locks: the GIL first, then the list of steps, for steps and for the watching thread alike.
#![expect(unsafe_code, reason = "the C API of asynchronous exceptions")]

use std::cell::Cell;
use std::ffi::c_long;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;

use super::context::About;
use super::interpreter::Interpreter;
use crate::locks::{Guard, Lock, Signal};

/// The steps of this child that have a limit, and the signal that the list has changed.
struct Clock {
    steps: Lock<Vec<Watched>>,
    changed: Signal,
}

/// A step that is watched.
#[derive(Clone, Copy)]
struct Watched {
    id: u64,
    due: Instant,
    limit: Duration,
    thread: c_long,
    interpreter: &'static Interpreter,
    /// Whether the exception was raised. It arrives when the step's thread next runs Python code.
    fired: bool,
}

static CLOCK: Clock = Clock {
    steps: Lock::short(Vec::new()),
    changed: Signal::new(),
};

/// Whether the watching thread of this child was started.
static ATTENDED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The step that runs on this thread; 0 for none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// A step with a limit. It ends when this is dropped, with the GIL.
pub struct TimedStep {
    id: u64,
    outer: u64,
}

/// A step whose clock stands still.
pub struct Paused {
    step: Watched,
    left: Duration,
}

/// Begins a step on this thread, which is inside the interpreter.
pub fn begin(interpreter: &'static Interpreter, limit: Duration) -> TimedStep {
    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }
    // SAFETY: always works.
    let thread = unsafe { libc::pthread_self() };
    STEPS.set(STEPS.get() + 1);
    // The thread's address and its count of steps make a number that no other step of this child has.
    let id = (thread as u64).rotate_left(32) ^ STEPS.get();
    watch(Watched {
        id,
        due: Instant::now() + limit,
        limit,
        thread: thread as c_long,
        interpreter,
        fired: false,
    });
    TimedStep {
        id,
        outer: CURRENT.replace(id),
    }
}

/// Ends the step that runs on this thread, and begins the next one with the same limit.
pub fn begin_next() {
    let id = CURRENT.get();
    if id == 0 {
        return;
    }
    if let Some(step) = take(id) {
        withdraw(&step);
        watch(Watched {
            due: Instant::now() + step.limit,
            fired: false,
            ..step
        });
    }
}

/// Stops the clock of the step that runs on this thread, which is about to let go of the GIL. `None` if no step runs.
pub fn pause() -> Option<Paused> {
    let id = CURRENT.replace(0);
    if id == 0 {
        return None;
    }
    let step = take(id)?;
    withdraw(&step);
    let left = step.due.saturating_duration_since(Instant::now());
    Some(Paused { step, left })
}

/// Lets the clock of a step go on, on the same thread, which has the GIL again.
pub fn resume(paused: Option<Paused>) {
    if let Some(Paused { step, left }) = paused {
        CURRENT.set(step.id);
        // An exception that was raised and has not arrived is raised again at once.
        let left = if step.fired { Duration::ZERO } else { left };
        watch(Watched {
            due: Instant::now() + left,
            fired: false,
            ..step
        });
    }
}

impl Drop for TimedStep {
    fn drop(&mut self) {
        if let Some(step) = take(self.id) {
            withdraw(&step);
        }
        CURRENT.set(self.outer);
    }
}

fn steps() -> Guard<'static, Vec<Watched>> {
    CLOCK.steps.lock()
}

fn watch(step: Watched) {
    if !ATTENDED.swap(true, Ordering::AcqRel) {
        let name = "python-time".to_owned();
        if let Err(error) = std::thread::Builder::new().name(name).spawn(attend) {
            // The next step tries again.
            ATTENDED.store(false, Ordering::Release);
            let text = format!("no thread for time=: {error}");
            super::context::log_line(crate::httpd::log::Level::Error, &text);
        }
    }
    steps().push(step);
    CLOCK.changed.give_one();
}

fn take(id: u64) -> Option<Watched> {
    let mut steps = steps();
    let position = steps.iter().position(|step| step.id == id)?;
    Some(steps.swap_remove(position))
}

/// Takes back an exception that was raised for this step and has not arrived: it would arrive in other code.
fn withdraw(step: &Watched) {
    if step.fired {
        // SAFETY: called with the GIL of the step's interpreter; null takes back what is pending.
        unsafe { ffi::PyThreadState_SetAsyncExc(step.thread, std::ptr::null_mut()) };
    }
}

/// The main function of the watching thread.
fn attend() {
    let mut running = steps();
    loop {
        let Some(first) = running.iter().min_by_key(|step| step.due).copied() else {
            running = CLOCK.changed.wait(running);
            continue;
        };
        let left = first.due.saturating_duration_since(Instant::now());
        if left > Duration::ZERO {
            running = CLOCK.changed.wait_for(running, left);
            continue;
        }
        // The GIL comes before the list in the order of locks.
        drop(running);
        first
            .interpreter
            .enter(About::Nothing, |py| raise(py, &first));
        running = steps();
    }
}

/// Raises the exception in a step that is still under way. Called by the watching thread, with the GIL.
fn raise(py: Python<'_>, late: &Watched) {
    let mut steps = steps();
    let same = |step: &&mut Watched| step.id == late.id && step.due == late.due;
    if let Some(step) = steps.iter_mut().find(same) {
        let class = step.interpreter.types.filter_timeout.bind(py);
        // SAFETY: with the GIL of the step's interpreter, which its thread is in; the step is not
        // over, as that takes the list's lock.
        unsafe { ffi::PyThreadState_SetAsyncExc(step.thread, class.as_ptr()) };
        step.fired = true;
        // Code that catches it and goes on is interrupted again.
        step.due = Instant::now() + step.limit;
    }
}
