//! The table of phases: the hooks that the module registers and its handler directives are made from it,
//! and docs/handlers.md has the same table.

use std::ffi::CStr;

use super::phases::{Continue, Phase, PhaseHook};
use crate::hook_order::Order;

/// A place in a hook.
pub struct Position {
    /// The hook.
    pub hook: PhaseHook,
    /// The order among all modules.
    pub order: Order,
    /// Modules that are asked before Python.
    pub after: &'static [&'static CStr],
    /// Modules that are asked after Python.
    pub before: &'static [&'static CStr],
}

/// The properties of a phase.
pub struct Row {
    /// The phase.
    pub phase: Phase,
    /// Its directive.
    pub directive: &'static CStr,
    /// When its functions are called, and for what, for `apache2 -L` and docs/directives.md.
    pub help: &'static CStr,
    /// Whether the directive stands outside of sections only: when it runs, httpd does not know the
    /// directory yet. All others stand anywhere, in .htaccess files too.
    pub is_server_only: bool,
    /// The function that is called when the directive names only a module.
    pub default_object: &'static str,
    /// The hook of the phase, and the place in it.
    pub position: Position,
    /// When the next handler of a list is called.
    pub continues: Continue,
}

/// How many phases there are.
pub const COUNT: usize = ROWS.len();

/// The table: a row for each phase, in httpd's order.
pub static ROWS: [Row; 13] = [
    Row {
        phase: Phase::Connection,
        directive: c"PythonConnectionHandler",
        help: c"the Python function that serves connections: module[::function]",
        is_server_only: true,
        default_object: "connectionhandler",
        // mod_reqtimeout starts the clock of a connection.
        position: at(PhaseHook::ProcessConnection, Order::First, &[c"mod_reqtimeout.c"], &[]),
        continues: Continue::Never,
    },
    Row {
        phase: Phase::PostReadRequest,
        directive: c"PythonPostReadRequestHandler",
        help: c"called when a request was read",
        is_server_only: true,
        default_object: "postreadrequesthandler",
        // These find the client's address, set its variables, and refuse TLS that does not suffice.
        position: at(
            PhaseHook::PostReadRequest,
            Order::Middle,
            &[c"mod_remoteip.c", c"mod_setenvif.c", c"mod_ssl.c", c"mod_unique_id.c"],
            &[],
        ),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Trans,
        directive: c"PythonTransHandler",
        help: c"called to find the file of a URI, before mod_rewrite and mod_alias",
        is_server_only: true,
        default_object: "transhandler",
        position: at(PhaseHook::TranslateName, Order::ReallyFirst, &[], &[]),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Init,
        directive: c"PythonInitHandler",
        help: c"called first of all: in a section as soon as it is known, else when a request was read",
        is_server_only: false,
        default_object: "inithandler",
        position: HEADER_PARSER,
        continues: Continue::Both,
    },
    Row {
        phase: Phase::HeaderParser,
        directive: c"PythonHeaderParserHandler",
        help: c"called as soon as sections are known",
        is_server_only: false,
        default_object: "headerparserhandler",
        position: HEADER_PARSER,
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Access,
        directive: c"PythonAccessHandler",
        help: c"called to decide whether a client may access the resource, whatever its user",
        is_server_only: false,
        default_object: "accesshandler",
        // mod_ssl may have to ask for a certificate here.
        position: at(PhaseHook::AccessChecker, Order::Middle, &[c"mod_ssl.c"], &[c"mod_access_compat.c"]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Authen,
        directive: c"PythonAuthenHandler",
        help: c"called to authenticate the user, before mod_auth_basic and the like",
        is_server_only: false,
        default_object: "authenhandler",
        // mod_ssl's FakeBasicAuth makes a password of a certificate.
        position: at(PhaseHook::CheckUserId, Order::First, &[c"mod_ssl.c"], &[]),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Authz,
        directive: c"PythonAuthzHandler",
        help: c"called to decide whether the user may access the resource, before Require is evaluated",
        is_server_only: false,
        default_object: "authzhandler",
        position: at(PhaseHook::AuthChecker, Order::First, &[], &[]),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Type,
        directive: c"PythonTypeHandler",
        help: c"called to find the media type, before mod_mime",
        is_server_only: false,
        default_object: "typehandler",
        // mod_negotiation finds the file of MultiViews first.
        position: at(
            PhaseHook::TypeChecker,
            Order::First,
            &[c"mod_negotiation.c"],
            &[c"mod_mime.c", c"mod_mime_magic.c"],
        ),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Fixup,
        directive: c"PythonFixupHandler",
        help: c"called last before the response",
        is_server_only: false,
        default_object: "fixuphandler",
        // Handlers can read and change what SetEnv sets.
        position: at(PhaseHook::Fixups, Order::Middle, &[c"mod_env.c"], &[]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Content,
        directive: c"PythonHandler",
        help: c"called to answer a request, where SetHandler mod_python holds",
        is_server_only: false,
        default_object: "handler",
        position: at(PhaseHook::Handler, Order::Middle, &[], &[]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Log,
        directive: c"PythonLogHandler",
        help: c"called when the response was sent, before the access log is written",
        is_server_only: false,
        default_object: "loghandler",
        position: at(PhaseHook::LogTransaction, Order::First, &[], &[]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Cleanup,
        directive: c"PythonCleanupHandler",
        help: c"called at the end of the request, after all other phases",
        is_server_only: false,
        default_object: "cleanuphandler",
        position: at(PhaseHook::PoolCleanup, Order::Middle, &[], &[]),
        continues: Continue::Ok,
    },
];

/// Python looks at headers after mod_setenvif has.
const HEADER_PARSER: Position = at(
    PhaseHook::HeaderParser,
    Order::Middle,
    &[c"mod_setenvif.c"],
    &[],
);

const fn at(
    hook: PhaseHook,
    order: Order,
    after: &'static [&'static CStr],
    before: &'static [&'static CStr],
) -> Position {
    Position {
        hook,
        order,
        after,
        before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl PhaseHook {
        fn text(self) -> &'static str {
            match self {
                Self::ProcessConnection => "process_connection",
                Self::PostReadRequest => "post_read_request",
                Self::TranslateName => "translate_name",
                Self::HeaderParser => "header_parser",
                Self::AccessChecker => "access_checker",
                Self::CheckUserId => "check_user_id",
                Self::AuthChecker => "auth_checker",
                Self::TypeChecker => "type_checker",
                Self::Fixups => "fixups",
                Self::Handler => "handler",
                Self::LogTransaction => "log_transaction",
                Self::PoolCleanup => "(end of the request)",
            }
        }
    }

    /// The row as docs/handlers.md has it.
    fn in_the_documents(row: &Row) -> String {
        let hook = row.position.hook.text();
        let after = match row.continues {
            Continue::Never => "nothing",
            Continue::Ok => "`OK`",
            Continue::Declined => "`DECLINED`",
            Continue::Both => "`OK`, `DECLINED`",
        };
        let (function, name) = (row.default_object, row.phase.directive());
        format!("| `{function}` | `{name}` | {hook} | {after} |")
    }

    #[test]
    fn the_documents_have_this_table() {
        let page = include_str!("../../docs/handlers.md");
        let rows: Vec<String> = ROWS.iter().map(in_the_documents).collect();
        let rows = rows.join("\n");
        assert!(page.contains(&rows), "docs/handlers.md should say:\n{rows}");
    }
}
