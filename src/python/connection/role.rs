//! The directive that a handler serves a connection for, and what its result means there.

use std::sync::Arc;

use crate::engine::handler_lists::List;
use crate::engine::handlers::Handler;
use crate::engine::phases::Phase;
use crate::engine::protocols::Protocol;
use crate::httpd::log::Level;
use crate::httpd::{Connection, Status};
use crate::parking::io_state::IoState;
use crate::python::runtime::context::About;

/// The directive that a handler serves a connection for.
#[derive(Clone)]
pub enum Role {
    /// `PythonConnectionHandler`: every connection to a server. It can leave one to HTTP.
    Connection(List),
    /// `PythonProtocol`: the connections whose peers have asked for it.
    Protocol(Arc<Protocol>),
}

impl Role {
    /// The list of the directive; its first entry is the handler.
    pub fn handlers(&self) -> &List {
        match self {
            Self::Connection(list) => list,
            Self::Protocol(protocol) => &protocol.handlers,
        }
    }

    /// The handler; `None` if the list is empty.
    pub fn handler(&self) -> Option<&Handler> {
        self.handlers().first()
    }

    /// The directive's name and arguments, with the file and line where it stands: for log entries.
    pub fn title(&self) -> String {
        let (text, source) = match self.handler() {
            Some(handler) => (handler.text(), &*handler.source),
            None => (String::new(), ""),
        };
        match self {
            Self::Connection(_) => {
                format!("{} {text} ({source})", Phase::Connection.directive())
            }
            Self::Protocol(protocol) => {
                let name = protocol.name.to_string_lossy();
                format!("PythonProtocol {name} {text} ({source})")
            }
        }
    }

    /// What the result of the handler means for its connection. Returns `DECLINED` if HTTP takes it over, which it can
    /// while nothing was read or written, else `OK`: the connection is closed. Logs a result that means nothing.
    pub fn judge(&self, c: &Connection, io: &IoState, status: Status) -> Status {
        let text = match status {
            Status::OK | Status::DONE => return Status::OK,
            Status::DECLINED => {
                let touched = "declined after it had read or written something";
                let touched = (!io.is_untouched()).then(|| touched.to_owned());
                match self.keeps().or(touched) {
                    Some(reason) => format!("{} {reason}: closed", self.title()),
                    None => return status,
                }
            }
            Status(number) => format!(
                "{} gave {number}, which means nothing for a connection: it is closed; return \
                 apache.OK, or apache.DECLINED to leave the connection to HTTP",
                self.title()
            ),
        };
        About::Connection(c).log(Level::Error, &text);
        Status::OK
    }

    /// Why a connection cannot be left to HTTP; `None` if it can.
    fn keeps(&self) -> Option<String> {
        match self {
            Self::Connection(_) => None,
            Self::Protocol(protocol) => {
                let name = protocol.name.to_string_lossy();
                Some(format!(
                    "declined what its peer has agreed to: {name}, not HTTP"
                ))
            }
        }
    }
}
