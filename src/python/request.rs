//! `req`: a request as handlers see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::class::{self, Answer, Arguments, Class, This, attributes, methods};
use super::cleanups::Cleanup;
use super::finfo::FileInfo;
use super::handlers;
use super::lease::{Lease, Lent};
use super::module::{log_level, loggable_lines, options_dict};
use super::request_io as io;
use super::request_parts::{Part, part};
use super::state::State;
use super::text::{decode, decode_option, encode, encode_header};
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::log::{self, Level, place};

/// What a `req` holds.
pub struct RequestObject {
    pub(super) lent: Lent<Request>,
    /// The objects that hang on it, each made once: they keep their identity.
    pub(super) parts: RefCell<Vec<(Part, Py<PyAny>)>>,
}

pub(super) type Me<'a, 'py> = This<'a, 'py, RequestObject>;

impl RequestObject {
    /// For a request under its lease.
    pub fn new(lease: &Arc<Lease>, r: &Request) -> Self {
        Self {
            lent: Lent::new(lease, r),
            parts: RefCell::default(),
        }
    }
}

impl Class for RequestObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Request";
    const DOC: &'static std::ffi::CStr = c"A request (request_rec).";
    const ID: usize = 0;
    const OPEN: bool = true;
    methods! { RequestObject:
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
    attributes! { RequestObject:
        /// The connection it came on.
        connection = |this: &Me<'_, 'py>| part(this, Part::Connection);
        /// The virtual host it is for.
        server = |this: &Me<'_, 'py>| part(this, Part::Server);
        /// The headers of the request.
        headers_in = |this: &Me<'_, 'py>| part(this, Part::HeadersIn);
        /// The headers of the response.
        headers_out = |this: &Me<'_, 'py>| part(this, Part::HeadersOut);
        /// Headers of the response that stay on errors.
        err_headers_out = |this: &Me<'_, 'py>| part(this, Part::ErrHeadersOut);
        /// The environment of CGI and SSI.
        subprocess_env = |this: &Me<'_, 'py>| part(this, Part::Environment);
        /// Notes from module to module.
        notes = |this: &Me<'_, 'py>| part(this, Part::Notes);
        /// The request line.
        the_request = |this: &Me<'_, 'py>| text(this, Request::the_request);
        /// HTTP/1.1
        protocol = |this: &Me<'_, 'py>| text(this, Request::protocol);
        /// The protocol as a number: 1001 for HTTP/1.1.
        proto_num = |this: &Me<'_, 'py>| number(this, |r| r.proto_num().into());
        /// The host of the request without its port, or None.
        hostname = |this: &Me<'_, 'py>| text(this, Request::hostname);
        /// When it arrived, in seconds since 1970 (float).
        request_time = |this: &Me<'_, 'py>| seconds(this);
        /// GET, POST ...
        method = |this: &Me<'_, 'py>| text(this, Request::method);
        /// One of apache.M_*.
        method_number = |this: &Me<'_, 'py>| number(this, |r| r.method_number().into());
        /// 1 for HEAD.
        header_only = |this: &Me<'_, 'py>| number(this, |r| r.is_header_only().into());
        /// The status of the response (int).
        status = |this: &Me<'_, 'py>| number(this, |r| r.status().into()), set_status;
        /// The status line of the response; sets status, too. None: httpd's own.
        status_line = |this: &Me<'_, 'py>| text(this, Request::status_line), set_status_line;
        /// The path, unescaped.
        uri = |this: &Me<'_, 'py>| text(this, Request::uri), set_uri;
        /// The request target as it came.
        unparsed_uri = |this: &Me<'_, 'py>| text(this, Request::unparsed_uri);
        /// The file it was mapped to, or None.
        filename = |this: &Me<'_, 'py>| text(this, Request::filename),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_filename);
        /// The file with links resolved.
        canonical_filename = |this: &Me<'_, 'py>| text(this, Request::canonical_filename),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_canonical_filename);
        /// What follows the file in the path.
        path_info = |this: &Me<'_, 'py>| text(this, Request::path_info),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_path_info);
        /// The query string as it came, or None.
        args = |this: &Me<'_, 'py>| text(this, Request::args),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_args);
        /// The file: kind, size, times ...
        finfo = finfo;
        /// The authenticated user, or None.
        user = |this: &Me<'_, 'py>| text(this, Request::user),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_user);
        /// How the user was authenticated, or None.
        ap_auth_type = |this: &Me<'_, 'py>| text(this, Request::auth_type),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_auth_type);
        /// The name of the content handler.
        handler = |this: &Me<'_, 'py>| text(this, Request::handler),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_handler);
        /// The media type of the response. httpd chooses no handler by it.
        content_type = |this: &Me<'_, 'py>| text(this, Request::content_type),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_content_type);
        /// The coding of the response (gzip ...), or None.
        content_encoding = |this: &Me<'_, 'py>| text(this, Request::content_encoding),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_content_encoding);
        /// The languages of the response: a tuple of str.
        content_languages = content_languages, set_content_languages;
        /// The client's address, or what mod_remoteip found.
        useragent_ip = |this: &Me<'_, 'py>| text(this, Request::useragent_ip);
        /// The Range header, if the response is one.
        range = |this: &Me<'_, 'py>| text(this, Request::range);
        /// Bytes of body sent.
        bytes_sent = |this: &Me<'_, 'py>| number(this, Request::bytes_sent);
        /// The request that was redirected to this one, or None.
        prev = |this: &Me<'_, 'py>| related(this, Request::prev);
        /// The request that this one was redirected to, or None.
        next = |this: &Me<'_, 'py>| related(this, Request::next);
        /// The request that this one is a subrequest of, or None.
        main = |this: &Me<'_, 'py>| related(this, Request::main);
        /// The directive of the running phase, or None.
        phase = handlers::phase;
        /// The handlers of the running phase, at the one that runs; None outside of handlers.
        hlist = handlers::hlist;
        /// The extension that chose the list of handlers (| .ext), or None.
        extension = handlers::extension;
        /// The name of the interpreter.
        interpreter = |this: &Me<'_, 'py>| decode(this.py(), this.interpreter().name().as_bytes());
    }

    fn visit(&self, visit: &mut dyn FnMut(&Py<PyAny>)) {
        if let Ok(parts) = self.parts.try_borrow() {
            parts.iter().for_each(|(_, object)| visit(object));
        }
    }

    fn clear(&mut self) {
        self.parts.take();
    }
}

