//! One line of the configuration: its name, its arguments, and the section it stands in.

use std::ffi::{CString, c_char};

use crate::httpd::apr::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::log;
use crate::httpd::log::Level;

/// What kind of section a line stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// None: main server or virtual host.
    Server,
    /// A directory, absolute.
    Directory(String),
    /// Directories by a pattern.
    DirectoryPattern {
        /// The pattern as it was written.
        pattern: String,
        /// Whether it is a regular expression; else it has wildcards.
        is_regex: bool,
    },
    /// A path of URLs.
    Location(String),
    /// Paths of URLs, by a pattern as it was written.
    LocationPattern(String),
}

/// One line of the configuration.
pub struct Line<'a> {
    pub(in crate::httpd) parms: &'a ffi::cmd_parms,
    pub(in crate::httpd) arguments: *const c_char,
}

impl Line<'_> {
    /// The directive's name as written.
    pub fn name(&self) -> String {
        // SAFETY: httpd's table of commands is static.
        let command = unsafe { &*self.parms.cmd };
        // SAFETY: as above.
        text(unsafe { c_bytes(command.name) })
    }

    /// Everything after the name, as written.
    pub fn arguments(&self) -> String {
        // SAFETY: the line's text lives through the call.
        text(unsafe { c_bytes(self.arguments) })
    }

    /// The arguments as httpd splits them: white space, quotes, backslashes.
    pub fn words(&self) -> Vec<String> {
        let mut at = self.arguments;
        std::iter::from_fn(|| self.next_word(&mut at)).collect()
    }

    /// The word at a place in a NUL-terminated text, which then is behind it; `None` at the end.
    fn next_word(&self, at: &mut *const c_char) -> Option<String> {
        // SAFETY: `at` stays inside the NUL-terminated text.
        if unsafe { **at } == 0 {
            return None;
        }
        // SAFETY: as above; the word is copied into a pool that outlives the call.
        let word = unsafe { ffi::ap_getword_conf(self.parms.temp_pool, &raw mut *at) };
        // SAFETY: NUL-terminated.
        Some(text(unsafe { c_bytes(word) }))
    }

    /// The path of a section's opening line, `"/srv/www">` or `~ "^/x">`, and whether it is a regular expression.
    fn section_path(&self, arguments: &[u8]) -> (String, bool) {
        let end = arguments.iter().rposition(|byte| *byte == b'>');
        let arguments = &arguments[..end.unwrap_or(arguments.len())];
        let arguments = CString::new(arguments).unwrap_or_default(); // it is of a text without NUL
        let mut at = arguments.as_ptr();
        let first = self.next_word(&mut at).unwrap_or_default();
        match first.as_str() {
            "~" => (self.next_word(&mut at).unwrap_or_default(), true),
            _ => (first, false),
        }
    }

    /// Logs a warning about the line, with its file and line number.
    pub fn warn(&self, text: &str) {
        let text = format!("{text} ({})", self.source());
        log::main(Level::Warning, &text);
    }

    /// Where the line stands, as `file:line`.
    pub fn source(&self) -> String {
        // SAFETY: null, or live while the configuration is read.
        let Some(directive) = (unsafe { self.parms.directive.as_ref() }) else {
            return String::new();
        };
        // SAFETY: NUL-terminated or null.
        let file = text(unsafe { c_bytes(directive.filename) });
        format!("{file}:{}", directive.line_num)
    }

    /// The innermost directory or location around the line; `<Files>` and `<If>` do not count.
    pub fn section(&self) -> Section {
        // SAFETY: the tree of directives lives while the configuration is read.
        let mut at = unsafe { self.parms.directive.as_ref() };
        if self.is_in_htaccess() {
            // SAFETY: NUL-terminated or null.
            let file = text(at.and_then(|directive| unsafe { c_bytes(directive.filename) }));
            let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
            return Section::Directory(directory.to_owned());
        }
        while let Some(directive) = at {
            // SAFETY: NUL-terminated or null.
            let name = text(unsafe { c_bytes(directive.directive) }).to_ascii_lowercase();
            // SAFETY: as above.
            let arguments = unsafe { c_bytes(directive.args) };
            let (path, is_regex) = self.section_path(arguments.unwrap_or_default());
            match name.as_str() {
                "<location" if !is_regex && !path.contains(['*', '?', '[']) => {
                    return Section::Location(path);
                }
                "<location" | "<locationmatch" => return Section::LocationPattern(path),
                "<directory" if !is_regex && !path.contains(['*', '?', '[']) => {
                    return Section::Directory(path);
                }
                "<directory" | "<directorymatch" => {
                    return Section::DirectoryPattern {
                        pattern: path,
                        is_regex: is_regex || name == "<directorymatch",
                    };
                }
                _ => {}
            }
            // SAFETY: as above.
            at = unsafe { directive.parent.as_ref() };
        }
        Section::Server
    }

    /// Where the record of its server lies (`Server::address`).
    pub fn server_address(&self) -> usize {
        self.parms.server.addr()
    }

    /// Where the settings lie of the section that it stands in, or of the server outside of all sections: each has its
    /// own as long as this configuration is there.
    pub fn section_address(&self) -> usize {
        self.parms.context.addr()
    }

    /// Whether it stands in a `<VirtualHost>`.
    pub fn is_in_virtual_host(&self) -> bool {
        // SAFETY: the server of this line, live while it is read.
        unsafe { (*self.parms.server).is_virtual != 0 }
    }

    /// Whether it stands in a section that holds for files or under conditions: `<Files>`, `<If>`.
    pub fn is_conditional(&self) -> bool {
        // SAFETY: the tree of directives lives while the configuration is read.
        let mut at = unsafe { self.parms.directive.as_ref() };
        while let Some(directive) = at {
            // SAFETY: NUL-terminated or null.
            let name = text(unsafe { c_bytes(directive.directive) }).to_ascii_lowercase();
            if ["<if", "<elseif", "<else", "<files", "<filesmatch"].contains(&name.as_str()) {
                return true;
            }
            // SAFETY: as above.
            at = unsafe { directive.parent.as_ref() };
        }
        false
    }

    /// The pool of this configuration: gone at the next restart.
    pub fn configuration(&self) -> &Pool {
        // SAFETY: the configuration's pool, live while it is read.
        unsafe { Pool::from_raw(self.parms.pool) }
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}
