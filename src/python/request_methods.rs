//! The methods of `req`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::class::{Answer, Arguments, methods};
use super::cleanups::Cleanup;
use super::handlers;
use super::module::{log_level, loggable, options_dict};
use super::request::{Me, RequestObject};
use super::request_fields::{none, number, required, text};
use super::request_filters as filters;
use super::request_io as io;
use super::state::State;
use crate::engine::filters::Way;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::log::{self, Level, place};

methods! { pub(super) RequestObject:
    /// Writes str (as UTF-8), bytes or a buffer to the response. Sent at once unless flush is 0.
    /// Raises OSError when the client is gone.
    write(data; flush) = io::write;
    /// Sends what was written and what filters hold. Raises OSError when the client is gone.
    flush() = io::flush;
    /// At most len bytes of the request's body, or all of it; b'' at its end. Waits for them.
    /// Raises OSError (TimeoutError when the client is slow), SERVER_RETURN(413) past its limit.
    read(; len) = io::read;
    /// One line of the body with its end, or at most len bytes of it; b'' at the end.
    readline(; len) = io::readline;
    /// The lines of the body, up to about sizehint bytes.
    readlines(; sizehint) = io::readlines;
    /// Reads the rest of the body and drops it; gives OK or an HTTP status.
    discard_request_body() = io::discard_request_body;
    /// Writes a line to the error log; level is one of apache.APLOG_*.
    log_error(message; level) = log_error;
    /// The options (PythonOption) that hold here, as a dict. Changing it changes nothing else.
    get_options() = get_options;
    /// The directives that hold here, as a dict of name and value.
    get_config() = get_config;
    /// Puts an output filter into the chain: one registered for this request, or one of httpd's.
    /// Raises ValueError when there is none of this name.
    add_output_filter(name) = |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| filters::add(this, a, Way::Out);
    /// Puts an input filter into the chain, as add_output_filter does.
    add_input_filter(name) = |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| filters::add(this, a, Way::In);
    /// Registers an output filter for this request: a function, or module::function (looked for in
    /// dir, too, where no PythonPath is set). add_output_filter(name) puts it to work.
    register_output_filter(name, handler; dir) =
        |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| filters::register(this, a, Way::Out);
    /// Registers an input filter for this request, as register_output_filter does.
    register_input_filter(name, handler; dir) =
        |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| filters::register(this, a, Way::In);
    /// Adds a handler to the running phase or one to come: a function, or 'module::function', which
    /// is looked for in dir, or beside the handler that runs.
    add_handler(htype, handler; dir) = handlers::add_handler;
    /// Has function(data) called when the request is over.
    register_cleanup(function; data) = register_cleanup;
    /// Sets the Content-Length of the response.
    set_content_length(len) = set_content_length;
    /// OK, or the status that answers If-None-Match and its kin.
    meets_conditions() = meets_conditions;
    /// The DocumentRoot that applies.
    document_root() = document_root;
    /// Does nothing: httpd sends headers when the first byte of the body goes.
    send_http_header() = send_http_header;
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let message = required(a, 0)?;
    if !message.is_none() {
        let level = log_level(a[1], Level::Error)?;
        loggable(&message, |entry| log::request(place!(), r, level, entry))?;
    }
    none(this)
}

fn get_options<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    Ok(options_dict(this.py(), r.settings::<Settings>())?.into_any())
}

fn get_config<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    Ok(super::module::config_dict(this.py(), r.settings::<Settings>())?.into_any())
}

fn set_content_length<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let length: i64 = required(a, 0)?.extract()?;
    if length < 0 {
        return Err(PyValueError::new_err("a length is not negative"));
    }
    this.body().lent.get()?.set_content_length(length);
    none(this)
}

fn meets_conditions<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    number(this, |r| r.meets_conditions().0.into())
}

fn document_root<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    text(this, Request::document_root)
}

fn register_cleanup<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let cleanup = Cleanup::new(this.interpreter(), &*required(a, 0)?, a[1].as_deref())?;
    State::of(r).cleanups.push(r, cleanup);
    none(this)
}

fn send_http_header<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    none(this)
}
