//! A request for an application, as its thread offers it to the event loop that the application runs on. The thread does
//! not enter Python: the loop's thread makes the scope while the other one waits, and gives the whole response back, which
//! the request's thread sends. Where the application needs more than that, the request's thread goes on in Python.
//!
//! The locks are held for a few instructions. No Python object is dropped under them.
#![expect(
    unsafe_code,
    reason = "the loop's thread uses a request while its own thread waits for that"
)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::answer::WholeAnswer;
use crate::httpd::Request;
use crate::locks::{Lock, Signal};
use crate::parking::task::Task;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;

/// A request that was offered.
pub struct Offer {
    interpreter: &'static Interpreter,
    /// When it was made.
    since: Instant,
    state: Lock<OfferState>,
    changed: Signal,
    kept: Lock<Option<KeptObjects>>,
}

struct OfferState {
    stage: OfferStage,
    /// The task of the request, where that waits without a thread.
    parked: Option<Arc<Task>>,
    /// Whether its thread waits for the loop to be done with the request.
    is_left: bool,
    /// Whether the loop has called the request since that goes on in Python.
    is_called: bool,
}

/// Python's objects for the request, until its thread takes them or the application has answered.
pub struct KeptObjects {
    /// `req`, as the scope has it.
    pub req: Option<Py<PyAny>>,
    /// The `Exchange`.
    pub exchange: Option<Py<PyAny>>,
}

/// How far an offer is.
enum OfferStage {
    /// No thread has looked at it.
    Offered(NonNull<Request>),
    /// The loop's thread makes its scope, for which it uses the request.
    Made,
    /// The application runs.
    Runs,
    /// The application has answered.
    Answered(Box<WholeAnswer>),
    /// The request's thread goes on in Python.
    Left,
}

// SAFETY: the pointer is used by the loop's thread alone, and only while the request's thread waits for that.
unsafe impl Send for OfferStage {}

impl OfferStage {
    /// Whether the request's thread has something to do.
    fn is_over(&self) -> bool {
        matches!(self, Self::Answered(_) | Self::Left)
    }
}

impl Offer {
    /// An offer of a request to the loop of an interpreter. Its thread calls `wait` before it uses the request again.
    pub fn new(interpreter: &'static Interpreter, r: &Request) -> Arc<Self> {
        Arc::new(Self {
            interpreter,
            since: Instant::now(),
            state: Lock::short(OfferState {
                stage: OfferStage::Offered(NonNull::from(r)),
                parked: None,
                is_left: false,
                is_called: false,
            }),
            changed: Signal::new(),
            kept: Lock::default(),
        })
    }

    /// The same for a request that goes on in Python from the beginning, to which nothing was offered.
    pub fn left(interpreter: &'static Interpreter, r: &Request) -> Arc<Self> {
        let offer = Self::new(interpreter, r);
        offer.hand_over();
        offer
    }

    /// Whether the loop has called the request, since it goes on in Python and this was asked for; else the task is woken
    /// when it calls.
    pub fn take_call(&self, task: &Arc<Task>) -> bool {
        let mut state = self.state.lock();
        let is_called = std::mem::take(&mut state.is_called);
        state.parked = (!is_called).then(|| task.clone());
        is_called
    }

    /// Calls the request, for its thread or what goes on in its place. Any thread.
    pub fn call(&self) {
        let mut state = self.state.lock();
        if !matches!(state.stage, OfferStage::Left) {
            drop(state);
            return self.hand_over();
        }
        state.is_called = true;
        let parked = state.parked.take();
        drop(state);
        if let Some(task) = parked {
            task.wake();
        }
    }

