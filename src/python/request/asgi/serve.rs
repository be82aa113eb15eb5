//! How a thread of httpd has an application answer a request. As long as the application only answers, the thread does
//! not enter Python: each entry would have to wait for the loop's thread to let go of the GIL. Where the request can wait
//! without a thread, it does so until the answer is there, or its thread is needed for something else.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::answer::WholeAnswer;
use super::offer::Offer;
use super::queue;
use super::queue::OfferQueue;
use crate::engine::application::Application;
use crate::engine::call_counters::Work;
use crate::engine::handler_lists::Chosen;
use crate::engine::handlers::Home;
use crate::engine::phases::{Phase, PhaseHook};
use crate::engine::settings::Settings;
use crate::httpd::{Request, Status};
use crate::metrics;
use crate::metrics::Measurement;
use crate::parking::io_state::IoState;
use crate::parking::task::Task;
use crate::parking::timer;
use crate::python::request::phase;
use crate::python::request::resumes::Resumes;
use crate::python::request::state::RequestState;
use crate::python::request::waiting;
use crate::python::request::waiting::WaitingRequest;
use crate::python::request::waiting_limit;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::search_path::SearchPath;
use crate::python::runtime::source_changes;

/// How long a thread waits for the answer before it also looks after its client and the stop of the child, for which it
/// enters Python.
const PATIENCE: Duration = Duration::from_millis(100);
/// The same for a request that can wait without a thread.
const MOMENT: Duration = Duration::from_millis(1);
/// The same where those before it had to wait for longer.
const INSTANT: Duration = Duration::from_micros(200);

/// Has the application of a request answer it. Returns the status for httpd's hook; `SUSPENDED` if the request waits
/// without a thread.
pub fn run(r: &Request, application: &Application) -> Status {
    let (state, settings) = (RequestState::of(r), r.settings());
    let offered = offer(r, state, application, settings);
    offered.unwrap_or_else(|| go_on_in_python(r, state, application, settings))
}

fn chosen(application: &Application) -> Chosen<'_> {
    Chosen {
        list: &application.handlers,
        extension: None,
    }
}

/// Calls the handler of applications on this thread, which finds what was offered in the state of the request.
fn go_on_in_python(
    r: &Request,
    state: &RequestState,
    application: &Application,
    settings: &Settings,
) -> Status {
    let chosen = Some(chosen(application));
    let status = phase::run(r, PhaseHook::Handler, Phase::Content, chosen, settings);
    if status != Status::SUSPENDED {
        end(state);
    }
    status
}

/// Drops what is left of an offer. Without the GIL.
fn end(state: &RequestState) {
    if let Some(offer) = state.offer.take() {
        offer.end();
    }
}

/// Offers the request to the application's loop. The status for httpd if the application has answered, or the request
/// waits; `None` if this thread is to go on in Python.
fn offer(
    r: &Request,
    state: &RequestState,
    application: &Application,
    settings: &Settings,
) -> Option<Status> {
    let phase = Phase::Content;
    if state.handlers.has(phase) || state.has_variables() || settings.enable_pdb == Some(true) {
        return None;
    }
    let first = application.handlers.first();
    let home = first.map_or(&Home::None, |handler| &handler.home);
    // The reason is logged by who enters it.
    let interpreter = Interpreter::for_application(settings, r, home).ok()?;
    let queue = queue::of(interpreter)?;
    waiting_limit::note_use();
    let parks = waiting::has_place(r);
    if parks && waiting_limit::are_too_many(r) {
        return Some(Status::SERVICE_UNAVAILABLE);
    }
    let measurement = Measurement::begin(metrics::phase(phase));
    source_changes::look_at_folders();
    let list = &application.handlers;
    let handlers = &state.handlers;
    handlers.begin_configured(PhaseHook::Handler, phase, list);
    // Code of the loop that uses the request learns that it is this thread's.
    let _open = state.lease.open();
    let offer = Offer::new(interpreter, r);
    if !queue.push(offer.clone()) {
        return None;
    }
    if parks && waits_without_thread(r, &offer, &queue, interpreter) {
        return Some(Status::SUSPENDED);
    }
    offer.wait(PATIENCE);
    match offer.leave() {
        Some(answer) => Some(answered(r, state, *answer, interpreter, measurement)),
        None => {
            state.offer.replace(Some(offer));
            None
        }
    }
}

/// Waits for a moment. Returns whether the request waits on without a thread.
fn waits_without_thread(
    r: &Request,
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
        if park(r, offer, queue.is_stuck(), interpreter) {
            queue.note(true);
            return true;
        }
        time *= 2;
    }
    false
}

fn park(r: &Request, offer: &Arc<Offer>, early: bool, interpreter: &'static Interpreter) -> bool {
    let Some(task) = Task::new::<WaitingRequest>(true) else {
        return false;
    };
    if offer.park(&task, early) {
        if waiting::can_leave(r, &task) {
            let resumes = Resumes::Application(offer.clone());
            let state = RequestState::of(r);
            let handler = state.handlers.chain().and_then(|chain| chain.current());
            state.waits_in.replace(handler);
            waiting::begin(r, task, IoState::default(), resumes, interpreter);
            return true;
        }
        offer.unpark();
    }
    timer::forget(task.number);
    false
}

/// Goes on with a request that waits without a thread, and whose application has not called it. Returns the status for
/// httpd; `Err` with what goes on if it waits again, or goes on in Python. `leaves`: it cannot wait any longer. Without the
/// GIL.
pub fn go_on(
    r: &Request,
    interpreter: &'static Interpreter,
    offer: Arc<Offer>,
    leaves: bool,
) -> Result<Status, (Resumes, bool)> {
    if !leaves && !offer.is_over() {
        return Err((Resumes::Application(offer), false));
    }
    let state = RequestState::of(r);
    let Some(answer) = offer.leave() else {
        state.is_async.set(true);
        state.offer.replace(Some(offer.clone()));
        return Err((Resumes::Application(offer), true));
    };
    r.note_worked_on();
    let application = state.application.get();
    let row = application.and_then(|application| metrics::application(application));
    let counted = Measurement::go_on(row);
    let measurement = Measurement::begin(metrics::phase(Phase::Content));
    let status = answered(r, state, *answer, interpreter, measurement);
    counted.end(&Work::of_response(status.0.max(r.status())));
    Ok(status)
}

/// The handler of applications, which was called for a request that has waited. With the GIL.
///
/// # Errors
/// What importing it raises.
pub fn call_handler<'py>(
    py: Python<'py>,
    interpreter: &'static Interpreter,
    r: &Request,
) -> PyResult<Bound<'py, PyAny>> {
    let state = RequestState::of(r);
    let gone = || PyRuntimeError::new_err("the application is gone");
    let application = state.application.get().ok_or_else(gone)?;
    let handler = application.handlers.first().ok_or_else(gone)?;
    let req = state.object(py, interpreter, r)?;
    let search = SearchPath::of(r.settings(), Some(r));
    let default = Phase::Content.default_object();
    let function = interpreter
        .loader
        .find(py, handler, default, search, &req)?;
    function.call1((req,))
}

fn answered(
    r: &Request,
    state: &RequestState,
    answer: WholeAnswer,
    interpreter: &'static Interpreter,
    measurement: Measurement,
) -> Status {
    answer.give(r, state);
    phase::answered(r, interpreter, Phase::Content, measurement)
}