pub(super) fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(this.py().None().into_bound(this.py()))
}

fn text<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a [u8]>,
) -> Answer<'py> {
    decode_option(this.py(), field(this.body().lent.get()?))
}

fn number<'py>(this: &Me<'_, 'py>, field: impl FnOnce(&Request) -> i64) -> Answer<'py> {
    Ok(field(this.body().lent.get()?)
        .into_pyobject(this.py())?
        .into_any())
}

fn seconds<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let micros = this.body().lent.get()?.request_time();
    Ok((micros as f64 / 1e6).into_pyobject(this.py())?.into_any())
}

fn set_text(
    this: &Me<'_, '_>,
    value: &Bound<'_, PyAny>,
    field: impl FnOnce(&Request, Option<&[u8]>),
) -> PyResult<()> {
    let r = this.body().lent.get()?;
    if value.is_none() {
        field(r, None);
        return Ok(());
    }
    let value = encode(value)?;
    if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(PyValueError::new_err(
            "a NUL or line end in a text for httpd",
        ));
    }
    field(r, Some(&value));
    Ok(())
}

fn set_uri(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_none() {
        // httpd's modules take it for granted.
        return Err(PyTypeError::new_err(
            "a request has always a uri: it cannot be None",
        ));
    }
    set_text(this, value, Request::set_uri)
}

/// A number as the status of a response.
///
/// # Errors
/// `ValueError` when it is none.
pub fn valid_status(number: i32) -> PyResult<i32> {
    if (100..1000).contains(&number) {
        return Ok(number);
    }
    Err(PyValueError::new_err(format!(
        "{number} is no HTTP status: write one from 100 to 999, as in apache.HTTP_NOT_FOUND"
    )))
}

fn set_status(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    r.set_status(valid_status(value.extract()?)?);
    Ok(())
}

fn set_status_line(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    if !value.is_none() {
        let line = encode(value)?;
        let number = line
            .split(|byte| *byte == b' ')
            .next()
            .and_then(|n| std::str::from_utf8(n).ok());
        let status = number.and_then(|number| valid_status(number.parse().ok()?).ok());
        let Some(status) = status else {
            let line = String::from_utf8_lossy(&line);
            return Err(PyValueError::new_err(format!(
                "'{line}' is no status line: write a number and a reason, as in 404 Not Found"
            )));
        };
        set_text(this, value, Request::set_status_line)?;
        // httpd drops a line whose number is not the status.
        r.set_status(status);
        return Ok(());
    }
    r.set_status_line(None);
    Ok(())
}

fn related<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a Request>,
) -> Answer<'py> {
    match field(this.body().lent.get()?) {
        Some(r) => {
            let state = State::of(r);
            // The same call of httpd works on both.
            state.lease.open_for_entry();
            state.object(this.py(), this.interpreter(), r)
        }
        None => none(this),
    }
}

fn finfo<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let info = FileInfo::of(this.body().lent.get()?);
    class::make(this.py(), this.interpreter(), info)
}

fn content_languages<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let languages = this.body().lent.get()?.content_languages();
    let languages: PyResult<Vec<_>> = languages
        .into_iter()
        .map(|language| decode(this.py(), language))
        .collect();
    Ok(PyTuple::new(this.py(), languages?)?.into_any())
}

fn set_content_languages(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    if value.is_none() {
        r.set_content_languages(&[]);
        return Ok(());
    }
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(
            "content_languages takes a list of languages, as in ['de', 'en']",
        ));
    }
    let languages: PyResult<Vec<_>> = value
        .try_iter()?
        .map(|language| Ok(encode_header(&language?)?.into_bytes()))
        .collect();
    r.set_content_languages(&languages?);
    Ok(())
}

/// A length argument: None, left out or negative for "all".
pub fn limit(value: Option<Borrowed<'_, '_, PyAny>>) -> PyResult<Option<usize>> {
    match value {
        Some(value) if !value.is_none() => Ok(usize::try_from(value.extract::<i64>()?).ok()),
        _ => Ok(None),
    }
}

pub(super) fn required<'a, 'py>(
    a: Arguments<'a, 'py>,
    index: usize,
) -> PyResult<Borrowed<'a, 'py, PyAny>> {
    a[index].ok_or_else(|| PyTypeError::new_err("an argument is missing"))
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let message = required(a, 0)?;
    if !message.is_none() {
        let level = log_level(a[1], Level::Error)?;
        loggable_lines(&message, |line| log::request(place!(), r, level, line))?;
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
