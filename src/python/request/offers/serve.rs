//! How a thread of httpd has code on an event loop answer a request. As long as that code only answers, the thread does not
//! enter Python: each entry would have to wait for the loop's thread to let go of the GIL. Where the request can wait
//! without a thread, it does so until the answer is there, or its thread is needed for something else.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::answer::WholeAnswer;
use super::offer::{Offer, OfferedTo};
use super::queue;
use super::queue::OfferQueue;
use crate::engine::call_counters::Work;
use crate::engine::handler_lists::Chosen;
use crate::engine::handlers::Handler;
use crate::engine::phases::{Phase, PhaseHook};
use crate::engine::settings::Settings;
use crate::httpd::{Request, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::parking::io_state::IoState;
use crate::parking::task::Task;
use crate::parking::timer;
use crate::python::connection::object::taken;
use crate::python::handlers::chain::Chain;
use crate::python::pdb;
use crate::python::request::coroutine::awaited;
use crate::python::request::phase;
use crate::python::request::resumes::Resumes;
use crate::python::request::state::RequestState;
use crate::python::request::waiting;
use crate::python::request::waiting::WaitingRequest;
use crate::python::request::waiting_limit;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::loan;
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::source_changes;

/// How long a thread waits for the answer before it also looks after its client and the stop of the child, for which it
/// enters Python.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same for a request that can wait without a thread, and whose code awaits something.
const MOMENT: Duration = Duration::from_millis(1);
/// The same where the loop's thread is not done with what it does: it may wait for a processor.
const LONG_TURN: Duration = Duration::from_millis(8);
/// The same where those before it had to wait for longer.
const INSTANT: Duration = Duration::from_micros(200);

/// Has the content handler of a request answer it, which runs on a loop. Returns the status for httpd's hook; `SUSPENDED`
/// if the request waits without a thread.
pub fn run(r: &Request, chosen: Chosen<'_>, settings: &Settings) -> Status {
    let state = RequestState::of(r);
    offered(r, state, chosen, settings).unwrap_or_else(|| {
        // What was offered is in the state of the request.
        let (hook, phase) = (PhaseHook::Handler, Phase::Content);
        let status = phase::run(r, hook, phase, Some(chosen), settings);
        ended(state, status)
    })
}

/// Drops what is left of an offer, unless its request waits. Without the GIL.
pub fn ended(state: &RequestState, status: Status) -> Status {
    let offer = match status {
        Status::SUSPENDED => None,
        _ => state.offer.take(),
    };
    if let Some(offer) = offer {
        offer.end();
    }
    status
}

/// The interpreter to whose loop a request can be offered.
fn interpreter(
    r: &Request,
    state: &RequestState,
    handler: &Handler,
    settings: &Settings,
) -> Option<&'static Interpreter> {
    let (phase, c) = (Phase::Content, r.connection());
    if state.handlers.has(phase) || state.has_variables() || settings.enable_pdb == Some(true) {
        return None;
    }
    // The reason why there is none is logged by who enters it.
    if handler.is_application() {
        return Interpreter::for_application(settings, r, &handler.home).ok();
    }
    // A loop does not wait for its own thread, and nobody waits here for a client that has not taken what came before.
    if loan::runs_loop() || c.has_unsent() || taken(c).is_some() {
        return None;
    }
    state
        .interpreter(r, settings, &handler.home, phase.knows_file())
        .ok()
}

/// Offers the request to a loop. The status for httpd if the code there has answered, or the request waits; `None` if this
/// thread is to call the handler.
fn offered(
    r: &Request,
    state: &RequestState,
    chosen: Chosen<'_>,
    settings: &Settings,
) -> Option<Status> {
    let (hook, phase) = (PhaseHook::Handler, Phase::Content);
    let handler = chosen.list.first()?;
    let interpreter = interpreter(r, state, handler, settings)?;
    let queue = queue::of(interpreter)?;
    waiting_limit::note_use();
    let parks = waiting::has_place(r);
    if parks && waiting_limit::are_too_many(r) {
        return Some(Status::SERVICE_UNAVAILABLE);
    }
    let measurement = Measurement::begin(metrics::phase(phase));
    source_changes::look_at_folders();
    let chain = Arc::new(Chain::new(Some(chosen.list.clone()), Vec::new()));
    state.handlers.begin(hook, phase, &chain, chosen.extension);
    // Code of the loop that uses the request learns that it is this thread's.
    let _open = state.lease.open();
    let to = match handler.is_application() {
        true => OfferedTo::Application,
        false => OfferedTo::Handler(chain),
    };
    let offer = Offer::new(interpreter, r, to);
    if !queue.push(offer.clone()) {
        return None;
    }
    if parks && waits_without_thread(r, state, &offer, &queue, interpreter) {
        measurement.end(&Work::default());
        return Some(Status::SUSPENDED);
    }
    offer.wait(PATIENCE);
    let answer = offer.leave();
    state.lease.take_back();
    match answer {
        Some(answer) => Some(answered(
            r,
            state,
            &offer,
            *answer,
            interpreter,
            measurement,
        )),
        None => {
            let has_begun = offer.has_begun_handler();
            state.offer.replace(Some(offer));
            has_begun.then(|| {
                measurement.end(&Work::default());
                drive(r, state, interpreter)
            })
        }
    }
}

