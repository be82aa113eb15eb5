//! `server`: a virtual host, or the main server.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::cleanup::{Cleanup, push_for_child};
use super::object::capsule::capsule;
use super::object::class;
use super::object::class::{Answer, Arguments, Class, This, attributes, methods};
use super::text::{decode, decode_option};
use super::values::config_tables;
use crate::engine::settings::Settings;
use crate::httpd::Server;
use crate::httpd::log::Level;
use crate::httpd::server;
use crate::python::object::arguments::required;
use crate::python::runtime::types::ClassId;
use crate::python::values::log_entry::{log_level, loggable};

/// What a `server` holds. Servers live as long as the child.
pub struct ServerObject(&'static Server);

type Me<'a, 'py> = This<'a, 'py, ServerObject>;

impl ServerObject {
    /// For a server of this child's configuration.
    pub fn new(server: &Server) -> Self {
        let server: *const Server = server;
        // SAFETY: a child keeps its configuration until it ends; objects do not outlive that.
        #[expect(unsafe_code, reason = "servers live as long as the child")]
        Self(unsafe { &*server })
    }
}

impl ServerObject {
    /// httpd's own.
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
        get_options() = |this: &Me<'_, 'py>, _| {
            config_tables::options(this.py(), this.interpreter(), this.body().0.settings::<Settings>())
        };
        /// The directives that hold outside of all sections, by name: a table of its own.
        get_config() = |this: &Me<'_, 'py>, _| {
            config_tables::config(this.py(), this.interpreter(), this.body().0.settings::<Settings>())
        };
    }
    attributes! { ServerObject:
        /// The host name of ServerName.
        server_hostname = |this: &Me<'_, 'py>| text(this, Server::hostname);
        /// ServerAdmin.
        server_admin = |this: &Me<'_, 'py>| text(this, Server::admin);
        /// The port of ServerName, or 0.
        port = |this: &Me<'_, 'py>| number(this, |s| s.port().into());
        /// 1 for a virtual host.
        is_virtual = |this: &Me<'_, 'py>| number(this, |s| s.is_virtual().into());
        /// The file in which it is configured; None for the main server.
        defn_name = |this: &Me<'_, 'py>| text(this, |s| s.definition().0);
        /// The line in which it is configured; 0 for the main server.
        defn_line_number = |this: &Me<'_, 'py>| number(this, |s| s.definition().1.into());
        /// ErrorLog, or None.
        error_fname = |this: &Me<'_, 'py>| text(this, Server::error_log);
        /// LogLevel: one of apache.APLOG_*.
        loglevel = |this: &Me<'_, 'py>| number(this, |s| s.log_level().into());
        /// Timeout, in seconds (float).
        timeout = |this: &Me<'_, 'py>| seconds(this, Server::timeout);
        /// KeepAliveTimeout, in seconds (float).
        keep_alive_timeout = |this: &Me<'_, 'py>| seconds(this, Server::keep_alive_timeout);
        /// MaxKeepAliveRequests.
        keep_alive_max = |this: &Me<'_, 'py>| number(this, |s| s.keep_alive_max().into());
        /// 1 for KeepAlive On.
        keep_alive = |this: &Me<'_, 'py>| number(this, |s| s.keeps_alive().into());
        /// ServerPath, or None.
        path = |this: &Me<'_, 'py>| text(this, Server::path);
        /// The length of ServerPath in bytes.
        pathlen = |this: &Me<'_, 'py>| number(this, |s| s.path().map_or(0, |path| path.len() as i64));
        /// The names of ServerAlias without wildcards: a tuple of str.
        names = |this: &Me<'_, 'py>| texts(this, Server::names);
        /// The names of ServerAlias with wildcards: a tuple of str.
        wild_names = |this: &Me<'_, 'py>| texts(this, Server::wild_names);
        /// LimitRequestLine.
        limit_req_line = |this: &Me<'_, 'py>| number(this, |s| s.limit_line().into());
        /// LimitRequestFieldSize.
        limit_req_fieldsize = |this: &Me<'_, 'py>| number(this, |s| s.limit_field_size().into());
        /// LimitRequestFields.
        limit_req_fields = |this: &Me<'_, 'py>| number(this, |s| s.limit_fields().into());
        /// How often httpd was restarted gracefully before this child started.
        my_generation = |this: &Me<'_, 'py>| number(this, |_| server::generation().into());
        /// When httpd was started or restarted, in seconds since 1970 (float).
        restart_time = |this: &Me<'_, 'py>| {
            let seconds = server::restart_time() as f64 / 1e6;
            Ok(seconds.into_pyobject(this.py())?.into_any())
        };
        /// The server_rec, for extensions in C (PyCapsule).
        _server_rec = |this: &Me<'_, 'py>| capsule(this.py(), this.body().0.address());
        /// The next server in httpd's list, or None.
        next = |this: &Me<'_, 'py>| match this.body().0.next() {
            Some(next) => class::make(this.py(), this.interpreter(), ServerObject(next)),
            None => Ok(this.py().None().into_bound(this.py())),
        };
    }
}

fn text<'py>(
    this: &Me<'_, 'py>,
    field: impl FnOnce(&'static Server) -> Option<&'static [u8]>,
) -> Answer<'py> {
    decode_option(this.py(), field(this.body().0))
}

fn texts<'py>(
    this: &Me<'_, 'py>,
    field: impl FnOnce(&'static Server) -> Vec<&'static [u8]>,
) -> Answer<'py> {
    let texts = field(this.body().0).into_iter();
    let texts: PyResult<Vec<_>> = texts.map(|text| decode(this.py(), text)).collect();
    Ok(PyTuple::new(this.py(), texts?)?.into_any())
}

fn number<'py>(this: &Me<'_, 'py>, field: impl FnOnce(&Server) -> i64) -> Answer<'py> {
    Ok(field(this.body().0).into_pyobject(this.py())?.into_any())
}

fn seconds<'py>(this: &Me<'_, 'py>, field: impl FnOnce(&Server) -> Duration) -> Answer<'py> {
    let seconds = field(this.body().0).as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}

fn register_cleanup<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (request, function) = (required(a, 0), required(a, 1));
    if !this.interpreter().types.is(ClassId::Request, request) {
        return Err(PyValueError::new_err(
            "server.register_cleanup() takes a request first, as in (req, callable, data)",
        ));
    }
    push_for_child(Cleanup::new(this.interpreter(), function, a[2].as_deref())?)?;
    Ok(this.py().None().into_bound(this.py()))
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let level = log_level(a[1], Level::Error)?;
    if let Some(message) = a[0].filter(|message| !message.is_none()) {
        loggable(&message, |entry| this.body().0.log(level, entry))?;
    }
    Ok(this.py().None().into_bound(this.py()))
}
