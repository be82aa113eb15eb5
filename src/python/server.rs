//! `server`: a virtual host, or the main server.

use pyo3::prelude::*;

use super::class::{self, Answer, Arguments, Class, This, attributes, methods};
use super::cleanups::{Cleanup, push_for_child};
use super::module::{config_dict, log_level, loggable, options_dict};
use super::request_fields::required;
use super::text::decode_option;
use crate::engine::settings::Settings;
use crate::httpd::Server;
use crate::httpd::log::{self, Level, place};

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

impl Class for ServerObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Server";
    const DOC: &'static std::ffi::CStr = c"A virtual host or the main server (server_rec).";
    const ID: usize = 3;
    const OPEN: bool = true;
    methods! { ServerObject:
        /// Writes an entry to the server's error log; level is one of apache.APLOG_*.
        log_error(message; level) = log_error;
        /// The options (PythonOption) that hold outside of all sections, as a dict.
        get_options() = |this: &Me<'_, 'py>, _| {
            Ok(options_dict(this.py(), this.body().0.settings::<Settings>())?.into_any())
        };
        /// Has function(data) called when this child of httpd ends. req is not used.
        register_cleanup(req, function; data) = |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| {
            let cleanup = Cleanup::new(this.interpreter(), &*required(a, 1)?, a[2].as_deref())?;
            push_for_child(cleanup);
            Ok(this.py().None().into_bound(this.py()))
        };
        /// The directives that hold outside of all sections, as a dict of name and value.
        get_config() = |this: &Me<'_, 'py>, _| {
            Ok(config_dict(this.py(), this.body().0.settings::<Settings>())?.into_any())
        };
    }
    attributes! { ServerObject:
        /// The host name of ServerName.
        server_hostname = |this: &Me<'_, 'py>| decode_option(this.py(), this.body().0.hostname());
        /// ServerAdmin.
        server_admin = |this: &Me<'_, 'py>| decode_option(this.py(), this.body().0.admin());
        /// The port of ServerName, or 0.
        port = |this: &Me<'_, 'py>| Ok(this.body().0.port().into_pyobject(this.py())?.into_any());
        /// 1 for a virtual host.
        is_virtual = |this: &Me<'_, 'py>| {
            Ok(u8::from(this.body().0.is_virtual()).into_pyobject(this.py())?.into_any())
        };
        /// Timeout, in seconds (float).
        timeout = |this: &Me<'_, 'py>| {
            Ok(this.body().0.timeout().as_secs_f64().into_pyobject(this.py())?.into_any())
        };
        /// The next server in httpd's list, or None.
        next = |this: &Me<'_, 'py>| match this.body().0.next() {
            Some(next) => class::make(this.py(), this.interpreter(), ServerObject(next)),
            None => Ok(this.py().None().into_bound(this.py())),
        };
    }
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let level = log_level(a[1], Level::Error)?;
    if let Some(message) = a[0].filter(|message| !message.is_none()) {
        let server = Some(this.body().0);
        loggable(&message, |entry| {
            log::server(place!(), server, level, entry)
        })?;
    }
    Ok(this.py().None().into_bound(this.py()))
}
