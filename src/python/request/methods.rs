//! The methods of `req`.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::fields::{flag, none, number, required, text};
use super::filters;
use super::handlers;
use super::io;
use super::object::{Me, RequestObject};
use crate::engine::filters::Way;
use crate::engine::phases::HANDLERS;
use crate::engine::settings::Settings;
use crate::httpd::Request;
use crate::httpd::address::RemoteName;
use crate::httpd::log::{self, Level, place};
use crate::httpd::process::{self, Node};
use crate::python::builtin::module::{log_level, loggable};
use crate::python::cleanups::Cleanup;
use crate::python::interpreters::interpreter::release;
use crate::python::object::class::{Answer, Arguments, methods};
use crate::python::settings;
use crate::python::state::State;
use crate::python::text::{decode, decode_option, encode_c, encode_header};

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
    /// Sends a part of a file: from offset (in bytes, 0 if left out), at most len bytes (all if left
    /// out or negative). Gives how many bytes that are. Raises OSError.
    sendfile(path; offset, len) = io::sendfile;
    /// Hands the request over to another path of this server, all phases of which run; the request is
    /// answered then: what is written is lost, and no further handler is called. Return apache.OK.
    /// Raises RuntimeError outside of the request's handlers, and in log handlers.
    internal_redirect(new_uri) = io::internal_redirect;
    /// Calls callable(data) when the request ends; those registered last come first.
    register_cleanup(callable; data) = register_cleanup;
    /// Writes a line to the error log; level is one of apache.APLOG_*.
    log_error(message; level) = log_error;
    /// The options (PythonOption) that hold here: a table of its own, whose changes change nothing else.
    get_options() = get_options;
    /// The directives that hold here, by name: a table of its own.
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
    /// Sets the Content-Length of the response.
    set_content_length(len) = set_content_length;
    /// Sets the ETag of the response from the file (FileETag).
    set_etag() = |this: &Me<'_, 'py>, _| act(this, Request::set_etag);
    /// Sets Last-Modified of the response from mtime.
    set_last_modified() = |this: &Me<'_, 'py>, _| act(this, Request::set_last_modified);
    /// Raises mtime to so many seconds since 1970, if that is later. Fractions are dropped.
    update_mtime(seconds) = update_mtime;
    /// OK, or the status that answers If-None-Match and its kin.
    meets_conditions() = meets_conditions;
    /// The DocumentRoot that applies.
    document_root() = document_root;
    /// The absolute URL of a path of this server (UseCanonicalName).
    construct_url(uri) = construct_url;
    /// 1 when the connection is encrypted.
    is_https() = |this: &Me<'_, 'py>, _| number(this, |r| r.connection().is_tls().into());
    /// A variable of mod_ssl, as SSL_PROTOCOL; None when there is none of that name, or no TLS.
    ssl_var_lookup(name) = ssl_var_lookup;
    /// The name of the client's host, or its address; type is one of apache.REMOTE_* (REMOTE_NAME if
    /// left out). With str_is_ip not None: (str, int), where 1 says that it is an address.
    get_remote_host(; type, str_is_ip) = get_remote_host;
    /// AuthName, or None.
    auth_name() = |this: &Me<'_, 'py>, _| text(this, Request::realm);
    /// AuthType, or None.
    auth_type() = |this: &Me<'_, 'py>, _| text(this, Request::auth_scheme);
    /// The password of Basic credentials, or None; sets user. AuthType must be Basic.
    get_basic_auth_pw() = |this: &Me<'_, 'py>, _| text(this, Request::basic_password);
    /// Allows methods, a sequence of str: for OPTIONS and 405. With reset true no other ones.
    allow_methods(methods; reset) = allow_methods;
    /// Adds to subprocess_env what tells of the server, the client and the headers.
    add_common_vars() = |this: &Me<'_, 'py>, _| act(this, Request::add_common_vars);
    /// Adds to subprocess_env what CGI knows of the request, and the common variables.
    add_cgi_vars() = |this: &Me<'_, 'py>, _| act(this, |r| {
        r.add_cgi_vars();
        r.add_common_vars();
    });
    /// The extensions, with their dots and blanks between, that AddHandler gives to Python.
    get_addhandler_exts() = get_addhandler_exts;
    /// The environ of a WSGI application (PEP 3333), as a dict; None when the request is not below its
    /// mod_python.wsgi.base_uri. Sets path_info. ValueError when that option ends in a slash.
    build_wsgi_env() = |this: &Me<'_, 'py>, _| wsgi(this, "build_env", &[]);
    /// WSGI's start_response: sets status and headers, and gives write.
    wsgi_start_response(status, headers; exc_info) = |this: &Me<'_, 'py>, a| {
        wsgi(this, "start_response", a)
    };
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
    settings::options(this.py(), this.interpreter(), r.settings::<Settings>())
}

