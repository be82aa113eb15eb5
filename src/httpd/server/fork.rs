//! Processes that code in a child of httpd forks. Each has a copy of all that the child has, and is
//! no child of httpd: it must not end by the child's signal handlers, accept connections, write into
//! those of the child, or run its cleanups.
//!
//! mpm-itk is different: in a child of prefork, it forks a process for each connection that serves in the
//! child's place. Only such a fork is announced, by `is_to_serve`.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::process;
use crate::httpd::gate;
pub use crate::httpd::gate::is_forked;

/// The signals that httpd sends to its children, and SIGINT, which children of prefork ignore.
const SIGNALS: [i32; 5] = [
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGWINCH,
    libc::SIGINT,
];
/// The size of a page is a multiple of this.
const PAGE: usize = 4096;

/// The number of this process; 0 before `watch`.
static ID: AtomicU32 = AtomicU32::new(0);
/// The ports on which httpd accepts connections.
static PORTS: OnceLock<Vec<u16>> = OnceLock::new();
/// The address of a signal handler that forked processes keep; 0 for none.
static KEPT: AtomicUsize = AtomicUsize::new(0);
/// What is done about forks of processes that serve; empty where no module makes such.
static SERVING: OnceLock<Serving> = OnceLock::new();
/// Whether this process was forked to serve.
static SERVES: AtomicBool = AtomicBool::new(false);
thread_local! {
    /// Whether the next fork of this thread makes a process that serves.
    static TO_SERVE: Cell<bool> = const { Cell::new(false) };
    /// Which signals this thread blocked before it began to fork.
    static BLOCKED: Cell<MaybeUninit<libc::sigset_t>> = const { Cell::new(MaybeUninit::uninit()) };
}

/// From now on `is_forked` tells processes that are forked from this one, a child of httpd, from it. `ports` are those
/// on which httpd accepts connections.
///
/// # Errors
/// The kernel has no memory.
pub fn watch(ports: Vec<u16>) -> std::io::Result<()> {
    let (protection, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new page, wherever the kernel likes.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, protection, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error());
    }
    // A process that is made without libc's fork() has the mark, too. Where the kernel cannot do that,
    // `forked` clears it.
    // SAFETY: the page of above.
    unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) };
    // SAFETY: its first byte; no other code knows it yet.
    unsafe { page.cast::<u8>().write(1) };
    PORTS.get_or_init(|| ports);
    gate::set_mark(page.cast());
    // SAFETY: functions that live as long as the process: the module is never unloaded.
    match unsafe { libc::pthread_atfork(Some(forks), Some(has_forked), Some(forked)) } {
        0 => {
            ID.store(std::process::id(), Ordering::Relaxed);
            Ok(())
        }
        error => Err(std::io::Error::from_raw_os_error(error)),
    }
}

/// The number of this process. Unlike `std::process::id`, it makes no system call.
pub fn process_id() -> u32 {
    match ID.load(Ordering::Relaxed) {
        0 => std::process::id(),
        id => id,
    }
}

/// What a module does about the fork of a process that serves. All run on the thread that forks.
#[derive(Clone, Copy)]
pub struct Serving {
    /// Before the fork.
    pub before: fn(),
    /// After it, in the child of httpd, also if the fork failed.
    pub parent: fn(),
    /// After it, in the new process, before anything else runs there.
    pub child: fn(),
}

/// Has processes that mpm-itk forks serve as this child does. Called in `child_init`.
pub fn serve(serving: Serving) {
    SERVING.get_or_init(|| serving);
}

/// Says that the next fork of this thread makes a process that serves. Called where mpm-itk forks next, if it is
/// there: not in a process that it has forked.
pub(in crate::httpd) fn is_to_serve() {
    let is_so = SERVING.get().is_some() && !SERVES.load(Ordering::Relaxed);
    TO_SERVE.set(is_so);
}

/// Has forked processes keep the signal handler at this address.
pub fn keep_handler(handler: usize) {
    KEPT.store(handler, Ordering::Relaxed);
}

/// Runs on a thread that is about to fork. The new process begins with the signal handlers of the child
/// of httpd, so a signal waits until `forked` has put them back. Outside of `guard`, as the two functions below: libc
/// calls them whether or not the module may run, and nothing in them can panic.
extern "C" fn forks() {
    if let Some(serving) = SERVING.get().filter(|_| TO_SERVE.get()) {
        (serving.before)();
    }
    BLOCKED.set(MaybeUninit::new(process::mask(libc::SIG_BLOCK, &SIGNALS)));
}

/// Runs on that thread, in the child of httpd, after the fork or the failed attempt.
extern "C" fn has_forked() {
    unblock();
    if let Some(serving) = SERVING.get().filter(|_| TO_SERVE.take()) {
        (serving.parent)();
    }
}

/// Unblocks the signals that `forks` has blocked.
fn unblock() {
    // SAFETY: set by `forks`, which libc has called on this thread before.
    let blocked = unsafe { BLOCKED.get().assume_init() };
    // SAFETY: the set that held.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const blocked, std::ptr::null_mut());
    }
}

/// Runs in each new process before anything else does. The memory allocator of libc works in it.
extern "C" fn forked() {
    ID.store(std::process::id(), Ordering::Relaxed);
    if let Some(serving) = SERVING.get().filter(|_| TO_SERVE.take()) {
        SERVES.store(true, Ordering::Relaxed);
        gate::restore_mark();
        unblock();
        return (serving.child)();
    }
    gate::clear_mark();
    for signal in SIGNALS {
        let before = process::action(signal, None).sa_sigaction;
        if before != KEPT.load(Ordering::Relaxed) {
            // SAFETY: zeroes are a valid action: SIG_DFL, no flags, an empty mask.
            let default = unsafe { std::mem::zeroed() };
            process::action(signal, Some(&default));
        }
    }
    // `forks` has blocked them, as workers of the MPMs with threads do. One that came since ends the process.
    process::mask(libc::SIG_UNBLOCK, &SIGNALS);
    let ports = PORTS.get().map_or(&[][..], Vec::as_slice);
    for descriptor in descriptors() {
        if port(descriptor).is_some_and(|port| ports.contains(&port)) {
            // SAFETY: no pointers. Nothing of httpd's runs in this process that could use it.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// All descriptors of this process.
fn descriptors() -> Vec<i32> {
    let Ok(names) = std::fs::read_dir("/proc/self/fd") else {
        return (0..1024).collect();
    };
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

/// The port of a socket on this machine: one of httpd's for a listener, and for what it accepted.
fn port(descriptor: i32) -> Option<u16> {
    let mut address = std::mem::MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: a place for any address, and its size; the kernel checks the descriptor.
    let failed =
        unsafe { libc::getsockname(descriptor, address.as_mut_ptr().cast(), &raw mut length) };
    if failed != 0 {
        return None;
    }
    // SAFETY: zeroed, and filled by the kernel.
    let address = unsafe { address.assume_init() };
    let network_order = match i32::from(address.ss_family) {
        libc::AF_INET => {
            let address = (&raw const address).cast::<libc::sockaddr_in>();
            // SAFETY: of this kind, as its family says.
            unsafe { (*address).sin_port }
        }
        libc::AF_INET6 => {
            let address = (&raw const address).cast::<libc::sockaddr_in6>();
            // SAFETY: as above.
            unsafe { (*address).sin6_port }
        }
        _ => return None,
    };
    Some(u16::from_be(network_order))
}
