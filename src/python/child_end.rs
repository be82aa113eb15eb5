//! The end of Python in a child, within the time of `PythonShutdownTimeout`: the functions of
//! `apache.register_cleanup()` are called, and each interpreter is ended in order (`runtime::interpreter_end`), the
//! main one last. CPython itself is never ended, so that nothing of it can hang or abort.
//!
//! The child's main thread does all of it when httpd destroys the child's pool: what was made when the child started,
//! such as a database's connection, may belong to that thread. A thread of ours watches it. Where half of the time is
//! over and something is stuck, helping threads do the rest; where all of it is over, the log says what has not ended,
//! and the process ends at once. A child that is told to stop at once may have threads in Python code that do not come
//! back; then the helping threads do their work beside them.
//!
//! [`END`] is a short lock. All functions are called without the GIL and without a lock.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::cleanup;
use super::runtime::context::About;
use super::runtime::interpreter::Interpreter;
use super::runtime::interpreter_end::EndStep;
use super::runtime::{entries, interpreter_end, start, thread_states};
use crate::engine::settings::Settings;
use crate::httpd::log::Level;
use crate::httpd::server::{dump_signal, fork, process};
use crate::httpd::{Pool, Server, server};
use crate::locks::{Lock, Signal};

/// The time of the end where no server has `PythonShutdownTimeout`.
const LIMIT: Duration = Duration::from_secs(2);
/// The most threads that help.
const HELPERS: usize = 32;

/// What is known of the end.
struct End {
    /// When it must be over; `None` until it begins.
    deadline: Option<Instant>,
    /// The interpreters whose end has begun.
    begun: Vec<&'static Interpreter>,
    /// What is being done, by number.
    running: Vec<(u64, EndTask)>,
    last: u64,
    /// Whether a thread sees to the time.
    is_watched: bool,
    /// Whether the child's main thread has come to it.
    is_here: bool,
    is_over: bool,
}

/// A part of the end.
#[derive(Clone)]
enum EndTask {
    /// A function of `apache.register_cleanup()`, and whether its call has begun.
    Cleanup(bool),
    Interpreter(&'static Interpreter, EndStep),
}

static END: Lock<End> = Lock::short(End {
    deadline: None,
    begun: Vec::new(),
    running: Vec::new(),
    last: 0,
    is_watched: false,
    is_here: false,
    is_over: false,
});
static CHANGED: Signal = Signal::new();
static TIME: OnceLock<Duration> = OnceLock::new();

/// The longest `PythonShutdownTimeout` of all servers.
pub(in crate::python) fn limit() -> Duration {
    *TIME.get_or_init(|| {
        let servers = server::main().into_iter().flat_map(Server::and_following);
        let limits = servers.filter_map(|server| server.settings::<Settings>().shutdown_timeout);
        limits.max().unwrap_or(LIMIT)
    })
}

/// Has Python end in order when `child`, the child's pool, is cleared.
pub fn run_with_child(child: &Pool) {
    child.own_first(ChildEnds(fork::process_id()));
}

/// The process of the child: one that is forked to serve a connection is not at the child's end when it ends.
struct ChildEnds(u32);

impl Drop for ChildEnds {
    fn drop(&mut self) {
        if self.0 == fork::process_id() && !limit().is_zero() {
            end_here();
        }
    }
}

/// The child is told to stop at once, on an MPM with threads: its time runs from now on, also while threads are in
/// Python code that does not come back.
pub fn begin() {
    if !limit().is_zero() {
        start_watching();
    }
}

/// The end of a child of prefork whose main thread is stuck. Called on another thread; returns when it is over.
pub fn beside_main_thread() {
    if limit().is_zero() {
        return;
    }
    set_deadline();
    help();
    if !wait_until(Duration::ZERO, |end, interpreters| {
        end.has_nothing_left(interpreters)
    }) {
        give_up();
    }
}

fn end_here() {
    let mut end = END.lock();
    end.is_here = true;
    // What was over before, as the wait for requests at a stop, does not count.
    end.deadline = Some(Instant::now() + limit());
    drop(end);
    CHANGED.give_all();
    start_watching();
    entries::leave_out_this_thread();
    do_tasks();
    // Where there is no thread that watches, this one sees to the time.
    if !wait_until(Duration::ZERO, |end, _| end.running.is_empty()) {
        give_up();
    }
    dump_signal::ignore();
    thread_states::end_all();
    END.lock().is_over = true;
    CHANGED.give_all();
    if interpreter_end::has_left_threads() {
        process::exit_at_once();
    }
}

/// Sets the time by which the end must be over, if it is not set.
fn set_deadline() {
    let mut end = END.lock();
    end.deadline.get_or_insert_with(|| Instant::now() + limit());
}

/// Sets the time by which the end must be over, and starts the thread that sees to it. Does nothing if there is one.
fn start_watching() {
    let mut end = END.lock();
    let is_watched = std::mem::replace(&mut end.is_watched, true);
    drop(end);
    if is_watched {
        return;
    }
    let builder = thread::Builder::new().name("end of child".into());
    set_deadline();
    if let Err(error) = builder.spawn(watch) {
        // The next one who asks for it tries again.
        END.lock().is_watched = false;
        let text = format!(
            "PythonShutdownTimeout may not hold for this child, since there is no thread to watch its end: {error}"
        );
        About::Nothing.log(Level::Error, &text);
    }
}

/// Waits for the end of everything. Where half of the time is over, helping threads take part, and after all of it the
/// process ends if something of Python's is stuck.
fn watch() {
    process::block_signals();
    let is_over = |end: &End, _: usize| end.is_over;
    if wait_until(limit() / 2, is_over) {
        return;
    }
    let is_here = END.lock().is_here;
    if is_here || !entries::by_interpreter().is_empty() {
        help();
    }
    if wait_until(Duration::ZERO, is_over) {
        return;
    }
    let is_in_python = !entries::by_interpreter().is_empty();
    let mut end = END.lock();
    if end.has_begun() || is_in_python {
        drop(end);
        give_up();
    }
    // Requests without Python code are still served: the time runs from the child's end on.
    end.deadline = None;
    end.is_watched = false;
}

/// Waits until this is so, at most until the time that is left for the end is `rest`. Returns whether it is so. The
/// function is given the number of interpreters.
fn wait_until(rest: Duration, is_so: impl Fn(&End, usize) -> bool) -> bool {
    loop {
        let interpreters = start::known().len();
        let end = END.lock();
        let left = end
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.unwrap_or_default().saturating_sub(rest);
        if is_so(&end, interpreters) {
            return true;
        }
        if left.is_zero() {
            return false;
        }
        drop(CHANGED.wait_for(end, left));
    }
}

impl End {
    /// Whether anything of it was begun.
    fn has_begun(&self) -> bool {
        self.is_here || !self.begun.is_empty() || !self.running.is_empty()
    }