/// Goes on in Python, on this thread, with a handler that runs on the loop.
fn drive(r: &Request, state: &RequestState, interpreter: &'static Interpreter) -> Status {
    let current = state.handlers.chain().and_then(|chain| chain.current());
    state.waits_in.replace(current);
    let status = phase::go_on(r, interpreter, |py| {
        let coroutine = called(py, interpreter, r)?;
        awaited(interpreter, r, state, coroutine)
    });
    ended(state, status)
}

/// Waits for a moment. Returns whether the request waits on without a thread.
fn waits_without_thread(
    r: &Request,
    state: &RequestState,
    offer: &Arc<Offer>,
    queue: &OfferQueue,
    interpreter: &'static Interpreter,
) -> bool {
    let mut time = if queue.is_slow() { INSTANT } else { MOMENT };
    // The loop's thread may have much to do before it takes the request.
    while time < PATIENCE {
        if offer.wait(time) {
            queue.note(false);
            return false;
        }
        let is_stuck = queue.is_stuck();
        let parks = is_stuck || time >= LONG_TURN || offer.awaits_something(queue.turn());
        if parks && park(r, state, offer, is_stuck, interpreter) {
            queue.note(true);
            return true;
        }
        time *= 2;
    }
    false
}

fn park(
    r: &Request,
    state: &RequestState,
    offer: &Arc<Offer>,
    early: bool,
    interpreter: &'static Interpreter,
) -> bool {
    let Some(task) = Task::new::<WaitingRequest>(true) else {
        return false;
    };
    if offer.park(&task, early) {
        // Nobody has lent it before the code runs, and then it is lent.
        state.lease.take_back();
        if waiting::can_leave(r, &task) {
            let resumes = Resumes::Offer(offer.clone());
            let handler = state.handlers.chain().and_then(|chain| chain.current());
            state.waits_in.replace(handler);
            waiting::begin(r, task, IoState::default(), resumes, interpreter);
            return true;
        }
        state.lease.lend_to_loop();
        offer.unpark();
    }
    timer::forget(task.number);
    false
}

/// Goes on with a request that waits without a thread, and whose code has not called it. Returns the status for httpd;
/// `Err` with what goes on if it waits again, or goes on in Python. `leaves`: it cannot wait any longer. Without the GIL.
pub fn go_on(
    r: &Request,
    interpreter: &'static Interpreter,
    offer: Arc<Offer>,
    leaves: bool,
) -> Result<Status, (Resumes, bool)> {
    if !leaves && !offer.is_over() {
        return Err((Resumes::Offer(offer), false));
    }
    let state = RequestState::of(r);
    let Some(answer) = offer.leave() else {
        state.is_async.set(true);
        state.offer.replace(Some(offer.clone()));
        return Err((Resumes::Offer(offer), true));
    };
    r.note_worked_on();
    let application = match offer.chain() {
        None => state.application.get(),
        Some(_) => None,
    };
    let row = application.and_then(|application| metrics::application(application));
    let counted = Measurement::go_on(row);
    let measurement = Measurement::go_on(metrics::phase(Phase::Content));
    let status = answered(r, state, &offer, *answer, interpreter, measurement);
    counted.end(&Work::of_response(status.0.max(r.status())));
    Ok(status)
}

/// What the handler comes to of a request that was offered, and goes on in Python: what drives the code that runs on the
/// loop, or else what the handler returns that was called now. With the GIL.
///
/// # Errors
/// What importing the handler raises, and what it raises.
pub fn called<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
) -> PyResult<Bound<'py, PyAny>> {
    let (state, settings) = (RequestState::of(r), r.settings::<Settings>());
    let offer = state.offer.borrow().clone();
    let offer = offer.filter(|offer| offer.has_begun_handler());
    if let Some(exchange) = offer.and_then(|offer| offer.take_exchange()) {
        return exchange.into_bound(py).call_method0("drive");
    }
    let chained = state.handlers.chain().and_then(|chain| chain.current());
    let gone = || PyRuntimeError::new_err("the handler is gone");
    let chained = chained.ok_or_else(gone)?;
    let req = state.object(py, interpreter, r)?;
    let search = SearchPath::of(settings, Some(r));
    let default = Phase::Content.default_object();
    let loader = &interpreter.loader;
    let function = loader.find(py, chained.handler(), default, search, &req)?;
    pdb::call1(settings, &function, &req)
}

fn answered(
    r: &Request,
    state: &RequestState,
    offer: &Offer,
    answer: WholeAnswer,
    interpreter: &'static Interpreter,
    measurement: Measurement,
) -> Status {
    state.lease.set_lends(false);
    if let Some(req) = offer.take_req() {
        state.keep_object(interpreter, req);
    }
    answer.give(r, state);
    phase::answered(r, interpreter, Phase::Content, measurement)
}
