//! The end of a child of prefork that is told to stop at once, or gracefully.
//!
//! prefork answers SIGTERM and SIGHUP in a signal handler that destroys the child's pools and exits,
//! wherever the child's thread is: it may hold the GIL, or be about to take it, or hold a lock of
//! malloc. So in a child with Python these signals have a handler of ours. It only marks that the
//! child must end, closes the listeners as httpd does for a graceful stop, and shuts the socket of
//! the client, so that whatever waits for the client goes on. The child's thread then leaves its loop
//! by itself, and all cleanups run on it as after a graceful stop.
//!
//! A thread that is still at work after `GRACE` is not waited for any longer: the watchdog, a
//! thread that does nothing else, has the module end what can be ended beside it, and ends the
//! process. If the child's thread is in code of httpd or of another module by then, the watchdog
//! first has it run httpd's own signal handler, with all functions of ours switched off.
//!
//! SIGUSR1, by which prefork has a child stop gracefully, is httpd's own. Behind httpd's handler of it the watchdog is
//! woken, so that the module knows of the stop while the child's thread is at work.

use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::process::{action, is_defined, mpm_query};
use super::{Server, process};
use crate::httpd::apr::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::gate;
pub use crate::httpd::gate::is_off;
use crate::httpd::log::Level;
use crate::locks::{Lock, Signal};

/// How long the watchdog waits for the child's thread to leave its loop.
const GRACE: Duration = Duration::from_millis(200);
/// How long the watchdog waits for httpd's own signal handler after that.
const HANDLER_TIME: Duration = Duration::from_millis(200);
/// The stack of the watchdog's thread, in bytes.
const STACK: usize = 256 * 1024;
/// The signals by which prefork has a child end at once.
const ENDS: [i32; 2] = [libc::SIGTERM, libc::SIGHUP];

/// What a module does when a child of prefork must end. All run on the watchdog's thread.
#[derive(Clone, Copy)]
pub struct Duties {
    /// The child stops gracefully.
    pub closing: fn(),
    /// The child was told to end: wakes the code that waits on its thread.
    pub told: fn(),
    /// The child's thread is not waited for any longer: runs what must run at the end of the child.
    pub last: fn(),
}

/// httpd's actions for the signals, and the process and thread that the signals are for.
struct Before {
    graceful: libc::sigaction,
    ends: [libc::sigaction; ENDS.len()],
    process: libc::pid_t,
    thread: libc::pthread_t,
    wakeup: Semaphore,
}

/// A semaphore that a signal handler can raise, and a thread can wait for. Never freed.
#[derive(Clone, Copy)]
pub(super) struct Semaphore(*mut libc::sem_t);

// SAFETY: a semaphore is there to be used by several threads.
unsafe impl Send for Semaphore {}

// SAFETY: as above.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    pub(super) fn new() -> Self {
        let semaphore = Box::leak(Box::new(MaybeUninit::<libc::sem_t>::uninit())).as_mut_ptr();
        // SAFETY: a place for one semaphore, of this process, whose count is zero.
        unsafe { libc::sem_init(semaphore, 0, 0) };
        Self(semaphore)
    }

    pub(super) fn signal(self) {
        // SAFETY: made by `new`; allowed in a signal handler.
        unsafe { libc::sem_post(self.0) };
    }

    /// Waits until it is raised. Returns false if a signal has interrupted the wait.
    pub(super) fn wait(self) -> bool {
        // SAFETY: made by `new`.
        unsafe { libc::sem_wait(self.0) == 0 }
    }
}

