//! A child of an MPM with threads that is told to stop at once while it stops gracefully already: httpd's own action of
//! SIGTERM does nothing then, and its first process kills the child ten seconds later.

use std::ffi::c_void;
use std::sync::OnceLock;
use std::thread;

use super::process;
use super::stop::Semaphore;

/// The stack of the thread, in bytes.
const STACK: usize = 256 * 1024;

/// Raised by the signal handler. Set before the handler is.
static TOLD: OnceLock<Semaphore> = OnceLock::new();

/// Starts a thread that calls `answer` when another process sends SIGTERM to this one. Called when a child begins to
/// stop gracefully; only the first call counts.
///
/// # Errors
/// The thread cannot be started.
pub fn watch(answer: fn()) -> std::io::Result<()> {
    let told = Semaphore::new();
    if TOLD.set(told).is_err() {
        return Ok(());
    }
    let wait = move || {
        process::block_signals();
        while !told.wait() {}
        answer();
    };
    let builder = thread::Builder::new().name("late stop".into());
    builder.stack_size(STACK).spawn(wait)?;
    // SAFETY: zeroes are a valid action: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = note as *const () as usize;
    // Without SA_RESTART: the MPM's listener wakes the main thread by this signal.
    action.sa_flags = libc::SA_SIGINFO;
    process::action(libc::SIGTERM, Some(&action));
    Ok(())
}

/// The signal handler. Outside of `guard`, which logs; nothing in it can panic.
extern "C" fn note(_signal: i32, info: *const libc::siginfo_t, _context: *const c_void) {
    // SAFETY: the kernel gives what SA_SIGINFO asks for.
    let info = unsafe { &*info };
    // SAFETY: a signal that a process has sent, so the field is there.
    let sender = unsafe { info.si_pid() };
    // SAFETY: only asks.
    let own = unsafe { libc::getpid() };
    if let Some(told) = TOLD.get().filter(|_| sender != own) {
        told.signal();
    }
}
