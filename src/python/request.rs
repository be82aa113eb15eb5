//! `req`: a request as handlers see it.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::class::{self, Answer, Arguments, Class, This, attributes, methods};
use super::connection::ConnectionObject;
use super::finfo::FileInfo;
use super::lease::{Lease, Lent};
use super::module::{log_level, options_dict};
use super::server::ServerObject;
use super::state::State;
use super::table::TableObject;
use super::text::{decode, decode_option, encode};
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Request, Table};

/// What a `req` holds.
pub struct RequestObject {
    lent: Lent<Request>,
    /// The objects that hang on it, each made once: they keep their identity.
    parts: RefCell<Vec<(Part, Py<PyAny>)>>,
    /// The directive of the running phase.
    phase: RefCell<Option<&'static str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Connection,
    Server,
    HeadersIn,
    HeadersOut,
    ErrHeadersOut,
    Environment,
    Notes,
}

type Me<'a, 'py> = This<'a, 'py, RequestObject>;

impl RequestObject {
    /// For a request under its lease.
    pub fn new(lease: &Arc<Lease>, r: &Request) -> Self {
        Self {
            lent: Lent::new(lease, r),
            parts: RefCell::default(),
            phase: RefCell::new(None),
        }
    }

    /// Says which phase runs.
    pub fn set_phase(&self, phase: Option<&'static str>) {
        self.phase.replace(phase);
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
        write(data; flush) = write;
        /// Sends what was written and what filters hold. Raises OSError when the client is gone.
        flush() = flush;
        /// At most len bytes of the request's body, or all of it; b'' at its end. Waits for them.
        /// Raises OSError (TimeoutError when the client is slow), SERVER_RETURN(413) past its limit.
        read(; len) = read;
        /// One line of the body with its end, or at most len bytes of it; b'' at the end.
        readline(; len) = readline;
        /// The lines of the body, up to about sizehint bytes.
        readlines(; sizehint) = readlines;
        /// Reads the rest of the body and drops it; gives OK or an HTTP status.
        discard_request_body() = discard_request_body;
        /// Writes a line to the error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
        /// The options (PythonOption) that hold here, as a dict. Changing it changes nothing else.
        get_options() = get_options;
        /// The directives that hold here, as a dict of name and value.
        get_config() = get_config;
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
        uri = |this: &Me<'_, 'py>| text(this, Request::uri),
            |this: &Me<'_, '_>, v: &Bound<'_, PyAny>| set_text(this, v, Request::set_uri);
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
        phase = |this: &Me<'_, 'py>| Ok(this.body().phase.borrow().into_pyobject(this.py())?.into_any());
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

fn none<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
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

fn set_status(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let r = this.body().lent.get()?;
    r.set_status(value.extract()?);
    Ok(())
}

fn set_status_line(this: &Me<'_, '_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    set_text(this, value, |r, line| {
        let digits = line.and_then(|line| std::str::from_utf8(line.get(..3)?).ok());
        if let Some(status) = digits.and_then(|digits| digits.parse().ok()) {
            // httpd drops a line whose number is not the status.
            r.set_status(status);
        }
        r.set_status_line(line);
    })
}

fn part<'py>(this: &Me<'_, 'py>, part: Part) -> Answer<'py> {
    let me = this.body();
    let r = me.lent.get()?;
    if let Some((_, object)) = me.parts.borrow().iter().find(|(known, _)| *known == part) {
        return Ok(object.bind(this.py()).clone());
    }
    let (py, interpreter, lease) = (this.py(), this.interpreter(), me.lent.lease());
    let table = |table: &Table| class::make(py, interpreter, TableObject::new(lease, table));
    let object = match part {
        Part::Connection => class::make(
            py,
            interpreter,
            ConnectionObject::of_request(lease, r.connection()),
        )?,
        Part::Server => class::make(py, interpreter, ServerObject::new(r.server()))?,
        Part::HeadersIn => table(r.headers_in())?,
        Part::HeadersOut => table(r.headers_out())?,
        Part::ErrHeadersOut => table(r.err_headers_out())?,
        Part::Environment => table(r.subprocess_env())?,
        Part::Notes => table(r.notes())?,
    };
    me.parts.borrow_mut().push((part, object.clone().unbind()));
    Ok(object)
}

fn related<'a, 'py>(
    this: &'a Me<'_, 'py>,
    field: impl FnOnce(&'a Request) -> Option<&'a Request>,
) -> Answer<'py> {
    match field(this.body().lent.get()?) {
        Some(r) => State::of(r).object(this.py(), this.interpreter(), r),
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
    let languages: PyResult<Vec<_>> = value
        .try_iter()?
        .map(|language| encode(&language?))
        .collect();
    r.set_content_languages(&languages?);
    Ok(())
}

fn flag(value: Option<Borrowed<'_, '_, PyAny>>, default: bool) -> PyResult<bool> {
    value.map_or(Ok(default), |value| value.is_truthy())
}

/// A length argument: None, left out or negative for "all".
pub fn limit(value: Option<Borrowed<'_, '_, PyAny>>) -> PyResult<Option<usize>> {
    match value {
        Some(value) if !value.is_none() => Ok(usize::try_from(value.extract::<i64>()?).ok()),
        _ => Ok(None),
    }
}

fn required<'a, 'py>(a: Arguments<'a, 'py>, index: usize) -> PyResult<Borrowed<'a, 'py, PyAny>> {
    a[index].ok_or_else(|| PyTypeError::new_err("an argument is missing"))
}

fn write<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let data = required(a, 0)?;
    State::of(r)
        .response
        .write(this.interpreter(), r, &data, flag(a[1], true)?)?;
    none(this)
}

fn flush<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    State::of(r).response.flush(this.py(), r)?;
    none(this)
}

fn read<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let body = &State::of(r).body;
    Ok(body
        .read(this.py(), this.interpreter(), r, limit(a[0])?)?
        .into_any())
}

fn readline<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let body = &State::of(r).body;
    Ok(body
        .read_line(this.py(), this.interpreter(), r, limit(a[0])?)?
        .into_any())
}

fn readlines<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let most = limit(a[0])?.unwrap_or(usize::MAX);
    let lines = PyList::empty(this.py());
    let mut total = 0;
    while total < most {
        let line = State::of(r)
            .body
            .read_line(this.py(), this.interpreter(), r, None)?;
        if line.as_bytes().is_empty() {
            break;
        }
        total += line.as_bytes().len();
        lines.append(line)?;
    }
    Ok(lines.into_any())
}

fn discard_request_body<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let status = State::of(r).body.discard(this.py(), r);
    Ok(status.0.into_pyobject(this.py())?.into_any())
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let message = required(a, 0)?;
    if !message.is_none() {
        let level = log_level(a[1], Level::Error)?;
        let text: String = message.extract()?;
        text.lines()
            .for_each(|line| log::request(place!(), r, level, line));
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

fn send_http_header<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    none(this)
}