static BEFORE: OnceLock<Before> = OnceLock::new();
/// What the watchdog needs, set with `BEFORE`.
static PREPARED: OnceLock<(&'static Server, Duties)> = OnceLock::new();
/// Whether the watchdog could not be started; the next connection tries again.
static LACKS_WATCHDOG: AtomicBool = AtomicBool::new(false);
/// Whether the child was told to end at once.
static TOLD: AtomicBool = AtomicBool::new(false);
/// Whether the child was told to stop gracefully.
static CLOSES: AtomicBool = AtomicBool::new(false);
/// The socket of the client that the child's thread serves; -1 for none.
static CLIENT: AtomicI32 = AtomicI32::new(-1);
/// Whether the child's thread has left its loop and runs the cleanups of the child.
static LEAVES: Lock<bool> = Lock::short(false);
static LEFT: Signal = Signal::new();

/// Whether this child was told to end at once.
pub fn is_told() -> bool {
    TOLD.load(Ordering::Acquire)
}

/// Notes that this child of an MPM with threads was told to end at once. The signal handler notes it on prefork.
pub fn note_told() {
    TOLD.store(true, Ordering::Release);
}

/// The child's thread serves this socket from now on: null, or a live one.
pub(in crate::httpd) fn serves(socket: *mut ffi::apr_socket_t) {
    if LACKS_WATCHDOG.load(Ordering::Acquire) {
        start_again();
    }
    if gate::is_childs_thread() {
        let mut descriptor = -1;
        if !socket.is_null() {
            // SAFETY: a live socket, and a place for the answer.
            unsafe { ffi::apr_os_sock_get(&raw mut descriptor, socket) };
        }
        CLIENT.store(descriptor, Ordering::Release);
    }
}

/// Says at the end of the child's pool that the child's thread has left its loop. The cleanups of the
/// child run then, however long they take: httpd kills a child that takes too long.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        *LEAVES.lock() = true;
        LEFT.give_all();
    }
}

/// Whether the MPM has threads that serve connections.
pub fn has_threads() -> bool {
    mpm_query(ffi::AP_MPMQ_IS_THREADED as i32)
        .is_some_and(|answer| answer != ffi::AP_MPMQ_NOT_SUPPORTED as i32)
}

/// Takes over the signals by which prefork has this child, and thread, end at once. Does nothing
/// where the MPM has threads, or the only process.
pub fn take_over(child: &Pool, main: &'static Server, duties: Duties) {
    if has_threads() || is_defined(c"DEBUG") || is_defined(c"ONE_PROCESS") {
        return;
    }
    let ends = ENDS.map(|signal| action(signal, None));
    let graceful = action(libc::SIGUSR1, None);
    if !ends.iter().chain([&graceful]).all(is_function) {
        return;
    }
    child.own_first(Leaving);
    let before = Before {
        graceful,
        ends,
        // SAFETY: only asks.
        process: unsafe { libc::getpid() },
        // SAFETY: as above.
        thread: unsafe { libc::pthread_self() },
        wakeup: Semaphore::new(),
    };
    if BEFORE.set(before).is_ok() && PREPARED.set((main, duties)).is_ok() {
        if let Err(error) = start_watchdog() {
            LACKS_WATCHDOG.store(true, Ordering::Release);
            let text = format!(
                "cannot start the thread that watches the end of this child: until the next connection, which \
                 tries again, the child may hang when it is told to stop while it runs Python code: {error}"
            );
            main.log(Level::Error, &text);
        }
    }
}

/// Starts the watchdog, and takes over the signals. Called on the child's thread.
fn start_watchdog() -> std::io::Result<()> {
    let (Some(before), Some(&(main, duties))) = (BEFORE.get(), PREPARED.get()) else {
        return Ok(());
    };
    let builder = thread::Builder::new().name("watchdog".into());
    builder
        .stack_size(STACK)
        .spawn(move || watch(before.wakeup, main, duties))?;
    gate::watch_this_thread();
    for (signal, before) in ENDS.into_iter().zip(before.ends) {
        let mut ours = before;
        ours.sa_sigaction = told as *const () as usize;
        action(signal, Some(&ours));
    }
    let mut ours = before.graceful;
    ours.sa_sigaction = closes as *const () as usize;
    action(libc::SIGUSR1, Some(&ours));
    Ok(())
}

/// Tries again to start the watchdog, on the child's thread.
#[cold]
fn start_again() {
    // SAFETY: only asks.
    let thread = unsafe { libc::pthread_self() };
    let is_childs = BEFORE.get().is_some_and(|before| before.thread == thread);
    if is_childs && start_watchdog().is_ok() {
        LACKS_WATCHDOG.store(false, Ordering::Release);
    }
}