fn get_config<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    settings::config(this.py(), this.interpreter(), r.settings::<Settings>())
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
    let state = State::of(r);
    state.cleanups.push(r, cleanup, state.has_ended.get())?;
    none(this)
}

fn send_http_header<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    act(this, |_| ())
}

/// Does something with the request that answers nothing.
fn act<'py>(this: &Me<'_, 'py>, action: impl FnOnce(&Request)) -> Answer<'py> {
    action(this.body().lent.get()?);
    none(this)
}

fn update_mtime<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let seconds: f64 = required(a, 0)?.extract()?;
    let whole = seconds.trunc();
    // What microseconds of 64 bits can hold.
    if whole.is_nan() || whole.abs() > 9e12 {
        return Err(PyValueError::new_err(
            "update_mtime() takes seconds since 1970, as time.time() tells them",
        ));
    }
    act(this, |r| r.update_mtime(whole as i64 * 1_000_000))
}

fn construct_url<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let path = required(a, 0)?;
    let path = encode_header(&path)?;
    text(this, |r| r.construct_url(&path))
}

fn ssl_var_lookup<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let name = required(a, 0)?;
    let name = encode_c(&name)?;
    text(this, |r| r.tls_variable(&name))
}

fn get_remote_host<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let r = this.body().lent.get()?;
    let (first, last) = RemoteName::RANGE;
    let kind = match a[0].filter(|kind| !kind.is_none()) {
        Some(kind) => kind.extract()?,
        None => RemoteName::DEFAULT,
    };
    if !(first..=last).contains(&kind) {
        return Err(PyValueError::new_err(
            "get_remote_host() takes one of apache.REMOTE_HOST, REMOTE_NAME, REMOTE_NOLOOKUP, \
             REMOTE_DOUBLE_REV",
        ));
    }
    let (host, is_address) = release(this.py(), || r.remote_host(kind));
    let host = decode_option(this.py(), host)?;
    match a[1].filter(|wanted| !wanted.is_none() && !host.is_none()) {
        Some(_) => Ok((host, i32::from(is_address))
            .into_pyobject(this.py())?
            .into_any()),
        None => Ok(host),
    }
}

fn allow_methods<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let methods = required(a, 0)?;
    let wrong = "allow_methods() takes a list of methods, as in ['GET', 'POST']";
    if methods.is_instance_of::<PyString>() || methods.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(wrong));
    }
    let names: PyResult<Vec<_>> = methods
        .try_iter()
        .map_err(|_| PyTypeError::new_err(wrong))?
        .map(|name| encode_header(&name?))
        .collect();
    let (names, reset) = (names?, flag(a[1], false)?);
    act(this, |r| {
        if reset {
            r.allow_no_method();
        }
        names.iter().for_each(|name| r.allow_method(name));
    })
}

fn get_addhandler_exts<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    fn collect(nodes: &[Node], found: &mut Vec<String>) {
        for node in nodes {
            let arguments = String::from_utf8_lossy(node.arguments);
            let mut words = arguments
                .split_whitespace()
                .map(|word| word.trim_matches('"'));
            let is_ours = words
                .next()
                .is_some_and(|name| HANDLERS.contains(&name.as_bytes()));
            if node.name.eq_ignore_ascii_case(b"AddHandler") && is_ours {
                let dotted = words.map(|word| format!(".{}", word.trim_start_matches('.')));
                found.extend(dotted);
            }
            collect(node.children.as_deref().unwrap_or_default(), found);
        }
    }
    this.body().lent.get()?;
    let mut found = Vec::new();
    collect(&process::configuration(), &mut found);
    decode(this.py(), found.join(" ").as_bytes())
}

/// Our Python code for WSGI.
fn wsgi<'py>(this: &Me<'_, 'py>, name: &str, a: Arguments<'_, 'py>) -> Answer<'py> {
    this.body().lent.get()?;
    let arguments = std::iter::once(this.object().clone())
        .chain(a.iter().flatten().map(|argument| (**argument).clone()));
    let arguments = PyTuple::new(this.py(), arguments.collect::<Vec<_>>())?;
    this.py()
        .import("mod_python._wsgi")?
        .getattr(name)?
        .call1(arguments)
}
