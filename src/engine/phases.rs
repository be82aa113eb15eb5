//! The phases that Python can serve: one table.

/// A phase of a request, or of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A new connection.
    Connection,
    /// The media type of a response.
    Type,
    /// The response.
    Content,
}

/// When a list of handlers goes on to its next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// Never: only the first entry is called.
    Never,
    /// After `DECLINED`.
    Declined,
    /// After `OK` and `DECLINED`.
    Both,
}

impl Phase {
    /// Every phase, in httpd's order.
    pub const ALL: [Self; 3] = [Self::Connection, Self::Type, Self::Content];

    /// Its directive.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Connection => "PythonConnectionHandler",
            Self::Type => "PythonTypeHandler",
            Self::Content => "PythonHandler",
        }
    }

    /// The function that is called when the directive names only a module.
    pub const fn default_object(self) -> &'static str {
        match self {
            Self::Connection => "connectionhandler",
            Self::Type => "typehandler",
            Self::Content => "handler",
        }
    }

    /// When the next handler of a list is called.
    pub const fn continues(self) -> Continue {
        match self {
            Self::Connection => Continue::Never,
            Self::Type => Continue::Declined,
            Self::Content => Continue::Both,
        }
    }
}

impl Continue {
    /// Whether a list goes on after this result (`OK` 0, `DECLINED` -1).
    pub fn after(self, result: i32) -> bool {
        match self {
            Self::Never => false,
            Self::Declined => result == -1,
            Self::Both => matches!(result, 0 | -1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_objects_are_the_directives_in_lower_case() {
        for phase in Phase::ALL {
            let name = phase
                .directive()
                .strip_prefix("Python")
                .unwrap()
                .to_lowercase();
            assert_eq!(phase.default_object(), name);
        }
    }

    #[test]
    fn lists_go_on_as_their_phase_says() {
        assert!(Continue::Both.after(0) && Continue::Both.after(-1));
        assert!(!Continue::Both.after(-2) && !Continue::Both.after(404));
        assert!(!Continue::Declined.after(0) && Continue::Declined.after(-1));
        assert!(!Continue::Never.after(-1));
    }
}
