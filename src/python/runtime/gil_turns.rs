//! Turns at the GIL: how a thread of this module waits for it, and a thread that looks after all others.
//!
//! A thread that is about to enter Python, or to go on there, waits by [`wait`] (`c-shim/wait_for_gil.c`): it asks
//! whichever thread has the GIL to let go of it, and is the next to have it then.
//!
//! Threads that wait inside of CPython, such as those that had to let go of the GIL in the midst of Python code, ask by
//! themselves; before Python 3.13 only threads of their own interpreter. So there, once a child has a second
//! interpreter, one thread looks now and then whether a thread waits that another one does not let go on, and asks in
//! its place. It never takes the GIL, and sleeps while no thread has it, until one takes it: that may also be a thread of
//! Python's own, or one that comes back from a call that blocks, such as `time.sleep`.
#![expect(unsafe_code, reason = "the GIL of CPython")]

use std::cell::Cell;
use std::ffi::c_int;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::ffi;

use super::context::About;
use super::interpreter::Interpreter;
use crate::httpd::log::Level;
use crate::locks::{Lock, Signal};

unsafe extern "C" {
    // From `c-shim/wait_for_gil.c`.
    fn mp_add_interpreter(interpreter: *mut ffi::PyInterpreterState) -> c_int;
    fn mp_remove_interpreter(interpreter: *mut ffi::PyInterpreterState);
    fn mp_wait_for_gil() -> c_int;
    fn mp_threads_wait() -> c_int;
    fn mp_look_after_turns(always: c_int) -> c_int;
    fn mp_sleep_while_gil_is_free();
}

/// Whether this Python needs the thread at all.
const NEEDED: bool = cfg!(not(Py_3_13));
/// The switch interval where `PythonSwitchInterval` does not say it.
pub const SWITCH_INTERVAL: Duration = Duration::from_millis(1);
/// The longest pause between two looks while one thread keeps the GIL.
const HELD_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause between two looks.
const LONG_PAUSE: Duration = Duration::from_millis(80);
/// After so long with the GIL free at each look, the thread sleeps until the GIL is taken.
const IDLE: Duration = Duration::from_secs(1);
/// The stack of the thread, in bytes: it calls next to nothing.
const STACK: usize = 256 * 1024;

/// The switch interval of this child, in microseconds.
static INTERVAL: AtomicU64 = AtomicU64::new(SWITCH_INTERVAL.as_micros() as u64);
/// The pause between two looks while an interpreter is made.
const SHORT: Duration = Duration::from_micros(100);
/// Whether an interpreter is being made.
static HURRIES: AtomicBool = AtomicBool::new(false);
static PAUSE: Lock<()> = Lock::short(());
static HURRY: Signal = Signal::new();
/// Whether the thread could not be started; the next entry into Python tries again.
static IS_UNSTARTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HAD_TO_ASK: Cell<bool> = const { Cell::new(false) };
}

/// Waits until the GIL is free or is given to this thread, which takes it at once. Called outside of Python, without a
/// short lock.
pub fn wait() {
    if NEEDED && IS_UNSTARTED.load(Ordering::Relaxed) {
        start_again();
    }
    // SAFETY: Python has started, and this thread is outside of it.
    HAD_TO_ASK.set(unsafe { mp_wait_for_gil() } != 0);
}

/// Whether this thread had to ask for the GIL when it took it last: another thread computes for long.
pub fn had_to_ask() -> bool {
    HAD_TO_ASK.get()
}

/// Whether other threads of this module wait for the GIL, as far as is known at this moment.
pub fn threads_wait() -> bool {
    // SAFETY: reads a number.
    unsafe { mp_threads_wait() != 0 }
}

/// The switch interval of this child.
pub fn interval() -> Duration {
    Duration::from_micros(INTERVAL.load(Ordering::Relaxed))
}

/// The making of an interpreter, which lets go of the GIL some hundred times: meanwhile a thread that keeps the GIL for
/// longer than [`SHORT`] is asked to let go of it.
pub struct Hurry;

impl Hurry {
    /// Begins with this call and ends when it is dropped; there is one at a time.
    pub fn begin() -> Self {
        HURRIES.store(true, Ordering::SeqCst);
        drop(PAUSE.lock());
        HURRY.give_all();
        Self
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        HURRIES.store(false, Ordering::SeqCst);
    }
}

/// Threads of this interpreter are asked to let go of the GIL from now on. Called with the GIL.
///
/// # Errors
/// There is no memory for it.
pub fn add(interpreter: &Interpreter) -> Result<(), String> {
    // SAFETY: a live interpreter; `remove` is called before it ends.
    match unsafe { mp_add_interpreter(interpreter.state) } {
        0 => Ok(()),
        _ => Err("there is no memory".into()),
    }
}

/// The interpreter is about to end. Called with the GIL.
pub fn remove(interpreter: &Interpreter) {
    // SAFETY: takes it off a list.
    unsafe { mp_remove_interpreter(interpreter.state) };
}

/// Notes the switch interval, which the caller has set in CPython.
pub fn set_interval(interval: Duration) {
    INTERVAL.store(interval.as_micros() as u64, Ordering::Relaxed);
}

/// Starts the thread. If it cannot be started, a warning says so, and a later entry tries again.
pub fn start() {
    if !NEEDED {
        return;
    }
    if let Err(error) = spawn() {
        let text = format!(
            "no thread for turns between interpreters: {error}; the next call of Python code tries again"
        );
        About::Nothing.log(Level::Warning, &text);
        IS_UNSTARTED.store(true, Ordering::Release);
    }
}

fn spawn() -> io::Result<()> {
    let thread = thread::Builder::new()
        .name("gil turns".into())
        .stack_size(STACK);
    thread.spawn(take_turns).map(drop)
}

/// Tries to start the thread that could not be started. Any thread, without the GIL.
#[cold]
fn start_again() {
    if IS_UNSTARTED.swap(false, Ordering::Acquire) && spawn().is_err() {
        IS_UNSTARTED.store(true, Ordering::Release);
    }
}

/// The main function of the thread.
fn take_turns() {
    let mut pause = Duration::ZERO;
    let mut last_activity = Instant::now();
    loop {
        let hurries = HURRIES.load(Ordering::SeqCst);
        let shortest = if hurries { SHORT } else { interval() };
        rest(pause.max(shortest));
        // SAFETY: Python has started; called by this thread only.
        let found = unsafe { mp_look_after_turns(hurries.into()) };
        pause = match found {
            _ if hurries => SHORT,
            0 => LONG_PAUSE.min(pause.max(shortest) * 2),
            1 => HELD_PAUSE.min(pause.max(shortest) * 2),
            _ => Duration::ZERO,
        };
        if found == 0 && last_activity.elapsed() > IDLE {
            // SAFETY: Python has started, and its end is not waited for: the child ends without it.
            unsafe { mp_sleep_while_gil_is_free() };
            pause = Duration::ZERO;
            last_activity = Instant::now();
        } else if found != 0 {
            last_activity = Instant::now();
        }
    }
}

/// Waits for so long, or until an interpreter is to be made.
fn rest(time: Duration) {
    let guard = PAUSE.lock();
    if !HURRIES.load(Ordering::SeqCst) || time <= SHORT {
        drop(HURRY.wait_for(guard, time));
    }
}
