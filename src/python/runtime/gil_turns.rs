//! Turns at the GIL: how a thread of this module waits for it, and a thread that looks after all others.
//!
//! A thread that is about to enter Python, or to go on there, waits by [`wait`] (`c-shim/wait_for_gil.c`): it asks
//! whichever thread has the GIL to let go of it, and is the next to have it then.
//!
//! Threads that wait inside of CPython, such as those that had to let go of the GIL in the midst of Python code, ask by
//! themselves; before Python 3.13 only threads of their own interpreter. So there, once a child has a second
//! interpreter, one thread looks now and then whether a thread of one interpreter waits for one of another. If so, it
//! takes the GIL and lets go of it at once: CPython gives it to the thread that has waited longest. It sleeps while no
//! Python runs in the child.
//!
//! That thread holds no lock while it waits for the GIL, and runs no Python code.
#![expect(unsafe_code, reason = "the GIL of CPython")]

use std::cell::Cell;
use std::ffi::{c_int, c_ulong};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::ffi;

use super::attach::Attached;
use super::context::About;
use super::interpreter::Interpreter;
use super::start::known;
use crate::httpd::log::Level;
use crate::locks::{Lock, Signal};

unsafe extern "C" {
    // From `c-shim/wait_for_gil.c`.
    fn mp_add_interpreter(interpreter: *mut ffi::PyInterpreterState) -> c_int;
    fn mp_remove_interpreter(interpreter: *mut ffi::PyInterpreterState);
    fn mp_wait_for_gil(at_once: c_int) -> c_int;
    fn mp_change_interval(from: c_ulong, to: c_ulong) -> c_int;
    fn mp_note_taking();
    fn mp_waiting_interpreter(held: *mut c_ulong) -> *mut ffi::PyInterpreterState;
}

/// Whether this Python needs the thread at all.
const NEEDED: bool = cfg!(not(Py_3_13));
/// The switch interval where `PythonSwitchInterval` does not say it.
pub const SWITCH_INTERVAL: Duration = Duration::from_millis(1);
/// The longest pause between two looks while one thread keeps the GIL.
const HELD_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause between two looks.
const LONG_PAUSE: Duration = Duration::from_millis(80);
/// After so long without an entry, and with the GIL free at each look, the thread sleeps until Python is entered.
const IDLE: Duration = Duration::from_secs(1);
/// The stack of the thread, in bytes: it calls next to nothing.
const STACK: usize = 256 * 1024;

/// The switch interval of this child, in microseconds.
static INTERVAL: AtomicU64 = AtomicU64::new(SWITCH_INTERVAL.as_micros() as u64);
/// The switch interval while an interpreter is made, in microseconds.
const SHORT: u64 = 100;
/// Whether an interpreter is being made.
static HURRIES: AtomicBool = AtomicBool::new(false);
/// How often Python was entered in this child.
static ENTRIES: AtomicUsize = AtomicUsize::new(0);
/// Whether the thread sleeps.
static SLEEPS: AtomicBool = AtomicBool::new(false);
static SLEEP: Lock<()> = Lock::short(());
static ENTERED: Signal = Signal::new();
/// Whether the thread could not be started; the next entry into Python tries again.
static IS_UNSTARTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HAD_TO_ASK: Cell<bool> = const { Cell::new(false) };
}

/// Waits until the GIL is free or is given to this thread, which takes it at once. Called outside of Python, without a
/// short lock.
pub fn wait() {
    if NEEDED {
        if IS_UNSTARTED.swap(false, Ordering::Acquire) {
            start_again();
        }
        // Counted before the look at the sleeper; `sleep_until_entry` does it the other way round.
        ENTRIES.fetch_add(1, Ordering::SeqCst);
        if SLEEPS.load(Ordering::SeqCst) {
            drop(SLEEP.lock());
            ENTERED.give_all();
        }
    }
    // SAFETY: Python has started, and this thread is outside of it.
    let has_asked = unsafe { mp_wait_for_gil(0) } != 0;
    HAD_TO_ASK.set(has_asked);
    // SAFETY: notes the time.
    unsafe { mp_note_taking() };
}

