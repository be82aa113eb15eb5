//! `server`: a virtual host or the main server. It is valid until the child ends, and may be used on any thread that
//! holds the GIL.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::cleanup::{Cleanup, push_for_child};
use super::object::arguments::none;
use super::object::capsule::capsule;
use super::object::class;
use super::object::class::{Answer, Class, This};
use super::object::fields::{Shows, duration, number, seconds, text, texts};
use super::object::members::{attributes, methods};
use super::runtime::context::About;
use super::values::config_tables;
use crate::engine::settings::Settings;
use crate::httpd::Server;
use crate::httpd::server;
use crate::python::runtime::types::ClassId;
use crate::python::values::log_entry::log_message;

/// The Rust value of a `server`. The struct lives as long as the child, so Python code may keep the object and use it
/// on any thread.
#[derive(Clone, Copy)]
pub struct ServerObject(&'static Server);

type Me<'a, 'py> = This<'a, 'py, ServerObject>;

impl ServerObject {
    /// The object of a server of this child's configuration.
    pub fn new(server: &Server) -> Self {
        let server: *const Server = server;
        // SAFETY: a child keeps its configuration until it ends; objects do not outlive that.
        #[expect(unsafe_code, reason = "servers live as long as the child")]
        Self(unsafe { &*server })
    }
}

impl ServerObject {
    /// httpd's server.
    pub fn server(&self) -> &'static Server {
        self.0
    }
}

impl Class for ServerObject {
    const NAME: &'static std::ffi::CStr = c"builtins.mp_server";
    const DOC: &'static std::ffi::CStr =
        c"A virtual host or the main server (httpd's server_rec). It may be kept and used on any thread as \
        long as the child process lives.";
    const ID: ClassId = ClassId::Server;
    const OPEN: bool = true;
    methods! { ServerObject:
        /// Writes message (str or bytes; None is no entry) to the server's error log. level: one of apache.APLOG_*
        /// (APLOG_ERR if None or left out). Raises TypeError for arguments of other types.
        log_error(message; level) = log_error;
        /// Registers a function that is called as callable(data) when this child process of httpd ends; request is only
        /// checked to be a Request. Raises ValueError when it is none, or callable is not callable.
        register_cleanup(request, callable; data) = register_cleanup;
        /// Returns the options (PythonOption) set outside of all sections, as a new table of str. Code of PythonImport
        /// gets one that it can write while the child process starts; later answers are copies of that, and to write
        /// into the first one then raises RuntimeError.
        get_options() = get_options;
        /// Returns the Python directives set outside of all sections, as a new table from a directive's name to its
        /// value; flags are '1' and '0'.
        get_config() = get_config;
    }
    attributes! { ServerObject:
        /// The host name of ServerName (str), or None.
        server_hostname = text(Server::hostname);
        /// The address of ServerAdmin (str), or None.
        server_admin = text(Server::admin);
        /// The port of ServerName (int); 0 when it has none.
        port = number(Server::port);
        /// 1 for a virtual host, 0 for the main server (int).
        is_virtual = number(Server::is_virtual);
        /// The path of the file in which the server is configured (str); None for the main server.
        defn_name = text(definition_file);
        /// The line of that file in which it is configured (int); 0 for the main server.
        defn_line_number = number(definition_line);
        /// The path of ErrorLog (str), or None.
        error_fname = text(Server::error_log);
        /// The level of LogLevel: one of apache.APLOG_* (int).
        loglevel = number(Server::log_level);
        /// Timeout, in seconds (float).
        timeout = duration(Server::timeout);
        /// KeepAliveTimeout, in seconds (float).
        keep_alive_timeout = duration(Server::keep_alive_timeout);
        /// MaxKeepAliveRequests (int).
        keep_alive_max = number(Server::keep_alive_max);
        /// 1 for KeepAlive On (int).
        keep_alive = number(Server::keeps_alive);
        /// The path of ServerPath (str), or None.
        path = text(Server::path);
        /// The length of ServerPath in bytes (int).
        pathlen = number(path_length);
        /// The names of ServerAlias without wildcards, a tuple of str.
        names = texts(Server::names);
        /// The names of ServerAlias with wildcards, a tuple of str.
        wild_names = texts(Server::wild_names);
        /// LimitRequestLine, in bytes (int).
        limit_req_line = number(Server::limit_line);
        /// LimitRequestFieldSize, in bytes (int).
        limit_req_fieldsize = number(Server::limit_field_size);
        /// LimitRequestFields, the number of header lines (int).
        limit_req_fields = number(Server::limit_fields);
        /// How often httpd was restarted gracefully before this child process started (int).
        my_generation = number(generation);
        /// When httpd was started or restarted, in seconds since 1970 (float).
        restart_time = seconds(restart_time);
        /// The address of the server_rec (PyCapsule) for extension modules in C, valid as long as the child process.
        _server_rec = capsule(Server::address);
        /// The next Server in httpd's list, or None.
        next = next;
    }
}

impl Shows for ServerObject {
    type Struct = Server;

    fn shown(&self) -> PyResult<&Server> {
        Ok(self.0)
    }
}

fn definition_file(server: &Server) -> Option<&[u8]> {
    server.definition().0
}

fn definition_line(server: &Server) -> u32 {
    server.definition().1
}

fn path_length(server: &Server) -> i64 {
    server.path().map_or(0, |path| path.len() as i64)
}

fn generation(_: &Server) -> i32 {
    server::generation()
}

fn restart_time(_: &Server) -> i64 {
    server::restart_time()
}

fn next<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    match this.body().0.next() {
        Some(next) => class::make(this.py(), this.interpreter(), ServerObject(next)),
        None => none(this),
    }
}

fn get_options<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    config_tables::of_server(this.py(), this.interpreter(), this.body().0)
}

fn get_config<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let settings = this.body().0.settings::<Settings>();
    config_tables::config(this.py(), this.interpreter(), settings)
}

fn register_cleanup<'py>(
    this: &Me<'_, 'py>,
    request: &Bound<'py, PyAny>,
    function: &Bound<'py, PyAny>,
    data: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if !this.interpreter().types.is(ClassId::Request, request) {
        return Err(PyValueError::new_err(
            "server.register_cleanup() takes a request first, as in (req, callable, data)",
        ));
    }
    push_for_child(Cleanup::new(this.interpreter(), function, data)?)?;
    none(this)
}

fn log_error<'py>(
    this: &Me<'_, 'py>,
    message: &Bound<'py, PyAny>,
    level: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    log_message(message, level, |level, entry| {
        About::Server(this.body().0).log(level, entry)
    })?;
    none(this)
}
