//! The end of a request: its registered cleanups and its `PythonCleanupHandler`.
//!
//! httpd destroys the request's pool on the thread that worked on the request last. `end` is called first, while all
//! that the pool holds is still there; the GIL is not held, and each cleanup enters its own interpreter.

use pyo3::prelude::*;

use super::phase;
use super::state::RequestState;
use crate::engine::phases::{Phase, PhaseHook};
use crate::engine::settings::Settings;
use crate::httpd::{Request, Status};
use crate::python::cleanup::{Cleanup, Cleanups, MOST_LATE, too_many};
use crate::python::runtime::context::About;

impl Cleanups {
    /// Adds a cleanup; the last one is called first. `runs`: the cleanups of the request are being called now.
    ///
    /// # Errors
    /// `ValueError` when cleanups that are being called register more than `MOST_LATE`.
    pub fn push(&self, r: &Request, cleanup: Cleanup, runs: bool) -> PyResult<()> {
        if runs && self.late.replace(self.late.get() + 1) >= MOST_LATE {
            return Err(too_many());
        }
        self.functions.borrow_mut().push(cleanup);
        self.arm(r);
        Ok(())
    }

    /// Takes out the cleanup that was registered last with this object as its data.
    pub fn take(&self, data: &Bound<'_, PyAny>) -> Option<Cleanup> {
        let mut functions = self.functions.borrow_mut();
        let position = functions.iter().rposition(|one| one.is_for(data))?;
        Some(functions.remove(position))
    }

    /// Has `end` called at the end of the request, once.
    fn arm(&self, r: &Request) {
        if !self.is_armed.replace(true) {
            r.at_end(end);
        }
    }
}

/// Has the request's `PythonCleanupHandler` called at its end, if it has one.
pub fn arm(r: &Request, settings: &Settings) {
    if settings.has(Phase::Cleanup) {
        RequestState::of(r).cleanups.arm(r);
    }
}

/// Calls the cleanups of a request, then its `PythonCleanupHandler`. httpd calls this before the pool is destroyed.
fn end(r: &Request) {
    let state = RequestState::of(r);
    state.has_ended.set(true);
    state.handlers.close();
    // A cleanup may register another one, which is called, too.
    let next = || state.cleanups.functions.borrow_mut().pop();
    while let Some(cleanup) = next() {
        let _open = state.lease.open();
        cleanup.run(About::Request(r), || {});
    }
    let settings = r.settings::<Settings>();
    if let Some(chosen) = settings.handlers(Phase::Cleanup, r.filename()) {
        let _: Status = phase::run(
            r,
            PhaseHook::PoolCleanup,
            Phase::Cleanup,
            Some(chosen),
            settings,
        );
    }
}