/// Whether this thread had to ask for the GIL when it took it last: another thread computes for long.
pub fn had_to_ask() -> bool {
    HAD_TO_ASK.get()
}

/// The switch interval of this child.
pub fn interval() -> Duration {
    Duration::from_micros(INTERVAL.load(Ordering::Relaxed))
}

/// While an interpreter is made, which lets go of the GIL some hundred times, the switch interval is shorter.
pub struct Hurry(Option<u64>);

impl Hurry {
    /// Begins with this call and ends when it is dropped; there is one at a time. Python code that has set another
    /// interval than this module has its way.
    pub fn begin() -> Self {
        let long = INTERVAL.load(Ordering::Relaxed);
        // SAFETY: Python has started.
        if long <= SHORT || unsafe { mp_change_interval(long as c_ulong, SHORT as c_ulong) } == 0 {
            return Self(None);
        }
        HURRIES.store(true, Ordering::SeqCst);
        drop(SLEEP.lock());
        ENTERED.give_all();
        Self(Some(long))
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        if let Some(long) = self.0 {
            HURRIES.store(false, Ordering::SeqCst);
            // SAFETY: Python has started.
            unsafe { mp_change_interval(SHORT as c_ulong, long as c_ulong) };
        }
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
    if spawn().is_err() {
        IS_UNSTARTED.store(true, Ordering::Release);
    }
}

/// The state of an interpreter, a thread of which waits for the GIL in CPython for longer than the switch interval, and
/// which taking of the GIL the present one is; 0 while nobody has it.
fn look() -> (*mut ffi::PyInterpreterState, c_ulong) {
    let mut held = 0;
    // SAFETY: Python has started; a place for a number.
    let waiting = unsafe { mp_waiting_interpreter(&raw mut held) };
    (waiting, held)
}

/// Waits for the GIL as a thread of this interpreter, and gives it back: one of those that wait gets it.
fn take_turn(interpreter: &'static Interpreter) {
    // SAFETY: Python has started, and this thread is outside of it.
    unsafe { mp_wait_for_gil(1) };
    drop(Attached::take_at_once(interpreter));
}

/// The main function of the thread.
fn take_turns() {
    let mut seen = ENTRIES.load(Ordering::SeqCst);
    let mut held_before = 0;
    let mut pause = Duration::ZERO;
    let mut last_activity = Instant::now();
    loop {
        let hurries = HURRIES.load(Ordering::SeqCst);
        let interval = if hurries {
            Duration::from_micros(SHORT)
        } else {
            interval()
        };
        rest(pause.max(interval));
        let (waiting, held) = look();
        pause = if !waiting.is_null() {
            // A thread of the same interpreter would have given the GIL away meanwhile.
            if hurries || held == held_before {
                let all = known();
                let found = all.iter().find(|known| known.state == waiting);
                found.copied().into_iter().for_each(take_turn);
            }
            Duration::ZERO
        } else if hurries {
            Duration::ZERO
        } else {
            let longest = if held == 0 { LONG_PAUSE } else { HELD_PAUSE };
            longest.min(pause.max(interval) * 2)
        };
        held_before = held;
        let entries = ENTRIES.load(Ordering::SeqCst);
        if held != 0 || entries != seen {
            last_activity = Instant::now();
        } else if last_activity.elapsed() > IDLE {
            sleep_until_entry(seen);
            pause = Duration::ZERO;
            last_activity = Instant::now();
        }
        seen = entries;
    }
}

/// Waits for so long, or until an interpreter is to be made.
fn rest(time: Duration) {
    let sleep = SLEEP.lock();
    if !HURRIES.load(Ordering::SeqCst) || time <= Duration::from_micros(SHORT) {
        drop(ENTERED.wait_for(sleep, time));
    }
}

/// Waits until Python is entered again, if that has not happened since `seen`.
fn sleep_until_entry(seen: usize) {
    let mut sleep = SLEEP.lock();
    SLEEPS.store(true, Ordering::SeqCst);
    while ENTRIES.load(Ordering::SeqCst) == seen {
        sleep = ENTERED.wait(sleep);
    }
    SLEEPS.store(false, Ordering::SeqCst);
}
