//! Calls connection handlers, and turns what comes back into what httpd wants to know.

use super::class;
use super::connection::{ConnectionObject, Wire};
use super::context::About;
use super::debugger;
use super::interpreter::Interpreter;
use super::lease::Lease;
use super::loader::Search;
use super::report;
use super::result::{number, server_return};
use super::state::ConnectionState;
use crate::engine::handlers::{Handler, Home};
use crate::engine::names;
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::{Connection, Request, Status};

/// The interpreter for what stands in `home`, for a request or a connection.
///
/// # Errors
/// Why there is none.
pub fn interpreter(
    settings: &Settings,
    r: Option<&Request>,
    home: &Home,
) -> Result<&'static Interpreter, String> {
    let file = || r.and_then(|r| Some((r.filename()?, r.is_directory())));
    Interpreter::named(&names::interpreter(settings, home, file))
}

/// Runs the connection handler for a connection.
pub fn connection(c: &Connection, handler: &Handler, settings: &Settings) -> Status {
    let asked = c.state(ConnectionState::default);
    if asked.declined.get() {
        return Status::DECLINED;
    }
    let interpreter = match interpreter(settings, None, &handler.home) {
        Ok(interpreter) => interpreter,
        Err(reason) => {
            let text = format!("no Python for this connection: {reason}");
            log::connection(place!(), c, Level::Error, &text);
            return Status::DONE;
        }
    };
    let wire = c.pool().own_first(Wire::new(c));
    if wire.start(c).is_err() {
        // No handshake: HTTP's own handler knows how to answer that.
        return Status::DECLINED;
    }
    let timeouts = c.leave_request_timeouts();
    let lease = Lease::new("connection");
    let status = interpreter.enter(About::Connection(c), |py| {
        let _open = lease.open();
        let object = ConnectionObject::with_wire(&lease, c, wire);
        let result = class::make(py, interpreter, object).and_then(|object| {
            let search = Search {
                path: settings.path.as_deref(),
                r: None,
            };
            let default = Phase::Connection.default_object();
            let function = interpreter
                .loader
                .find(py, handler, default, search, &object)?;
            match debugger::call1(settings, &function, &object)
                .and_then(|result| number(&result, &handler.text()))
            {
                Err(error) => match server_return(py, interpreter, &error)? {
                    Some(returned) => Ok(returned.result),
                    None => Err(error),
                },
                result => result,
            }
        });
        result.map(Status).unwrap_or_else(|error| {
            let name = format!("{} {}", Phase::Connection.directive(), handler.text());
            let text = format!("{name} ({}) failed", handler.source);
            report::to_log(py, &text, &error);
            Status::DONE
        })
    });
    lease.end();
    if status != Status::DECLINED {
        return Status::OK;
    }
    if wire.has_unread() {
        let text = format!(
            "{} declined after it had read a part of a line: closed",
            handler.text()
        );
        log::connection(place!(), c, Level::Error, &text);
        return Status::OK;
    }
    asked.declined.set(true);
    if let Some(timeouts) = timeouts {
        c.take_request_timeouts(timeouts);
    }
    status
}
