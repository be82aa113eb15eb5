//! What the directives of filters call directions and types.

use crate::filter_chain::{Direction, FilterType};

impl Direction {
    /// The function that is called when the directive names only a module.
    pub const fn default_object(self) -> &'static str {
        match self {
            Self::Input => "inputfilter",
            Self::Output => "outputfilter",
        }
    }

    /// Its directive.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Input => "PythonInputFilter",
            Self::Output => "PythonOutputFilter",
        }
    }
}

impl FilterType {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::Resource, "resource"),
        (Self::ContentSet, "content_set"),
        (Self::Protocol, "protocol"),
        (Self::Transcode, "transcode"),
        (Self::Connection, "connection"),
        (Self::Network, "network"),
    ];

    /// The name as directives write it.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(kind, _)| *kind)
    }

    /// Whether it stands in the chain of a connection, not of a request.
    pub fn is_connections(self) -> bool {
        matches!(self, Self::Connection | Self::Network)
    }

    /// Whether the headers of a response are made before it gets there.
    pub fn follows_headers(self) -> bool {
        matches!(self, Self::Protocol | Self::Transcode)
    }
}
