//! Serves httpd's calls of a filter: an output filter takes a brigade of a response, an input filter gives out a part
//! of a request's body. All functions are called by httpd on the request's or connection's thread, without the GIL,
//! except that a handler that reads or writes may have called httpd inside of a `release`.

use std::cell::RefMut;
use std::sync::Arc;

use super::admission::{Admission, admit, is_coded_for};
use super::decode;
use super::failure::Failure;
use super::instance::Instance;
use crate::engine::filters::DeclaredFilter;
use crate::engine::settings::Settings;
use crate::filter_chain::{Change, Direction};
use crate::httpd::filter::Mode;
use crate::httpd::filter::input::Input;
use crate::httpd::filter::output::Output;
use crate::httpd::log::Level;
use crate::httpd::{Brigade, Connection, Error, Filter, Request, Status};
use crate::python::request::state::RequestState;
use crate::python::runtime::named::NoPython;

/// The noun in "no Python for this filter", in the error log and in exceptions.
pub(in crate::python) const THIS_FILTER: &str = "this filter";

/// Takes a brigade of a response for an output filter, and passes its output to the next filter.
///
/// # Errors
/// The error of the next filter; `Error::FILTER` after a failure of this one.
pub fn output(
    filter: &Filter,
    brigade: &Brigade,
    declared: Arc<DeclaredFilter>,
    settings: &Settings,
) -> Result<(), Error> {
    let follows_headers = declared.kind.follows_headers();
    let kept = filter.kept::<Instance>();
    if let (true, None, Some(r)) = (declared.wants_whole, kept, filter.request()) {
        r.show_range();
    }
    if follows_headers && kept.is_none() && !filter.request().is_some_and(Request::is_in_body) {
        // The headers themselves, or a response without a body.
        return filter.pass(brigade);
    }
    let instance = match kept {
        Some(instance) => instance,
        None if brigade.is_empty() => return Ok(()),
        None => {
            let admission = admit(filter, brigade, &declared);
            if let Admission::Aside = admission {
                return filter.step_out(brigade);
            }
            match Instance::new(filter, declared, Direction::Output, settings) {
                Ok(instance) => filter.keep(instance.admitted(admission)),
                Err(reason) => return no_python(filter, brigade, &reason),
            }
        }
    };
    if instance.take_unchecked() {
        if let Admission::Aside = admit(filter, brigade, &instance.declared) {
            return filter.step_out(brigade);
        }
    }
    match &instance.inflater {
        Some(inflater) => decode::output(filter, brigade, instance, inflater, settings),
        None => filtered(filter, brigade, instance, settings),
    }
}

/// Takes a brigade of a response that is not coded, or decoded.
pub(super) fn filtered(
    filter: &Filter,
    brigade: &Brigade,
    instance: &Instance,
    settings: &Settings,
) -> Result<(), Error> {
    let follows_headers = instance.declared.kind.follows_headers();
    let mut output = instance.output();
    if output.is_out() {
        // The filter has stepped out. It is kept to check that a promised Content-Length holds.
        output.accept(brigade);
        return output.finish(filter);
    }
    if output.stream.is_over() || output.is_broken() {
        return output.swallow(filter, brigade);
    }
    output.accept(brigade);
    if follows_headers {
        // On HTTP/2 the headers are a metadata bucket.
        output.pass_metadata();
    }
    let mut result = Ok(());
    if output.stream.has_event() || output.stream.is_working() {
        drop(output);
        result = instance.run(filter, settings);
        output = instance.output();
    }
    settle_output(filter, instance, &mut output, result)
}

/// Ends a call of an output filter by its result: sends what is written, or answers a failure.
fn settle_output(
    filter: &Filter,
    instance: &Instance,
    output: &mut Output,
    result: Result<(), Failure>,
) -> Result<(), Error> {
    match result {
        Ok(()) if output.stream.is_working() => output.suspend(filter),
        Ok(()) => output.finish(filter),
        Err(Failure {
            status: Some(Status::OK),
            ..
        }) => output.finish(filter),
        Err(Failure { status: None, .. }) if instance.passes_on_error(&mut output.stream) => {
            output.step_out();
            output.finish(filter)
        }
        Err(Failure {
            page: Some(page), ..
        }) if output.can_be_replaced(filter) => output.replace(filter, page.kind, &page.body),
        Err(Failure {
            status, appendix, ..
        }) => {
            if let Some(text) = appendix.filter(|_| output.can_be_appended_to(filter)) {
                output.append(filter, &text);
            }
            output.fail(filter, status.unwrap_or(Status::INTERNAL_SERVER_ERROR))
        }
    }
}

