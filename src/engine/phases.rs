//! The phases that Python can serve: one table. The hooks that the module registers, its handler
//! directives and the README's table of phases are made from it.

use std::ffi::CStr;

/// The names of content handlers that are ours (`SetHandler`).
pub const HANDLERS: [&[u8]; 2] = [b"mod_python", b"python-program"];

/// A phase of a request, or of a connection. In the order in which httpd runs them; the directive
/// of `Init` has a second meaning (see [`Phase::hooks`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A new connection.
    Connection,
    /// A request was read.
    PostReadRequest,
    /// Its URI becomes a file name.
    Trans,
    /// The first of those for which sections and .htaccess count, or else (in a server) the very first.
    Init,
    /// Sections and .htaccess count from here on.
    HeaderParser,
    /// Whether the client may have it, whoever the user is.
    Access,
    /// Who the user is.
    Authen,
    /// Whether the user may have it.
    Authz,
    /// The media type of a response.
    Type,
    /// The last change before the response.
    Fixup,
    /// The response.
    Content,
    /// The response was sent.
    Log,
    /// The request goes.
    Cleanup,
}

/// A hook of httpd, by its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `process_connection`
    ProcessConnection,
    /// `post_read_request`
    PostReadRequest,
    /// `translate_name`
    TranslateName,
    /// `header_parser`
    HeaderParser,
    /// `access_checker`
    AccessChecker,
    /// `check_user_id`
    CheckUserId,
    /// `auth_checker`
    AuthChecker,
    /// `type_checker`
    TypeChecker,
    /// `fixups`
    Fixups,
    /// `handler`
    Handler,
    /// `log_transaction`
    LogTransaction,
    /// The end of the request's pool: no hook of httpd's.
    PoolCleanup,
}

/// Where among the modules that a hook asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Before all that come first.
    ReallyFirst,
    /// Before what has no wish.
    First,
    /// With what has no wish.
    Middle,
}

/// A place in a hook.
pub struct Position {
    /// The hook.
    pub hook: Hook,
    /// The order among all modules.
    pub order: Order,
    /// Modules that are asked before Python.
    pub after: &'static [&'static CStr],
    /// Modules that are asked after Python.
    pub before: &'static [&'static CStr],
}

/// When a list of handlers goes on to its next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// Never: only the first entry is called.
    Never,
    /// After `OK`.
    Ok,
    /// After `DECLINED`.
    Declined,
    /// After `OK` and `DECLINED`.
    Both,
}

/// Where a handler directive may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Outside of sections: when it runs, httpd does not know the directory yet.
    Server,
    /// Anywhere, .htaccess included.
    Anywhere,
}

/// What there is to know about a phase.
pub struct Row {
    /// The phase.
    pub phase: Phase,
    /// Its directive.
    pub directive: &'static CStr,
    /// What its functions do, with the form of the arguments, for `apache2 -L` and the README.
    pub help: &'static CStr,
    /// Where the directive may stand.
    pub place: Place,
    /// The function that is called when the directive names only a module.
    pub default_object: &'static str,
    /// Where httpd asks.
    pub position: Position,
    /// When the next handler of a list is called.
    pub continues: Continue,
}

/// How many phases there are.
pub const COUNT: usize = ROWS.len();