    /// Whether all of so many interpreters have ended.
    fn has_nothing_left(&self, interpreters: usize) -> bool {
        self.running.is_empty() && self.begun.len() >= interpreters
    }
}

/// Starts threads that do what is left.
fn help() {
    let end = END.lock();
    let begun = end.begun.len();
    drop(end);
    let interpreters = start::known().len().saturating_sub(begun);
    for _ in 0..(interpreters + 1).min(HELPERS) {
        let builder = thread::Builder::new().name("end of child".into());
        let work = || {
            process::block_signals();
            entries::leave_out_this_thread();
            do_tasks();
        };
        if builder.spawn(work).is_err() {
            // The log says what is left when the time is over.
            return;
        }
    }
}

/// Does one task after the other until none is left.
fn do_tasks() {
    loop {
        let running = TaskInProgress::begin(EndTask::Cleanup(false));
        if let Some(cleanup) = cleanup::next_of_child() {
            cleanup.run(About::Nothing, || running.note(EndTask::Cleanup(true)));
            continue;
        }
        drop(running);
        let Some(interpreter) = next_interpreter() else {
            return;
        };
        let running = TaskInProgress::begin(EndTask::Interpreter(interpreter, EndStep::Gil));
        interpreter.end(|step| running.note(EndTask::Interpreter(interpreter, step)));
    }
}

/// The interpreter that is to be ended next: the one that was made last.
fn next_interpreter() -> Option<&'static Interpreter> {
    let known = start::known();
    let mut end = END.lock();
    let is_left =
        |one: &&&'static Interpreter| !end.begun.iter().any(|begun| std::ptr::eq(*begun, **one));
    let next = known.iter().rev().find(is_left).copied();
    end.begun.extend(next);
    next
}

/// A task that is being done, until it is dropped.
struct TaskInProgress(u64);

impl TaskInProgress {
    fn begin(task: EndTask) -> Self {
        let mut end = END.lock();
        end.last += 1;
        let number = end.last;
        end.running.push((number, task));
        Self(number)
    }

    fn note(&self, task: EndTask) {
        let mut end = END.lock();
        let running = end.running.iter_mut().find(|(number, _)| *number == self.0);
        running
            .into_iter()
            .for_each(|running| running.1 = task.clone());
    }
}

impl Drop for TaskInProgress {
    fn drop(&mut self) {
        END.lock().running.retain(|(number, _)| *number != self.0);
        CHANGED.give_all();
    }
}

/// Logs what has not ended in time, and ends the process.
fn give_up() -> ! {
    let end = END.lock();
    let running: Vec<EndTask> = end.running.iter().map(|(_, task)| task.clone()).collect();
    let begun = end.begun.clone();
    drop(end);
    let mut lines: Vec<String> = running.iter().filter_map(EndTask::sentence).collect();
    match cleanup::left_of_child() {
        0 => {}
        left => lines.push(format!(
            "{left} functions of apache.register_cleanup() are left out"
        )),
    }
    for interpreter in start::known() {
        if !begun.iter().any(|begun| std::ptr::eq(*begun, interpreter)) {
            lines.push(format!(
                "the end of interpreter {} is left out",
                interpreter.name()
            ));
        }
    }
    for (interpreter, number) in entries::by_interpreter() {
        let name = interpreter.name();
        lines.push(format!(
            "Python code of interpreter {name} is still under way (threads of httpd: {number})"
        ));
    }
    let seconds = limit().as_secs_f64();
    for line in lines {
        let text =
            format!("at the end of the child, after {seconds} s (PythonShutdownTimeout): {line}");
        About::Nothing.log(Level::Error, &text);
    }
    process::give_up()
}

impl EndTask {
    /// What this task is waiting for, as a sentence.
    fn sentence(&self) -> Option<String> {
        const GIL: &str = "another thread keeps Python's global lock (the GIL)";
        Some(match self {
            Self::Cleanup(false) => {
                format!("a function of apache.register_cleanup() was not called, since {GIL}")
            }
            Self::Cleanup(true) => {
                "a function of apache.register_cleanup() has not returned".to_owned()
            }
            Self::Interpreter(interpreter, step) => {
                let name = interpreter.name();
                match step {
                    EndStep::Gil => format!("interpreter {name} was not ended, since {GIL}"),
                    EndStep::Threads(threads) => {
                        format!("interpreter {name} waits for its threads: {threads}")
                    }
                    EndStep::Functions => {
                        format!("interpreter {name} waits for a function of atexit")
                    }
                    EndStep::Files => {
                        format!("interpreter {name} waits for an open file to be written")
                    }
                }
            }
        })
    }
}
