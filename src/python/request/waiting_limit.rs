//! How many requests of a child may wait without a thread (`PythonMaxWaitingRequests`).

use std::sync::atomic::{AtomicUsize, Ordering};

use super::waiting::has_place;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::python::runtime::context::About;

/// How many requests of this child wait without a thread.
static PRESENT: AtomicUsize = AtomicUsize::new(0);

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
