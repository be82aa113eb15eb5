//! The phases that Python can serve.

use super::phase_table::{ROWS, Row};

/// The names by which `SetHandler` chooses this module.
pub const HANDLERS: [&[u8]; 2] = [b"mod_python", b"python-program"];

/// A phase of a request, or of a connection. In the order in which httpd runs them; the directive
/// of `Init` has a second meaning (see [`super::phase_table`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A new connection.
    Connection,
    /// A request was read.
    PostReadRequest,
    /// The URI is translated to a file name.
    Trans,
    /// The first phase in which sections and .htaccess hold; outside of sections, the very first one.
    Init,
    /// The headers were read; sections and .htaccess hold from here on.
    HeaderParser,
    /// Whether the client may access the resource, whatever its user.
    Access,
    /// The user is authenticated.
    Authen,
    /// Whether the user may access the resource.
    Authz,
    /// The media type of the response is found.
    Type,
    /// Last changes before the response.
    Fixup,
    /// The response is made.
    Content,
    /// The response was sent.
    Log,
    /// The request ends.
    Cleanup,
}

/// A hook of httpd, by its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseHook {
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

impl Phase {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Its directive.
    pub fn directive(self) -> &'static str {
        self.row().directive.to_str().unwrap_or_default()
    }

    /// The phase of a directive, whatever the case of its letters.
    pub fn of_directive(name: &str) -> Option<Self> {
        let row = ROWS
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

    /// Whether httpd knows the file in this phase, so that its extension can choose a list.
    pub fn knows_file(self) -> bool {
        !matches!(self, Self::Connection | Self::PostReadRequest | Self::Trans)
    }

    /// The phases that a hook serves, in order. `Init` comes first where it is served: outside of
    /// sections it runs with `PostReadRequest`.
    pub const fn of_hook(hook: PhaseHook) -> &'static [Self] {
        match hook {
            PhaseHook::ProcessConnection => &[Self::Connection],
            PhaseHook::PostReadRequest => &[Self::Init, Self::PostReadRequest],
            PhaseHook::TranslateName => &[Self::Trans],
            PhaseHook::HeaderParser => &[Self::Init, Self::HeaderParser],
            PhaseHook::AccessChecker => &[Self::Access],
            PhaseHook::CheckUserId => &[Self::Authen],
            PhaseHook::AuthChecker => &[Self::Authz],
            PhaseHook::TypeChecker => &[Self::Type],
            PhaseHook::Fixups => &[Self::Fixup],
            PhaseHook::Handler => &[Self::Content],
            PhaseHook::LogTransaction => &[Self::Log],
            PhaseHook::PoolCleanup => &[Self::Cleanup],
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
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.phase as usize, index);
            assert!(Phase::of_hook(row.position.hook).contains(&row.phase));
            assert_eq!(Phase::of_directive(row.phase.directive()), Some(row.phase));
        }
    }

    #[test]
    fn default_objects_are_the_directives_in_lower_case() {
        for row in &ROWS {
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
