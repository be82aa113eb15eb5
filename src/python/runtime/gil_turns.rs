//! Turns between interpreters, on Python before 3.13: there a thread that waits for the GIL can ask
//! only threads of its own interpreter to let go of it. A busy thread of one interpreter would keep
//! all others out for as long as it likes.
//!
//! So each interpreter, once there are two, has an usher: a thread that asks for the GIL now and
//! then, and passes it on at once to whoever waits. Where nothing runs, ushers sleep.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::interpreter::Interpreter;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::locks::{Lock, Signal};

/// Whether this Python needs them at all.
const NEEDED: bool = cfg!(not(Py_3_13));
/// The pause between two turns while others are busy: CPython's own interval.
const SHORT: Duration = Duration::from_millis(5);
/// The longest pause.
const LONG: Duration = Duration::from_millis(80);
/// Who waits longer than this for the GIL has kept company.
const BUSY: Duration = Duration::from_millis(1);
/// An usher who sees nobody for so long sleeps until somebody comes.
const CALM: Duration = Duration::from_secs(1);
/// Ushers call next to nothing.
const STACK: usize = 256 * 1024;

/// How often Python was entered.
static ENTRIES: AtomicUsize = AtomicUsize::new(0);
/// How many ushers sleep.
static ASLEEP: AtomicUsize = AtomicUsize::new(0);
static BED: Lock<()> = Lock::short(());
static BELL: Signal = Signal::new();

/// Somebody is about to wait for the GIL.
pub fn ring() {
    if !NEEDED {
        return;
    }
    // Counted before the look at who sleeps; `sleep` does it the other way round.
    ENTRIES.fetch_add(1, Ordering::SeqCst);
    if ASLEEP.load(Ordering::SeqCst) > 0 {
        drop(BED.lock());
        BELL.give_all();
    }
}

/// Gives an interpreter its usher.
pub fn attend(interpreter: &'static Interpreter) {
    if !NEEDED {
        return;
    }
    let usher = thread::Builder::new()
        .name("usher".into())
        .stack_size(STACK)
        .spawn(move || work(interpreter));
    if let Err(error) = usher {
        let text = format!(
            "no thread for turns of interpreter {}: {error}",
            interpreter.name()
        );
        server::log(Level::Warning, &text);
    }
}

fn work(interpreter: &'static Interpreter) {
    let mut seen = ENTRIES.load(Ordering::SeqCst);
    let mut pause = SHORT;
    let mut last_company = Instant::now();
    loop {
        thread::sleep(pause);
        let begin = Instant::now();
        interpreter.take_turn();
        let busy = begin.elapsed() > BUSY;
        pause = if busy { SHORT } else { LONG.min(pause * 2) };
        let entries = ENTRIES.load(Ordering::SeqCst);
        if busy || entries != seen {
            last_company = Instant::now();
        } else if last_company.elapsed() > CALM {
            sleep(seen);
            pause = SHORT;
            last_company = Instant::now();
        }
        seen = entries;
    }
}

/// Waits until Python is entered again, if that has not happened since `seen`.
fn sleep(seen: usize) {
    let mut bed = BED.lock();
    ASLEEP.fetch_add(1, Ordering::SeqCst);
    while ENTRIES.load(Ordering::SeqCst) == seen {
        bed = BELL.wait(bed);
    }
    ASLEEP.fetch_sub(1, Ordering::SeqCst);
}