/// The table: a row for each phase, in httpd's order.
pub const ROWS: [Row; 13] = [
    Row {
        phase: Phase::Connection,
        directive: c"PythonConnectionHandler",
        help: c"the Python function that serves connections: module[::function]",
        place: Place::Server,
        default_object: "connectionhandler",
        // mod_reqtimeout starts the clock of a connection.
        position: at(Hook::ProcessConnection, Order::First, &[c"mod_reqtimeout.c"], &[]),
        continues: Continue::Never,
    },
    Row {
        phase: Phase::PostReadRequest,
        directive: c"PythonPostReadRequestHandler",
        help: c"called when a request was read",
        place: Place::Server,
        default_object: "postreadrequesthandler",
        // They know the client, its variables and whether its TLS will do.
        position: at(
            Hook::PostReadRequest,
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
        place: Place::Server,
        default_object: "transhandler",
        position: at(Hook::TranslateName, Order::ReallyFirst, &[], &[]),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Init,
        directive: c"PythonInitHandler",
        help: c"called first of all: in a section as soon as it is known, else when a request was read",
        place: Place::Anywhere,
        default_object: "inithandler",
        position: HEADER_PARSER,
        continues: Continue::Both,
    },
    Row {
        phase: Phase::HeaderParser,
        directive: c"PythonHeaderParserHandler",
        help: c"called as soon as sections are known",
        place: Place::Anywhere,
        default_object: "headerparserhandler",
        position: HEADER_PARSER,
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Access,
        directive: c"PythonAccessHandler",
        help: c"called to say whether a client may come in, whoever its user is",
        place: Place::Anywhere,
        default_object: "accesshandler",
        // mod_ssl may have to ask for a certificate here.
        position: at(Hook::AccessChecker, Order::Middle, &[c"mod_ssl.c"], &[c"mod_access_compat.c"]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Authen,
        directive: c"PythonAuthenHandler",
        help: c"called to find out who the user is, before mod_auth_basic and its like",
        place: Place::Anywhere,
        default_object: "authenhandler",
        // mod_ssl's FakeBasicAuth makes a password of a certificate.
        position: at(Hook::CheckUserId, Order::First, &[c"mod_ssl.c"], &[]),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Authz,
        directive: c"PythonAuthzHandler",
        help: c"called to say whether the user may have it, before Require is looked at",
        place: Place::Anywhere,
        default_object: "authzhandler",
        position: at(Hook::AuthChecker, Order::First, &[], &[]),
        continues: Continue::Declined,
    },
    Row {
        phase: Phase::Type,
        directive: c"PythonTypeHandler",
        help: c"called to find the media type, before mod_mime",
        place: Place::Anywhere,
        default_object: "typehandler",
        // MultiViews find the file first.
        position: at(
            Hook::TypeChecker,
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
        place: Place::Anywhere,
        default_object: "fixuphandler",
        // What SetEnv says can be looked at, and changed.
        position: at(Hook::Fixups, Order::Middle, &[c"mod_env.c"], &[]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Content,
        directive: c"PythonHandler",
        help: c"called to answer a request, where SetHandler mod_python holds",
        place: Place::Anywhere,
        default_object: "handler",
        position: at(Hook::Handler, Order::Middle, &[], &[]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Log,
        directive: c"PythonLogHandler",
        help: c"called when the response was sent, before the access log is written",
        place: Place::Anywhere,
        default_object: "loghandler",
        position: at(Hook::LogTransaction, Order::First, &[], &[]),
        continues: Continue::Both,
    },
    Row {
        phase: Phase::Cleanup,
        directive: c"PythonCleanupHandler",
        help: c"called when all else about the request is over",
        place: Place::Anywhere,
        default_object: "cleanuphandler",
        position: at(Hook::PoolCleanup, Order::Middle, &[], &[]),
        continues: Continue::Ok,
    },
];

/// Python looks at headers after mod_setenvif has.
const HEADER_PARSER: Position = at(Hook::HeaderParser, Order::Middle, &[c"mod_setenvif.c"], &[]);

const fn at(
    hook: Hook,
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

/// A static copy of the table.
static TABLE: [Row; COUNT] = ROWS;

impl Phase {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Its directive.
    pub fn directive(self) -> &'static str {
        self.row().directive.to_str().unwrap_or_default()
    }

    /// The phase of a directive, whatever the case of its letters.
    pub fn of_directive(name: &str) -> Option<Self> {
        let row = TABLE
            .iter()
            .find(|row| row.phase.directive().eq_ignore_ascii_case(name));
        row.map(|row| row.phase)
    }

    /// The function that is called when the directive names only a module.
    pub fn default_object(self) -> &'static str {
        self.row().default_object
    }

    /// When the next handler of a list is called.
    pub fn continues(self) -> Continue {
        self.row().continues
    }

    /// Whether httpd knows the file then, so that its extension can choose a list.
    pub fn knows_file(self) -> bool {
        !matches!(self, Self::Connection | Self::PostReadRequest | Self::Trans)
    }

    /// The phases that a hook serves, in order. `Init` comes first wherever it may: outside of
    /// sections it is another word for `PostReadRequest`.
    pub const fn of_hook(hook: Hook) -> &'static [Self] {
        match hook {
            Hook::ProcessConnection => &[Self::Connection],
            Hook::PostReadRequest => &[Self::Init, Self::PostReadRequest],
            Hook::TranslateName => &[Self::Trans],
            Hook::HeaderParser => &[Self::Init, Self::HeaderParser],
            Hook::AccessChecker => &[Self::Access],
            Hook::CheckUserId => &[Self::Authen],
            Hook::AuthChecker => &[Self::Authz],
            Hook::TypeChecker => &[Self::Type],
            Hook::Fixups => &[Self::Fixup],
            Hook::Handler => &[Self::Content],
            Hook::LogTransaction => &[Self::Log],
            Hook::PoolCleanup => &[Self::Cleanup],
        }
    }
}

impl Continue {
    /// Whether a list goes on after this result (`OK` 0, `DECLINED` -1).
    pub fn after(self, result: i32) -> bool {
        match self {
            Self::Never => false,
            Self::Ok => result == 0,
            Self::Declined => result == -1,
            Self::Both => matches!(result, 0 | -1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_phase_says() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.phase as usize, index);
            assert!(Phase::of_hook(row.position.hook).contains(&row.phase));
            assert_eq!(Phase::of_directive(row.phase.directive()), Some(row.phase));
        }
    }

    #[test]
    fn default_objects_are_the_directives_in_lower_case() {
        for row in &TABLE {
            let name = row.phase.directive().strip_prefix("Python").unwrap();
            assert_eq!(row.default_object, name.to_lowercase());
        }
    }

    #[test]
    fn lists_go_on_as_their_phase_says() {
        assert!(Continue::Both.after(0) && Continue::Both.after(-1));
        assert!(!Continue::Both.after(-2) && !Continue::Both.after(404));
        assert!(!Continue::Declined.after(0) && Continue::Declined.after(-1));
        assert!(Continue::Ok.after(0) && !Continue::Ok.after(-1));
        assert!(!Continue::Never.after(-1));
    }
}