/// Logs why an output filter has no Python, and answers the request with the status for that.
fn no_python(filter: &Filter, brigade: &Brigade, reason: &NoPython) -> Result<(), Error> {
    reason.log(filter.into(), Level::Error, THIS_FILTER);
    brigade.clear();
    Output::new(filter, Change::Length).fail(filter, reason.status)
}

/// Gives out a part of a request's body through an input filter, into `target`.
///
/// # Errors
/// `Error::AGAIN` for a caller that does not wait (`block` is false); the error of the filters below; after a failure,
/// the error that makes httpd answer with the filter's status.
pub fn input(
    filter: &Filter,
    target: &Brigade,
    declared: Arc<DeclaredFilter>,
    settings: &Settings,
    mode: Mode,
    block: bool,
) -> Result<(), Error> {
    let instance = input_instance(filter, declared, settings)?;
    loop {
        let mut input = instance.input();
        input.begin(mode, block);
        if let Some(answer) = input.answer(filter, target) {
            return answer;
        }
        if !input.stream.has_event() && !instance.can_go_on() {
            match input.fetch(filter) {
                Err(error) if error.is_again() => return Err(error),
                Err(error) => input.end_connection_input(filter, error)?,
                Ok(()) if input.is_first_arrival() && is_coded_for(filter, &instance.declared) => {
                    input.step_out();
                }
                Ok(()) => {}
            }
        }
        let mut result = Ok(());
        if !input.is_out() && (input.stream.has_event() || instance.can_go_on()) {
            drop(input);
            result = instance.run(filter, settings);
            input = instance.input();
        }
        if let Some(error) = input.failed() {
            return Err(error);
        }
        settle_input(filter, instance, input, result)?;
    }
}

/// The instance of an input filter, made at the first call.
///
/// # Errors
/// There is no Python for it: logged, and the request is refused.
fn input_instance<'a>(
    filter: &'a Filter,
    declared: Arc<DeclaredFilter>,
    settings: &Settings,
) -> Result<&'a Instance, Error> {
    if let Some(instance) = filter.kept::<Instance>() {
        return Ok(instance);
    }
    match Instance::new(filter, declared, Direction::Input, settings) {
        Ok(instance) => Ok(filter.keep(instance)),
        Err(reason) => {
            reason.log(filter.into(), Level::Error, THIS_FILTER);
            let status = Some(reason.status);
            let error = Input::new(filter, Change::Length).fail(filter, status);
            refuse(filter, error, status);
            Err(error)
        }
    }
}

/// Ends a call of an input filter by its result.
///
/// # Errors
/// After a failure: the error that makes httpd answer as the filter wants.
fn settle_input(
    filter: &Filter,
    instance: &Instance,
    mut input: RefMut<'_, Input>,
    result: Result<(), Failure>,
) -> Result<(), Error> {
    match result {
        Ok(()) if input.stream.is_working() => input.suspend(filter),
        Ok(())
        | Err(Failure {
            status: Some(Status::OK),
            ..
        }) => input.finish(filter),
        Err(Failure { status: None, .. }) if instance.passes_on_error(&mut input.stream) => {
            input.step_out();
            input.finish(filter)
        }
        Err(Failure { status, .. }) => {
            let error = input.fail(filter, status);
            drop(input);
            refuse(filter, error, status);
            Err(error)
        }
    }
}

/// The declaration of a filter that was registered at run time; `None` for another one.
pub fn run_time_declaration(filter: &Filter) -> Option<Arc<DeclaredFilter>> {
    let instance = filter.kept::<Instance>()?;
    Some(instance.declared.clone())
}

/// Closes the generator of a filter on a connection that is about to close. Enters Python.
pub fn close(c: &Connection, direction: Direction, name: &str) {
    let instance = c.filter(direction, name).and_then(Filter::kept::<Instance>);
    if let Some(instance) = instance {
        instance.close();
    }
}

/// Answers the request with the status of a failed input filter, such as 403: most handlers of httpd that read a body
/// report 400 or 500 for any error. A Python handler that reads gets the status in its exception, and answers itself.
fn refuse(filter: &Filter, error: Error, status: Option<Status>) {
    if let (Error::FILTER, Some(status), Some(r)) = (error, status, filter.request()) {
        let told = |state: &RequestState| state.body.is_read_now();
        if !r.existing_state::<RequestState>().is_some_and(told) {
            r.answer_with(status);
        }
    }
}
