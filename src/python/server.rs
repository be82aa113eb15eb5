//! `server`: a virtual host, or the main server.

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

/// What a `server` holds. Servers live as long as the child, so an object of Python can be kept and used on any thread.
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
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Server";
    const DOC: &'static std::ffi::CStr = c"A virtual host or the main server (server_rec).";
    const ID: ClassId = ClassId::Server;
    const OPEN: bool = true;
    methods! { ServerObject:
        /// Writes an entry to the server's error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
        /// Calls callable(data) when this child of httpd exits; request is not used.
        register_cleanup(request, callable; data) = register_cleanup;
        /// The options (PythonOption) that hold outside of all sections: a table of its own.
        get_options() = get_options;
        /// The directives that hold outside of all sections, by name: a table of its own.
        get_config() = get_config;
    }
    attributes! { ServerObject:
        /// The host name of ServerName.
        server_hostname = text(Server::hostname);
        /// ServerAdmin.
        server_admin = text(Server::admin);
        /// The port of ServerName, or 0.
        port = number(Server::port);
        /// 1 for a virtual host.
        is_virtual = number(Server::is_virtual);
        /// The file in which it is configured; None for the main server.
        defn_name = text(definition_file);
        /// The line in which it is configured; 0 for the main server.
        defn_line_number = number(definition_line);
        /// ErrorLog, or None.
        error_fname = text(Server::error_log);
        /// LogLevel: one of apache.APLOG_*.
        loglevel = number(Server::log_level);
        /// Timeout, in seconds (float).
        timeout = duration(Server::timeout);
        /// KeepAliveTimeout, in seconds (float).
        keep_alive_timeout = duration(Server::keep_alive_timeout);
        /// MaxKeepAliveRequests.
        keep_alive_max = number(Server::keep_alive_max);
        /// 1 for KeepAlive On.
        keep_alive = number(Server::keeps_alive);
        /// ServerPath, or None.
        path = text(Server::path);
        /// The length of ServerPath in bytes.
        pathlen = number(path_length);
        /// The names of ServerAlias without wildcards: a tuple of str.
        names = texts(Server::names);
        /// The names of ServerAlias with wildcards: a tuple of str.
        wild_names = texts(Server::wild_names);
        /// LimitRequestLine.
        limit_req_line = number(Server::limit_line);
        /// LimitRequestFieldSize.
        limit_req_fieldsize = number(Server::limit_field_size);
        /// LimitRequestFields.
        limit_req_fields = number(Server::limit_fields);
        /// How often httpd was restarted gracefully before this child started.
        my_generation = number(generation);
        /// When httpd was started or restarted, in seconds since 1970 (float).
        restart_time = seconds(restart_time);
        /// The server_rec, for extensions in C (PyCapsule).
        _server_rec = capsule(Server::address);
        /// The next server in httpd's list, or None.
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
    let settings = this.body().0.settings::<Settings>();
    config_tables::options(this.py(), this.interpreter(), settings)
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
