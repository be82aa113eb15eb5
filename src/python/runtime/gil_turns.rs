//! Turns at the GIL between interpreters, before Python 3.13.
//!
//! There a thread that waits for the GIL can ask only threads of its own interpreter to let go of it, so a busy
//! thread of one interpreter would keep all others out for as long as it likes. Therefore each interpreter, once
//! there are two, has a thread that asks for the GIL now and then and lets go of it at once: CPython's eval loop
//! then gives the GIL to whichever thread waits. While no Python runs in the child, these threads sleep.
//!
//! These threads hold no lock while they wait for the GIL, and run no Python code.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::context::About;
use super::interpreter::Interpreter;
use crate::httpd::log::Level;
use crate::locks::{Lock, Signal};

/// Whether this Python needs these threads at all.
const NEEDED: bool = cfg!(not(Py_3_13));
/// The pause between two turns while threads compete for the GIL: CPython's own switch interval.
const SHORT_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause between two turns.
const LONG_PAUSE: Duration = Duration::from_millis(80);
/// If a turn had to wait longer than this for the GIL, another thread was running Python.
const CONTENDED: Duration = Duration::from_millis(1);
/// After so long without contention and without an entry, a thread sleeps until Python is entered.
const IDLE: Duration = Duration::from_secs(1);
/// The stack of such a thread, in bytes: it calls next to nothing.
const STACK: usize = 256 * 1024;

/// How often Python was entered in this child.
static ENTRIES: AtomicUsize = AtomicUsize::new(0);
/// How many of these threads sleep.
static SLEEPING: AtomicUsize = AtomicUsize::new(0);
static SLEEP: Lock<()> = Lock::short(());
static ENTERED: Signal = Signal::new();
/// The interpreters whose thread could not be started; the next entry into Python tries again.
static UNSTARTED: Lock<Vec<&'static Interpreter>> = Lock::short(Vec::new());
/// Whether `UNSTARTED` has entries; read at each entry without its lock.
static ARE_UNSTARTED: AtomicBool = AtomicBool::new(false);

/// Tells the threads that this thread is about to wait for the GIL. Called before each entry, without the GIL.
pub fn note_entry() {
    if !NEEDED {
        return;
    }
    if ARE_UNSTARTED.load(Ordering::Acquire) {
        start_again();
    }
    // Counted before the look at the sleepers; `sleep_until_entry` does it the other way round.
    ENTRIES.fetch_add(1, Ordering::SeqCst);
    if SLEEPING.load(Ordering::SeqCst) > 0 {
        drop(SLEEP.lock());
        ENTERED.give_all();
    }
}

/// Starts the thread of an interpreter. If it cannot be started, a warning says so, and the interpreter's
/// threads compete for the GIL without it until a later entry can start it.
pub fn start_for(interpreter: &'static Interpreter) {
    if !NEEDED {
        return;
    }
    if let Err(error) = spawn(interpreter) {
        let text = format!(
            "no thread for turns of interpreter {}: {error}; the next call of Python code tries again",
            interpreter.name()
        );
        About::Nothing.log(Level::Warning, &text);
        keep(&[interpreter]);
    }
}

fn spawn(interpreter: &'static Interpreter) -> io::Result<()> {
    let thread = thread::Builder::new()
        .name("gil turns".into())
        .stack_size(STACK);
    thread.spawn(move || take_turns(interpreter)).map(drop)
}

/// Tries to start the threads that could not be started. Any thread, without the GIL.
#[cold]
fn start_again() {
    let mut unstarted = UNSTARTED.lock();
    let mut interpreters = std::mem::take(&mut *unstarted);
    ARE_UNSTARTED.store(false, Ordering::Release);
    drop(unstarted);
    interpreters.retain(|interpreter| spawn(interpreter).is_err());
    if !interpreters.is_empty() {
        keep(&interpreters);
    }
}

/// Keeps interpreters for the next try.
fn keep(interpreters: &[&'static Interpreter]) {
    let mut unstarted = UNSTARTED.lock();
    unstarted.extend(interpreters);
    ARE_UNSTARTED.store(true, Ordering::Release);
}

fn take_turns(interpreter: &'static Interpreter) {
    let mut seen = ENTRIES.load(Ordering::SeqCst);
    let mut pause = SHORT_PAUSE;
    let mut last_activity = Instant::now();
    loop {
        thread::sleep(pause);
        let begin = Instant::now();
        interpreter.take_turn();
        let contended = begin.elapsed() > CONTENDED;
        pause = if contended {
            SHORT_PAUSE
        } else {
            LONG_PAUSE.min(pause * 2)
        };
        let entries = ENTRIES.load(Ordering::SeqCst);
        if contended || entries != seen {
            last_activity = Instant::now();
        } else if last_activity.elapsed() > IDLE {
            sleep_until_entry(seen);
            pause = SHORT_PAUSE;
            last_activity = Instant::now();
        }
        seen = entries;
    }
}

/// Waits until Python is entered again, if that has not happened since `seen`.
fn sleep_until_entry(seen: usize) {
    let mut sleep = SLEEP.lock();
    SLEEPING.fetch_add(1, Ordering::SeqCst);
    while ENTRIES.load(Ordering::SeqCst) == seen {
        sleep = ENTERED.wait(sleep);
    }
    SLEEPING.fetch_sub(1, Ordering::SeqCst);
}
