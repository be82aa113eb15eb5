//! A request, as its thread offers it to the event loop that its application or handler runs on. The thread does not enter
//! Python: the loop's thread makes what the code is called with while the other one waits, and gives the whole response
//! back, which the request's thread sends. Where the code needs more than that, the request's thread goes on in Python.
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
use super::kept::KeptObjects;
use crate::httpd::{Connection, Request};
use crate::locks::{Lock, Signal};
use crate::parking::task::Task;
use crate::python::handlers::chain::Chain;
use crate::python::object::class;
use crate::python::request::object::RequestObject;
use crate::python::runtime::context::About;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::loan;

/// For whom a request is.
pub enum OfferedTo {
    /// An application of ASGI.
    Application,
    /// The first handler of this chain, which was seen to run on the loop.
    Handler(Arc<Chain>),
}

/// A request that was offered.
pub struct Offer {
    interpreter: &'static Interpreter,
    to: OfferedTo,
    /// When it was made.
    since: Instant,
    state: Lock<OfferState>,
    changed: Signal,
    kept: KeptObjects,
}

struct OfferState {
    stage: OfferStage,
    /// The task of the request, where that waits without a thread.
    parked: Option<Arc<Task>>,
    /// In which turn of the loop the code began to run, if it did.
    turn: Option<u32>,
    /// Whether its thread waits for the loop to be done with the request.
    is_left: bool,
    /// Whether the loop has called the request since that goes on in Python.
    is_called: bool,
}

/// How far an offer is.
enum OfferStage {
    /// No thread has looked at it.
    Offered(NonNull<Request>),
    /// The loop's thread makes what the code is called with, for which it uses the request.
    Made,
    /// The code runs.
    Runs,
    /// The code has answered.
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
    pub fn new(interpreter: &'static Interpreter, r: &Request, to: OfferedTo) -> Arc<Self> {
        Arc::new(Self {
            interpreter,
            to,
            since: Instant::now(),
            state: Lock::short(OfferState {
                stage: OfferStage::Offered(NonNull::from(r)),
                parked: None,
                turn: None,
                is_left: false,
                is_called: false,
            }),
            changed: Signal::new(),
            kept: KeptObjects::default(),
        })
    }

    /// The same for an application's request that goes on in Python from the beginning, which was not offered.
    pub fn left(interpreter: &'static Interpreter, r: &Request) -> Arc<Self> {
        let offer = Self::new(interpreter, r, OfferedTo::Application);
        offer.hand_over();
        offer
    }

