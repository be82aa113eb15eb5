//! Configuration: directives as a table, and the settings that each section of it makes.

use std::ffi::{CStr, CString, c_char, c_void};

use super::Server;
use crate::httpd::apr::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::log;
use crate::httpd::log::Level;
use crate::httpd::module_data::slot;

/// What a module keeps per section of the configuration.
pub trait Settings: Default + 'static {
    /// Whether no directive stood in the section.
    fn is_empty(&self) -> bool;
    /// The settings that hold in `inner`, a section inside (or after) `outer`.
    fn merged(outer: &Self, inner: &Self) -> Self;
    /// Whether these settings of a server let its .htaccess files say anything to this module.
    ///
    /// # Errors
    /// Why not, as a sentence that follows "not allowed here: ".
    fn admits_htaccess(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Where a directive may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Main server and virtual hosts.
    Server,
    /// Also `<Directory>`, `<Location>`, `<Files>`, `<If>`.
    Section,
    /// Also `.htaccess`, where `AllowOverride` gives all of these classes, or `AllowOverrideList` the
    /// directive's name.
    Anywhere(&'static [Class]),
}

/// A class of `AllowOverride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// What `SetHandler` needs, too.
    FileInfo,
    /// What `Require` needs, too.
    AuthConfig,
}

/// What a directive changes, once its arguments are understood.
pub type Change<S> = Box<dyn Fn(&mut S)>;

/// One directive: its name, and what it does.
#[derive(Debug)]
pub struct Directive<S: 'static> {
    /// As written in the configuration.
    pub name: &'static CStr,
    /// One sentence; httpd shows it with `-L` and in its own messages.
    pub help: &'static CStr,
    /// Where it may stand.
    pub context: Context,
    /// Understands one line of it, or says what to write instead.
    pub read: fn(&Line<'_>) -> Result<Change<S>, String>,
}

// `derive` would ask it of `S`, too.
impl<S: 'static> Clone for Directive<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: 'static> Copy for Directive<S> {}

/// What kind of section a line stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// None: main server or virtual host.
    Server,
    /// A directory, absolute.
    Directory(String),
    /// Directories by a pattern.
    DirectoryPattern {
        /// As it was written.
        pattern: String,
        /// A regular expression, or else a wildcard.
        is_regex: bool,
    },
    /// A path of URLs, or a pattern for them.
    Location(String),
}

/// One line of the configuration.
pub struct Line<'a> {
    pub(in crate::httpd) parms: &'a ffi::cmd_parms,
    arguments: *const c_char,
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
        let mut words = Vec::new();
        loop {
            // SAFETY: `at` stays inside the NUL-terminated line.
            if unsafe { *at } == 0 {
                return words;
            }
            // SAFETY: as above; the word is copied into a pool that outlives the call.
            let word = unsafe { ffi::ap_getword_conf(self.parms.temp_pool, &raw mut at) };
            // SAFETY: NUL-terminated.
            words.push(text(unsafe { c_bytes(word) }));
        }
    }

    /// Logs a warning about the line, with its place.
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
            let (path, is_regex) = section_path(&text(unsafe { c_bytes(directive.args) }));
            match name.as_str() {
                "<location" | "<locationmatch" => return Section::Location(path),
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

    /// The pool of this configuration: gone at the next restart.
    pub fn configuration(&self) -> &Pool {
        // SAFETY: the configuration's pool, live while it is read.
        unsafe { Pool::from_raw(self.parms.pool) }
    }
}

/// A value that lives as long as the configuration whose pool this is.
pub fn generation<'a, T: Default + 'static>(pool: &'a Pool, key: &'static CStr) -> &'a T {
    pool.keyed(key, T::default)
}

