//! The door through which anything wakes what has no thread: a job for one of the MPM's workers.
//! Whoever has to go on with a connection (a deadline, room for output, an answer from elsewhere)
//! comes in here. Only where the MPM parks connections.

use std::ffi::c_void;

use super::hooks::guard;
use super::{Error, ffi};

type Job = Box<dyn FnOnce() + Send>;

/// Has one of the MPM's workers run `job` as soon as one is free. Never waits; any thread.
///
/// # Errors
/// The MPM has no such call: it has a thread for each connection.
pub fn on_worker(job: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let job: Job = Box::new(job);
    let baton = Box::into_raw(Box::new(job));
    // In the past: the MPM looks at future ones only when something else wakes it.
    const BEFORE_NOW: ffi::apr_time_t = -1000;
    // SAFETY: `run` matches the baton, and the MPM calls it once.
    let status =
        unsafe { ffi::ap_mpm_register_timed_callback(BEFORE_NOW, Some(run), baton.cast()) };
    if status != 0 {
        // SAFETY: the MPM refused it: the box is still ours.
        drop(unsafe { Box::from_raw(baton) });
    }
    Error::check(status)
}

unsafe extern "C" fn run(baton: *mut c_void) {
    // SAFETY: made by `on_worker`, called once.
    let job = unsafe { Box::from_raw(baton.cast::<Job>()) };
    guard("a job on a worker", (), *job);
}