fn is_function(action: &libc::sigaction) -> bool {
    action.sa_flags & libc::SA_SIGINFO == 0
        && action.sa_sigaction != libc::SIG_DFL
        && action.sa_sigaction != libc::SIG_IGN
}

/// Calls the function that was the action of a signal before ours.
fn answer(action: &libc::sigaction, signal: i32) {
    // SAFETY: `is_function` found a function that takes the signal's number.
    let handler: extern "C" fn(i32) = unsafe { std::mem::transmute(action.sa_sigaction) };
    handler(signal);
}

/// The signal handler. It calls only what is safe in one, and httpd's handlers. Outside of `guard`, which logs;
/// nothing in it can panic.
extern "C" fn told(signal: i32) {
    let Some(before) = BEFORE.get() else {
        return;
    };
    // SAFETY: only asks. The mark of `fork` would not do: a process made by vfork() shares its memory.
    if unsafe { libc::getpid() } != before.process {
        return end_fork(signal);
    }
    // SAFETY: only asks.
    if unsafe { libc::pthread_self() } != before.thread {
        // A thread that Python code has started.
        // SAFETY: the child's thread, which lives as long as the child.
        unsafe { libc::pthread_kill(before.thread, signal) };
        return;
    }
    if gate::is_switched_off() {
        if let Some(at) = ENDS.iter().position(|end| *end == signal) {
            answer(&before.ends[at], signal);
        }
        return;
    }
    if TOLD.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: the errno of this thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let kept = unsafe { *errno };
    answer(&before.graceful, libc::SIGUSR1);
    let client = CLIENT.load(Ordering::Acquire);
    if client >= 0 {
        // SAFETY: no pointers; the kernel checks the descriptor.
        unsafe { libc::shutdown(client, libc::SHUT_RDWR) };
    }
    before.wakeup.signal();
    // SAFETY: as above.
    unsafe { *errno = kept };
}

/// The signal handler of SIGUSR1, as `told`.
extern "C" fn closes(signal: i32) {
    let Some(before) = BEFORE.get() else {
        return;
    };
    answer(&before.graceful, signal);
    // SAFETY: only asks.
    let is_child = unsafe { libc::getpid() } == before.process;
    if is_child && !CLOSES.swap(true, Ordering::AcqRel) {
        before.wakeup.signal();
    }
}

/// Ends a process that was forked from the child without libc's fork(), and so has its signal handlers,
/// as the signal would have ended it. What it shares with the child, as the client's socket, stays as it is.
fn end_fork(signal: i32) {
    // SAFETY: zeroes are a valid action: SIG_DFL, no flags, an empty mask.
    let default = unsafe { std::mem::zeroed() };
    process::action(signal, Some(&default));
    // The signal is blocked until its handler returns, and comes again then.
    // SAFETY: only a signal, for this thread.
    unsafe { libc::raise(signal) };
}

/// The main function of the watchdog's thread.
fn watch(wakeup: Semaphore, main: &'static Server, duties: Duties) {
    process::block_signals();
    let mut closing = Some(duties.closing);
    while !is_told() {
        wakeup.wait();
        if CLOSES.load(Ordering::Acquire) {
            closing.take().into_iter().for_each(|closing| closing());
        }
    }
    (duties.told)();
    if has_left(GRACE) {
        return;
    }
    (duties.last)();
    if has_left(Duration::ZERO) {
        return;
    }
    gate::switch_off();
    if gate::calls() == 0 {
        if let Some(before) = BEFORE.get() {
            // SAFETY: the child's thread, which lives as long as the child.
            unsafe { libc::pthread_kill(before.thread, libc::SIGTERM) };
        }
        // It ends the process.
        thread::sleep(HANDLER_TIME);
    }
    let text = "the child was told to end, and its thread was still at work 0.2 s later: the child \
                ends without waiting for the handlers, filters and cleanups of its request";
    main.log(Level::Notice, text);
    process::end(0);
}

/// Waits until the child's thread has left its loop, for at most `time`. Returns whether it has.
fn has_left(time: Duration) -> bool {
    let until = Instant::now() + time;
    let mut left = LEAVES.lock();
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        if *left || rest.is_zero() {
            return *left;
        }
        left = LEFT.wait_for(left, rest);
    }
}
