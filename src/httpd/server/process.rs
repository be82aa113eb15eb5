//! The process and httpd as a whole: its root, MPM, command line and configuration, its signals and descriptors.

use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::httpd::apr::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// `ServerRoot`.
pub fn server_root() -> &'static [u8] {
    // SAFETY: set before modules are loaded, and not changed after that.
    let root = unsafe { ffi::ap_server_root };
    // SAFETY: null or NUL-terminated, for the life of the process.
    unsafe { c_bytes(root) }.unwrap_or_default()
}

/// The MPM's answer to a query `AP_MPMQ_*`; `None` if it does not know the query.
pub fn mpm_query(code: i32) -> Option<i32> {
    let mut answer = 0;
    // SAFETY: a place for one number.
    let status = unsafe { ffi::ap_mpm_query(code, &raw mut answer) };
    (status == 0).then_some(answer)
}

/// Whether httpd reads its configuration for the first of two times, as it does at its start: what it finds then is
/// thrown away, and read again before it serves.
pub fn is_first_reading() -> bool {
    // SAFETY: returns a number that the main program has set.
    let state = unsafe { ffi::ap_state_query(ffi::AP_SQ_MAIN_STATE as i32) };
    state == ffi::AP_SQ_MS_CREATE_PRE_CONFIG as i32
}

/// For how long the machine has been running, in seconds (`CLOCK_MONOTONIC`): the same in all processes.
pub fn seconds_since_boot() -> u32 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a place for the time.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u32
}

/// How many descriptors this process may have (`ulimit -n`).
pub fn most_descriptors() -> usize {
    usize::try_from(descriptor_limits().rlim_cur).unwrap_or(usize::MAX)
}

/// Raises the limit of descriptors for this process and its children to `wanted`, as far as the hard limit allows.
pub fn take_descriptors(wanted: usize) {
    let mut limits = descriptor_limits();
    limits.rlim_cur = limits
        .rlim_cur
        .max(limits.rlim_max.min(wanted as libc::rlim_t));
    // SAFETY: limits that the kernel has given, the soft one within the hard one.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) };
}

fn descriptor_limits() -> libc::rlimit {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a place for the limits.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) };
    limits
}

/// The signals by which httpd ends a child.
const ENDS: [i32; 4] = [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGWINCH];

/// Runs `f` to its end, even if this child is told to end meanwhile: the signals for that are blocked on this
/// thread. prefork's children end in a signal handler, wherever they are.
pub fn undisturbed<R>(f: impl FnOnce() -> R) -> R {
    let before = mask(libc::SIG_BLOCK, &ENDS);
    let result = f();
    // SAFETY: the set that held.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
    result
}

/// Blocks or unblocks signals for this thread; `how` is `SIG_BLOCK` or `SIG_UNBLOCK`. Returns the signals that were
/// blocked before.
pub(in crate::httpd) fn mask(how: i32, signals: &[i32]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: fills the set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in signals {
        // SAFETY: a set, and signals that there are.
        unsafe { libc::sigaddset(set.as_mut_ptr(), *signal) };
    }
    let mut before = std::mem::MaybeUninit::uninit();
    // SAFETY: a full set, and a place for the one that held.
    unsafe { libc::pthread_sigmask(how, set.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: filled by the line above.
    unsafe { before.assume_init() }
}

/// The action of a signal until now. With `new` that is the action from now on.
pub(in crate::httpd) fn action(signal: i32, new: Option<&libc::sigaction>) -> libc::sigaction {
    let mut before = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: null, or a complete action; a place for the one before.
    unsafe { libc::sigaction(signal, new, before.as_mut_ptr()) };
    // SAFETY: zeroes are a valid action, should the call have failed.
    unsafe { before.assume_init() }
}

/// Blocks all signals on this thread.
pub fn block_signals() {
    let mut all = std::mem::MaybeUninit::uninit();
    // SAFETY: fills the set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: a full set.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut()) };
}

/// Ends this process at once, without the cleanups of pools and without the destructors of threads.
pub fn end(code: i32) -> ! {
    // SAFETY: the kernel takes back what the process has; nothing of it runs after this.
    unsafe { libc::_exit(code) }
}

/// The exit code of a child whose end takes too long: that of one that cannot start, once it is known.
static CODE: AtomicI32 = AtomicI32::new(0);

/// Ends this process at once, in the middle of its end.
pub fn give_up() -> ! {
    end(CODE.load(Ordering::Relaxed))
}

/// Ends this child, which cannot start, as `child_init` runs, with the cleanups of its pool. `stops_httpd`: all of httpd
/// ends; else httpd starts another child, but no more than one in a second.
pub fn refuse_start(child: &Pool, stops_httpd: bool) -> ! {
    let code = match stops_httpd {
        true => ffi::APEXIT_CHILDFATAL as i32,
        false => ffi::APEXIT_CHILDSICK as i32,
    };
    CODE.store(code, Ordering::Relaxed);
    // SAFETY: the pool of the child, which has one thread and ends below: nobody uses the pool any more.
    unsafe { ffi::apr_pool_destroy(child.as_ptr()) };
    end(code)
}

unsafe extern "C" {
    /// glibc's `atexit` that gives the function the exit code.
    fn on_exit(
        function: extern "C" fn(i32, *mut std::ffi::c_void),
        argument: *mut std::ffi::c_void,
    ) -> i32;
}

/// Has `exit()` end this process at once, with its code: what libraries do in `exit()` would go on beside threads that
/// use these libraries.
pub fn exit_at_once() {
    /// Outside of `guard`: nothing in it can panic.
    extern "C" fn at_exit(code: i32, _: *mut std::ffi::c_void) {
        end(code);
    }
    // SAFETY: a function that lives as long as the process: the module is never unloaded.
    unsafe { on_exit(at_exit, std::ptr::null_mut()) };
}

/// Whether `-D name` was given, or `Define name` read.
pub fn is_defined(name: &CStr) -> bool {
    // SAFETY: NUL-terminated; only compared.
    unsafe { ffi::ap_exists_config_define(name.as_ptr()) != 0 }
}

/// The length of `path` in bytes without `path_info` at its end.
pub fn length_without_path_info(path: &CStr, path_info: &CStr) -> usize {
    // SAFETY: two NUL-terminated texts.
    let length = unsafe { ffi::ap_find_path_info(path.as_ptr(), path_info.as_ptr()) };
    usize::try_from(length).unwrap_or(0)
}

/// Whether a module of this name is loaded, as `mod_name.c`.
pub fn has_module(name: &CStr) -> bool {
    // SAFETY: NUL-terminated; only compared.
    unsafe { !ffi::ap_find_linked_module(name.as_ptr()).is_null() }
}
