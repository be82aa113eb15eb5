//! Where the module of a handler is looked for: what its section says.

use std::borrow::Cow;

use crate::engine::handlers::{Handler, Home};
use crate::engine::python_path::WrittenPath;
use crate::engine::settings::Settings;
use crate::httpd::Request;

/// The functions of phases that come when a request was let in.
const HARMLESS: [&str; 3] = ["handler", "loghandler", "cleanuphandler"];

/// Where a module is looked for, besides the directory of its handler's section, and which version of it is used.
#[derive(Clone, Copy)]
pub struct SearchPath<'a> {
    /// `PythonPath`.
    pub path: Option<&'a WrittenPath>,
    /// The request: its file says which directory a section with a pattern means.
    r: Option<&'a Request>,
    /// `PythonAutoReload`: whether changed files are looked for.
    pub reloads: bool,
    /// `PythonDebug`, where there is a page to show: whether the failure of a changed version is raised, where
    /// otherwise the version before it goes on to be used.
    pub shows_failures: bool,
    /// Whether the module may refuse the request: half of its file, if somebody still writes it, could let people in.
    pub is_guard: bool,
}

impl<'a> SearchPath<'a> {
    /// What the settings of a section say. `r`: the request, if there is one.
    pub fn of(settings: &'a Settings, r: Option<&'a Request>) -> Self {
        Self {
            path: settings.path.as_deref(),
            r,
            reloads: settings.reloads(),
            shows_failures: r.is_some() && settings.debug == Some(true),
            is_guard: false,
        }
    }

    /// The same for a function of a handler that is called as `default_object` if the handler names none.
    pub(super) fn for_function(self, handler: &Handler, default_object: &str) -> Self {
        Self {
            is_guard: handler.is_silent || !HARMLESS.contains(&default_object),
            ..self
        }
    }
}

/// Where a module's name is looked up.
pub(super) enum ImportScope<'a> {
    /// Nowhere: the name is the path of a file.
    File,
    /// In the folder of a section, then on `sys.path`.
    Folder(Cow<'a, str>),
    /// On a `PythonPath`, then on `sys.path`.
    Path(&'a WrittenPath),
    /// On `sys.path`, as it was when the interpreter started.
    Start,
}

impl ImportScope<'_> {
    pub(super) fn of<'a>(handler: &'a Handler, search: SearchPath<'a>) -> ImportScope<'a> {
        if handler.module.starts_with('/') {
            return ImportScope::File;
        }
        match (search.path, &handler.home) {
            (Some(path), _) => ImportScope::Path(path),
            (None, Home::Directory(directory)) => ImportScope::Folder(Cow::Borrowed(directory)),
            (None, Home::Pattern { pattern, is_regex }) => search
                .r
                .and_then(|r| r.directory_by(pattern, *is_regex))
                .map_or(ImportScope::Start, |directory| {
                    ImportScope::Folder(Cow::Owned(directory))
                }),
            (None, Home::Location(_) | Home::None) => ImportScope::Start,
        }
    }

    /// The folder of the handler's section, where that is not searched because of a `PythonPath`.
    pub(super) fn unsearched(&self, handler: &Handler, search: SearchPath<'_>) -> Option<String> {
        let without_path = SearchPath {
            path: None,
            ..search
        };
        match (self, ImportScope::of(handler, without_path)) {
            (Self::Path(_), ImportScope::Folder(directory)) => Some(directory.into_owned()),
            _ => None,
        }
    }

    /// The key under which this scope's modules are kept. No two scopes share one: folders begin with a slash, and no
    /// Python expression does.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::File => "file",
            Self::Folder(directory) if directory.is_empty() => "/",
            Self::Folder(directory) => directory,
            Self::Path(path) => &path.expression,
            Self::Start => "",
        }
    }
}
