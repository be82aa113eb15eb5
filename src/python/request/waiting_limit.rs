//! How many requests of a child may wait without a thread (`PythonMaxWaitingRequests`). Without the directive, as many as
//! leave httpd's threads connections to serve; others hold their threads. Connections that begin before the child knows of
//! code that can wait cannot be parked then, so that httpd's own work costs no more.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::waiting::has_place;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::parking::limits;
use crate::python::runtime::context::About;

/// How many requests of this child wait without a thread.
static PRESENT: AtomicUsize = AtomicUsize::new(0);

/// Whether code was called in this child that can wait.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// Code is called that can wait.
pub(super) fn note_use() {
    if !IS_USED.load(Ordering::Relaxed) {
        IS_USED.store(true, Ordering::Relaxed);
    }
}

/// Whether connections to a server with these settings are made so that requests can wait without a thread.
pub fn parks(settings: &Settings) -> bool {
    match settings.max_waiting_requests {
        Some(most) => most > 0,
        None => IS_USED.load(Ordering::Relaxed),
    }
}

/// Whether one more request with these settings may wait without a thread, or is refused.
pub(super) fn has_room(settings: &Settings) -> bool {
    match settings.max_waiting_requests {
        Some(most) => most > 0,
        None => PRESENT.load(Ordering::Relaxed) < limits::parked(),
    }
}

/// One request that counts, until this is dropped.
pub(super) struct Present(());

impl Present {
    /// Counts one more.
    pub(super) fn begin() -> Self {
        PRESENT.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        PRESENT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether so many requests wait that no further one may begin (`PythonMaxWaitingRequests`). Its response gets a
/// `Retry-After` then.
pub fn are_too_many(r: &Request) -> bool {
    let Some(most) = r.settings::<Settings>().max_waiting_requests else {
        return false;
    };
    if most == 0 || PRESENT.load(Ordering::Relaxed) < most || !has_place(r) {
        return false;
    }
    let text = format!("refused: {most} requests wait already (PythonMaxWaitingRequests)");
    About::Request(r).log(Level::Info, &text);
    r.err_headers_out().set(c"Retry-After", c"1");
    true
}