/// The path of a section's opening line, `"/srv/www">` or `~ "^/x">`, and whether it is a regular
/// expression.
fn section_path(arguments: &str) -> (String, bool) {
    let path = arguments.trim().trim_end_matches('>').trim_end();
    let expression = path.strip_prefix('~');
    let path = expression.unwrap_or(path).trim();
    (
        path.trim_matches(['"', '\'']).to_owned(),
        expression.is_some(),
    )
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// One entry of httpd's table of commands.
#[repr(transparent)]
pub struct Command(pub(in crate::httpd) ffi::command_rec);

// SAFETY: constant after construction.
unsafe impl Sync for Command {}

/// httpd's form of tables of directives, with the empty entry at its end (`N` = entries + 1).
pub const fn commands<S: Settings, const N: usize>(
    tables: &[&'static [Directive<S>]],
) -> [Command; N] {
    let mut commands = [const { Command(EMPTY) }; N];
    let (mut index, mut table, mut row) = (0, 0, 0);
    while index + 1 < N {
        while row == tables[table].len() {
            (table, row) = (table + 1, 0);
        }
        let directive = &tables[table][row];
        commands[index].0 = ffi::command_rec {
            name: directive.name.as_ptr(),
            func: ffi::cmd_func {
                raw_args: Some(set::<S>),
            },
            cmd_data: std::ptr::from_ref(directive).cast_mut().cast(),
            req_override: match directive.context {
                Context::Server => ffi::RSRC_CONF,
                Context::Section => ffi::RSRC_CONF | ffi::ACCESS_CONF,
                // `htaccess` looks at the class, and names it where it is missing.
                Context::Anywhere(_) => ffi::RSRC_CONF | ffi::ACCESS_CONF | ffi::OR_ALL,
            } as i32,
            args_how: ffi::RAW_ARGS,
            errmsg: directive.help.as_ptr(),
        };
        row += 1;
        index += 1;
    }
    commands
}

const EMPTY: ffi::command_rec = ffi::command_rec {
    name: std::ptr::null(),
    func: ffi::cmd_func { no_args: None },
    cmd_data: std::ptr::null_mut(),
    req_override: 0,
    args_how: ffi::RAW_ARGS,
    errmsg: std::ptr::null(),
};

unsafe extern "C" fn set<S: Settings>(
    parms: *mut ffi::cmd_parms,
    section: *mut c_void,
    arguments: *const c_char,
) -> *const c_char {
    // SAFETY: httpd calls with live parameters.
    let parms = unsafe { &*parms };
    let line = Line { parms, arguments };
    let told = |sentence: String| format!("{}: {sentence}", line.name());
    let failed = || {
        Err(told(
            "mod_python failed inside; the error log says where".into(),
        ))
    };
    let result = guard("a directive", failed(), || {
        // SAFETY: httpd's table of commands is static.
        let command = unsafe { &*line.parms.cmd };
        // SAFETY: `commands` put the directive of this very entry there.
        let directive = unsafe { &*command.cmd_data.cast::<Directive<S>>() };
        // SAFETY: the server of this line, live while it is read.
        let vector = unsafe { (*line.parms.server).module_config };
        let server: *mut S = slot(vector).cast();
        if line.is_in_htaccess() {
            // SAFETY: made by `create_server`; while requests are served, nobody writes to it.
            let admitted = unsafe { &*server }.admits_htaccess();
            if !line.may_stand_in_htaccess(directive.context, admitted)? {
                return Ok(());
            }
        }
        let change = (directive.read)(&line).map_err(told)?;
        // SAFETY: the section's settings, made by `create_section`; one thread reads configuration.
        change(unsafe { &mut *section.cast::<S>() });
        if line.parms.path.is_null() {
            // Outside of all sections it holds for the server as such, too (connections).
            // SAFETY: made by `create_server`; another object than the section's.
            change(unsafe { &mut *server });
        }
        Ok(())
    });
    match result {
        Ok(()) => std::ptr::null(),
        Err(text) => {
            let text = CString::new(text).unwrap_or_default();
            // SAFETY: live; httpd shows the copy and ends.
            unsafe { ffi::apr_pstrdup(line.parms.temp_pool, text.as_ptr()) }
        }
    }
}

pub(in crate::httpd) unsafe extern "C" fn create_section<S: Settings>(
    pool: *mut ffi::apr_pool_t,
    _path: *mut c_char,
) -> *mut c_void {
    // SAFETY: httpd calls with a live pool.
    give(unsafe { Pool::from_raw(pool) }, S::default())
}

pub(in crate::httpd) unsafe extern "C" fn create_server<S: Settings>(
    pool: *mut ffi::apr_pool_t,
    _server: *mut ffi::server_rec,
) -> *mut c_void {
    // SAFETY: httpd calls with a live pool.
    give(unsafe { Pool::from_raw(pool) }, S::default())
}

pub(in crate::httpd) unsafe extern "C" fn merge<S: Settings>(
    pool: *mut ffi::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    // SAFETY: made by the functions above; nobody writes to it any more.
    let a = unsafe { &*outer.cast::<S>() };
    // SAFETY: as above.
    let b = unsafe { &*inner.cast::<S>() };
    // Most sections hold nothing of ours: no copy for them, on each request.
    if b.is_empty() {
        return outer;
    }
    if a.is_empty() {
        return inner;
    }
    // SAFETY: httpd calls with a live pool.
    give(unsafe { Pool::from_raw(pool) }, S::merged(a, b))
}

fn give<S: 'static>(pool: &Pool, settings: S) -> *mut c_void {
    std::ptr::from_ref(pool.own(settings)).cast_mut().cast()
}

impl Server {
    /// The settings outside of all sections. `S` is the module's own type.
    pub fn settings<S: Settings>(&self) -> &S {
        // SAFETY: made by our functions, as long-lived as the configuration.
        unsafe { &*slot(self.raw().module_config).cast() }
    }
}