    /// Waits until the request's thread has something to do, or for so long; returns whether it has. Without the GIL.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while !state.stage.is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_for(state, left);
        }
        true
    }

    /// How long ago it was made.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Has the task woken when the request has something to do. Returns `false` while the loop may use the request, and when
    /// there is something to do. With `early` also before the loop's thread has looked at the request, which goes on in
    /// Python then when it does.
    pub fn park(&self, task: &Arc<Task>, early: bool) -> bool {
        let mut state = self.state.lock();
        let parks = match state.stage {
            OfferStage::Runs => true,
            OfferStage::Offered(_) => early,
            _ => false,
        };
        state.parked = parks.then(|| task.clone());
        parks
    }

    /// The request does not wait without a thread after all.
    pub fn unpark(&self) {
        self.state.lock().parked = None;
    }

    /// Whether the request has something to do.
    pub fn is_over(&self) -> bool {
        self.state.lock().stage.is_over()
    }

    /// The answer of the application. `None` if the caller is to go on in Python: the loop has nothing to do with the request
    /// any more but by the exchange, if there is one. Without the GIL.
    pub fn leave(&self) -> Option<Box<WholeAnswer>> {
        let mut state = self.state.lock();
        while matches!(state.stage, OfferStage::Made) {
            // Soon over.
            state.is_left = true;
            state = self.changed.wait(state);
        }
        state.parked = None;
        match std::mem::replace(&mut state.stage, OfferStage::Left) {
            OfferStage::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// Goes on to another stage if `is_so`, and wakes the request.
    fn go_on_if(&self, is_so: impl FnOnce(&OfferStage) -> bool, next: OfferStage) -> bool {
        let mut state = self.state.lock();
        let goes_on = is_so(&state.stage);
        if goes_on {
            state.stage = next;
            let parked = state.parked.take();
            drop(state);
            match parked {
                Some(task) => task.wake(),
                None => self.changed.give_all(),
            }
        }
        goes_on
    }

    /// The thread of the request is to go on in Python, unless the application has answered. Any thread.
    pub fn hand_over(&self) {
        self.go_on_if(|stage| !stage.is_over(), OfferStage::Left);
    }

    /// As `hand_over`, unless the application runs.
    pub fn hand_over_unless_it_runs(&self) {
        let is_so = |stage: &OfferStage| matches!(stage, OfferStage::Offered(_) | OfferStage::Made);
        self.go_on_if(is_so, OfferStage::Left);
    }

    /// The request, for the loop's thread, which has it until `run` or `hand_over`. `None` if its thread went on before, and
    /// if it waits without one: then it goes on.
    pub(super) fn begin(&self) -> Option<NonNull<Request>> {
        let mut state = self.state.lock();
        match state.stage {
            OfferStage::Offered(r) if state.parked.is_none() => {
                state.stage = OfferStage::Made;
                Some(r)
            }
            OfferStage::Offered(_) => {
                drop(state);
                self.hand_over();
                None
            }
            _ => None,
        }
    }

    /// Keeps the request's `req`. On the loop's thread, before `run`.
    pub(super) fn keep(&self, req: Py<PyAny>) {
        let kept = KeptObjects {
            req: Some(req),
            exchange: None,
        };
        *self.kept.lock() = Some(kept);
    }

    /// The application is about to run.
    pub(super) fn run(&self, exchange: Py<PyAny>) {
        if let Some(kept) = &mut *self.kept.lock() {
            kept.exchange = Some(exchange);
        }
        let mut state = self.state.lock();
        if matches!(state.stage, OfferStage::Made) {
            state.stage = OfferStage::Runs;
            if state.is_left {
                drop(state);
                self.changed.give_all();
            }
        }
    }

    /// The application has answered. Returns whether the request's thread has the answer; if not, it has gone on in
    /// Python. With the GIL.
    pub(super) fn answer(&self, py: Python<'_>, answer: Box<WholeAnswer>) -> bool {
        let runs = |stage: &OfferStage| matches!(stage, OfferStage::Runs);
        let is_taken = self.go_on_if(runs, OfferStage::Answered(answer));
        if is_taken {
            self.forget(py);
        }
        is_taken
    }

    /// Takes the request's `req`. With the GIL.
    pub fn take_req(&self) -> Option<Py<PyAny>> {
        self.kept.lock().as_mut()?.req.take()
    }

    /// Takes the request's exchange. With the GIL.
    pub fn take_exchange(&self) -> Option<Py<PyAny>> {
        self.kept.lock().as_mut()?.exchange.take()
    }

    fn forget(&self, py: Python<'_>) {
        let kept = self.kept.lock().take();
        if let Some(kept) = kept {
            let objects = [kept.req, kept.exchange];
            objects
                .into_iter()
                .flatten()
                .for_each(|object| drop(object.into_bound(py)));
        }
    }

    /// The request is over, or its phase: drops what is left. Without the GIL.
    pub fn end(&self) {
        self.hand_over();
        if self.kept.lock().is_some() {
            self.interpreter.enter(About::Nothing, |py| self.forget(py));
        }
    }
}
