//! The end of a request: its registered cleanups and its `PythonCleanupHandler`.

use pyo3::PyResult;

use super::phase;
use super::state::State;
use crate::engine::phases::{Hook, Phase};
use crate::engine::settings::Settings;
use crate::httpd::{Request, Status};
use crate::python::cleanup::{Cleanup, Cleanups, MOST_LATE, too_many};
use crate::python::runtime::context::About;

impl Cleanups {
    /// Adds one; the last one is called first. `runs`: the cleanups of the request are running.
    ///
    /// # Errors
    /// `ValueError` when cleanups register too many.
    pub fn push(&self, r: &Request, cleanup: Cleanup, runs: bool) -> PyResult<()> {
        if runs && self.late.replace(self.late.get() + 1) >= MOST_LATE {
            return Err(too_many());
        }
        self.functions.borrow_mut().push(cleanup);
        self.arm(r);
        Ok(())
    }

    fn arm(&self, r: &Request) {
        if !self.is_armed.replace(true) {
            r.at_end(end);
        }
    }
}

/// Sees to it that the request's `PythonCleanupHandler` runs, if it has one.
pub fn arm(r: &Request, settings: &Settings) {
    if settings.has(Phase::Cleanup) {
        State::of(r).cleanups.arm(r);
    }
}

/// A request goes, with all that we keep of it still there.
fn end(r: &Request) {
    let state = State::of(r);
    state.has_ended.set(true);
    state.handlers.close();
    // What one leaves for the end is called, too.
    let next = || state.cleanups.functions.borrow_mut().pop();
    while let Some(cleanup) = next() {
        let _open = state.lease.open();
        cleanup.run(About::Request(r), || {});
    }
    let settings = r.settings::<Settings>();
    if let Some(chosen) = settings.handlers(Phase::Cleanup, r.filename()) {
        let _: Status = phase::run(r, Hook::PoolCleanup, Phase::Cleanup, Some(chosen), settings);
    }
}
