//! Whether code of the module may run: not in a process that was forked from a child of httpd, and not on the
//! thread of a child of prefork that is about to end in httpd's signal handler. `server/fork` and `server/stop`
//! close the gate; every function that httpd calls passes it (`guard`).

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering};

/// A byte that is 1 in the child, and 0 in a process forked from it; null in httpd's parent.
static MARK: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// Whether the functions of the module are switched off on the child's thread.
static OFF: AtomicBool = AtomicBool::new(false);
/// How many calls of the module the child's thread is in.
static DEPTH: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    /// Whether this is the main thread of a child of prefork whose signals have a handler of ours (`server/stop`).
    static IS_CHILDS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this process was forked from a child of httpd, by whatever code in it.
pub fn is_forked() -> bool {
    let mark = MARK.load(Ordering::Relaxed);
    // SAFETY: null, or the first byte of a page that is never given back.
    !mark.is_null() && unsafe { AtomicU8::from_ptr(mark) }.load(Ordering::Relaxed) == 0
}

/// Keeps the byte that tells this process from those that are forked from it.
pub(in crate::httpd) fn set_mark(mark: *mut u8) {
    MARK.store(mark, Ordering::Release);
}

/// Marks this process as forked. Called in a new process, where its parent had set the mark.
pub(in crate::httpd) fn clear_mark() {
    let mark = MARK.load(Ordering::Relaxed);
    // SAFETY: as in `is_forked`; set before anything was forked.
    unsafe { AtomicU8::from_ptr(mark) }.store(0, Ordering::Relaxed);
}

/// Says, in a forked process, that it serves as the one from which it was forked.
pub(in crate::httpd) fn restore_mark() {
    let mark = MARK.load(Ordering::Relaxed);
    // SAFETY: as in `is_forked`; set before anything was forked.
    unsafe { AtomicU8::from_ptr(mark) }.store(1, Ordering::Relaxed);
}

/// Whether this thread is about to end in httpd's signal handler, so that no code of the module may run on it.
pub fn is_off() -> bool {
    IS_CHILDS.get() && OFF.load(Ordering::SeqCst)
}

/// Whether the functions of the module are switched off on the child's thread.
pub(in crate::httpd) fn is_switched_off() -> bool {
    OFF.load(Ordering::SeqCst)
}

/// Switches the functions of the module off on the child's thread.
pub(in crate::httpd) fn switch_off() {
    OFF.store(true, Ordering::SeqCst);
}

/// How many calls of the module the child's thread is in.
pub(in crate::httpd) fn calls() -> usize {
    DEPTH.load(Ordering::SeqCst)
}

/// Whether this is the main thread of a child of prefork whose signals have a handler of ours.
pub(in crate::httpd) fn is_childs_thread() -> bool {
    IS_CHILDS.get()
}

/// Counts the calls of the module on this thread from now on.
pub(in crate::httpd) fn watch_this_thread() {
    IS_CHILDS.set(true);
}

/// A call of the module by httpd, under way on this thread.
pub(in crate::httpd) struct ModuleCall(bool);

impl ModuleCall {
    /// Begins a call. `None`: this thread must not run code of the module any more.
    pub(in crate::httpd) fn begin() -> Option<Self> {
        if !IS_CHILDS.get() {
            return Some(Self(false));
        }
        // Counts first and then looks at the switch; the watchdog switches first and then looks at the count.
        DEPTH.fetch_add(1, Ordering::SeqCst);
        let call = Self(true);
        (!OFF.load(Ordering::SeqCst)).then_some(call)
    }
}

impl Drop for ModuleCall {
    fn drop(&mut self) {
        if self.0 {
            DEPTH.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
