//! SIGUSR2, by which an administrator asks a child what its Python code is doing (`PythonDumpSignal`). The threads of
//! the MPMs block signals, so a thread of ours takes it.

use std::sync::OnceLock;
use std::thread;

use super::process;
use super::stop::Semaphore;

/// The signal.
pub const SIGNAL: i32 = libc::SIGUSR2;

/// Raised by the signal handler. Set before the handler is.
static ASKED: OnceLock<Semaphore> = OnceLock::new();

/// Has the signal do nothing in this process, which it would end, and in the children until they [`watch`]. Called in
/// httpd's first process, which an administrator may mean by mistake (`pkill -USR2 apache2`).
pub fn tolerate() {
    // SAFETY: zeroes are a valid action: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = note as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    process::action(SIGNAL, Some(&action));
}

/// Starts a thread that calls `answer` each time that the signal has come. What sets a handler of its own after this
/// must call the former one, too. Called once in a child.
///
/// # Errors
/// The thread cannot be started.
pub fn watch(answer: fn()) -> std::io::Result<()> {
    let asked = *ASKED.get_or_init(Semaphore::new);
    let serve = move || {
        process::mask(libc::SIG_UNBLOCK, &[SIGNAL]);
        loop {
            if asked.wait() {
                answer();
            }
        }
    };
    thread::Builder::new().name("dump".into()).spawn(serve)?;
    tolerate();
    Ok(())
}

/// The signal handler, which does nothing in a process that has not called [`watch`]. It calls only what is safe in one. Outside of `guard`, which logs; nothing in it can panic.
extern "C" fn note(_signal: i32) {
    if let Some(asked) = ASKED.get() {
        asked.signal();
    }
}

/// Has the signal do nothing any more: what its handlers look at is about to be freed. Called at the end of a child.
pub fn ignore() {
    if ASKED.get().is_none() {
        return;
    }
    // SAFETY: zeroes are a valid action: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = libc::SIG_IGN;
    process::action(SIGNAL, Some(&action));
}