    /// The handlers that it was offered to; `None` for an application's request.
    pub fn chain(&self) -> Option<&Arc<Chain>> {
        match &self.to {
            OfferedTo::Application => None,
            OfferedTo::Handler(chain) => Some(chain),
        }
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

    /// Whether the code runs, and has come to a wait: it did not answer in the turn of the loop in which it began, and another
    /// one goes on now. Where turns are not known, code that runs is taken to wait.
    pub fn awaits_something(&self, turn: u32) -> bool {
        let state = self.state.lock();
        let is_later = turn == 0 || state.turn != Some(turn);
        matches!(state.stage, OfferStage::Runs) && is_later
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

    /// The answer of the code. `None` if the caller is to go on in Python: the loop has nothing to do with the request
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

    /// The thread of the request is to go on in Python, unless the code has answered. Any thread.
    pub fn hand_over(&self) {
        self.go_on_if(|stage| !stage.is_over(), OfferStage::Left);
    }

    /// As `hand_over`, unless the code runs.
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
        self.kept.put_req(req);
    }

    /// The code is about to run, in this turn of the loop. A handler can use the request from then on, whose thread waits.
    /// With the GIL.
    pub(super) fn run(&self, exchange: &Bound<'_, PyAny>, turn: u32) {
        self.kept.put_exchange(exchange.clone().unbind());
        let req = self.kept.req(exchange.py());
        let object = req.as_ref().and_then(|req| self.request_object(req));
        if let Some(object) = object.filter(|_| self.chain().is_some()) {
            object.exchange.replace(Some(exchange.clone().unbind()));
            let lease = object.lent.lease();
            lease.set_lends(true);
            lease.lend_to_loop();
        }
        let mut state = self.state.lock();
        if matches!(state.stage, OfferStage::Made) {
            state.stage = OfferStage::Runs;
            state.turn = Some(turn);
            if state.is_left {
                drop(state);
                self.changed.give_all();
            }
        }
    }

    /// The code has answered. Returns whether the request's thread has the answer; if not, it has gone on in Python. With
    /// the GIL.
    fn is_answered(&self, answer: Box<WholeAnswer>) -> bool {
        let runs = |stage: &OfferStage| matches!(stage, OfferStage::Runs);
        self.go_on_if(runs, OfferStage::Answered(answer))
    }

    /// An application has answered. As `is_answered`.
    pub(super) fn answer(&self, py: Python<'_>, answer: Box<WholeAnswer>) -> bool {
        let is_taken = self.is_answered(answer);
        if is_taken {
            self.kept.forget(py);
        }
        is_taken
    }

    /// A handler has answered. Returns whether the request's thread has the answer; if not, it goes on in Python, or is to
    /// do so. With the GIL.
    pub(super) fn answer_of_handler(&self, py: Python<'_>, answer: Box<WholeAnswer>) -> bool {
        if self.chain().is_none_or(|chain| chain.has_added()) {
            return false;
        }
        // The request's thread has it back then as soon as it looks.
        loan::give_back();
        let Some(req) = self.kept.take_req() else {
            return false;
        };
        let req = req.into_bound(py);
        let exchange = self.kept.take_exchange().map(|kept| kept.into_bound(py));
        let object = self.request_object(&req);
        let on_loop = object.and_then(|object| object.exchange.take());
        let on_loop = on_loop.map(|exchange| exchange.into_bound(py));
        // Its other reference is the exchange's.
        let is_known = !class::is_forgotten_but_for::<RequestObject>(&req, 1);
        if is_known {
            self.keep(req.clone().unbind());
        }
        let is_taken = self.is_answered(answer);
        if !is_taken {
            // The request's thread looks when it has the GIL.
            if let Some(object) = object {
                object.exchange.replace(on_loop.map(Bound::unbind));
            }
            if !is_known {
                self.keep(req.clone().unbind());
            }
            if let Some(exchange) = exchange {
                self.kept.put_exchange(exchange.unbind());
            }
        }
        is_taken
    }

    fn request_object<'a>(&self, req: &'a Bound<'_, PyAny>) -> Option<&'a RequestObject> {
        class::body::<RequestObject>(req, self.interpreter)
    }

    /// Takes the request's `req`, if it was kept. Any thread.
    pub fn take_req(&self) -> Option<Py<PyAny>> {
        self.kept.take_req()
    }

    /// Whether a handler was begun on the loop, with which the request's thread goes on in Python.
    pub fn has_begun_handler(&self) -> bool {
        self.chain().is_some() && self.state.lock().turn.is_some()
    }

    /// Takes the request's exchange. With the GIL.
    pub fn take_exchange(&self) -> Option<Py<PyAny>> {
        self.kept.take_exchange()
    }

    /// The request is over, or its phase: drops what is left. Without the GIL.
    pub fn end(&self) {
        self.hand_over();
        if !self.kept.is_empty() {
            self.interpreter
                .enter(About::Nothing, |py| self.kept.forget(py));
        }
    }

    /// The request is over before the code has answered, and its thread has not gone on in Python: ends a handler.
    /// Without the GIL.
    pub fn abandon(&self, c: &Connection) {
        self.hand_over();
        if self.has_begun_handler() {
            self.interpreter.enter(About::Connection(c), |py| {
                if let Some(exchange) = self.take_exchange() {
                    // What it raises has nobody to hear it.
                    let _ = exchange.into_bound(py).call_method0("abandon");
                }
            });
        }
        self.end();
    }
}
