//! Configuration: directives as a table, and the settings that each section of it makes.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;

use super::Server;
pub use super::line::{Line, Section};
use super::section_settings::SectionSettings;
use crate::httpd::apr::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::module_data::slot;

/// What a module keeps per section of the configuration.
pub trait ModuleSettings: Default + 'static {
    /// Whether no directive stood in the section.
    fn is_empty(&self) -> bool;
    /// The settings that hold in `inner`, a section inside (or after) `outer`.
    fn merged(outer: &Self, inner: &Self) -> Self;
    /// The settings of sections that could not be merged. Requests in these sections are refused.
    fn unusable() -> Self;
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
    Anywhere(&'static [OverrideClass]),
    /// Wherever another module's directive of this name may stand, which needs this class of `AllowOverride`.
    ReadAlong(OverrideClass),
}

/// A class of `AllowOverride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverrideClass {
    /// The class that `SetHandler` needs, too.
    FileInfo,
    /// The class that `Require` needs, too.
    AuthConfig,
}

/// The change of settings that one line of the configuration stands for.
pub type SettingsChange<S> = Box<dyn Fn(&mut S)>;

/// One directive: its name, and what it does.
#[derive(Debug)]
pub struct Directive<S: 'static> {
    /// As written in the configuration.
    pub name: &'static CStr,
    /// One sentence; httpd shows it with `-L` and in its own messages.
    pub help: &'static CStr,
    /// Where it may stand.
    pub context: Context,
    /// Parses one line. The error is a sentence that says what to write instead.
    pub read: fn(&Line<'_>) -> Result<SettingsChange<S>, String>,
}

// `derive` would ask it of `S`, too.
impl<S: 'static> Clone for Directive<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: 'static> Copy for Directive<S> {}

/// The configuration's own `T` under this key, made when it is first asked for. It lives until the next restart.
pub fn generation<'a, T: Default + 'static>(pool: &'a Pool, key: &'static CStr) -> &'a T {
    pool.keyed(key, T::default)
}

/// One entry of httpd's table of commands.
#[repr(transparent)]
pub struct Command(pub(in crate::httpd) ffi::command_rec);

// SAFETY: constant after construction.
unsafe impl Sync for Command {}

/// httpd's form of tables of directives, with the empty entry at its end (`N` = entries + 1).
pub const fn commands<S: ModuleSettings, const N: usize>(
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
                Context::Anywhere(_) | Context::ReadAlong(_) => {
                    ffi::RSRC_CONF | ffi::ACCESS_CONF | ffi::OR_ALL
                }
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

/// The error of a directive that was not read because the module panicked, or may not run any more.
pub(in crate::httpd) const NOT_READ: &CStr =
    c"mod_python could not read this line; the error log says why";

/// httpd has read one line. Returns null, or what is wrong with it, in the pool of temporary values.
unsafe extern "C" fn set<S: ModuleSettings>(
    parms: *mut ffi::cmd_parms,
    section: *mut c_void,
    arguments: *const c_char,
) -> *const c_char {
    // SAFETY: httpd calls with live parameters.
    let parms = unsafe { &*parms };
    guard("a directive", NOT_READ.as_ptr(), || {
        let line = Line { parms, arguments };
        let Err(sentence) = apply::<S>(&line, section) else {
            return std::ptr::null();
        };
        line.temporary(&sentence)
    })
}

/// Applies a line to the settings of its section.
///
/// # Errors
/// A sentence that says what to write instead.
fn apply<S: ModuleSettings>(line: &Line<'_>, section: *mut c_void) -> Result<(), String> {
    // SAFETY: httpd's table of commands is static.
    let command = unsafe { &*line.parms.cmd };
    // SAFETY: `commands` put the directive of this very entry there.
    let directive = unsafe { &*command.cmd_data.cast::<Directive<S>>() };
    // SAFETY: the server of this line, live while it is read.
    let (vector, outside) = unsafe {
        let server = &*line.parms.server;
        (server.module_config, slot(server.lookup_defaults))
    };
    let server: *mut SectionSettings<S> = slot(vector).cast();
    if line.is_in_htaccess()
        && !line.may_stand_in_htaccess(directive.context, line.admitted::<S>())?
    {
        return Ok(());
    }
    let read = (directive.read)(line);
    let change = read.map_err(|sentence| format!("{}: {sentence}", line.name()))?;
    let write = |to: &mut SectionSettings<S>| {
        change(&mut to.settings);
        to.is_permanent = !line.is_in_htaccess();
    };
    // SAFETY: the section's settings, made by `create_section`; one thread reads configuration.
    write(unsafe { &mut *section.cast() });
    if std::ptr::eq(section, outside) {
        // Outside of all sections it holds for the server as such, too (connections). An alias of a provider
        // (`<AuthnProviderAlias>`) has no path either, but is a section of its own.
        // SAFETY: made by `create_server`; another object than the section's.
        write(unsafe { &mut *server });
    }
    Ok(())
}

/// httpd begins a section. Outside of `guard`: it has no way to say that there are no settings, and empty ones are
/// made without anything that can panic.
pub(in crate::httpd) unsafe extern "C" fn create_section<S: ModuleSettings>(
    pool: *mut ffi::apr_pool_t,
    _path: *mut c_char,
) -> *mut c_void {
    // SAFETY: httpd calls with a live pool.
    give::<S>(unsafe { Pool::from_raw(pool) }, SectionSettings::default())
}

/// httpd begins a server. Outside of `guard`, as `create_section`.
pub(in crate::httpd) unsafe extern "C" fn create_server<S: ModuleSettings>(
    pool: *mut ffi::apr_pool_t,
    _server: *mut ffi::server_rec,
) -> *mut c_void {
    // SAFETY: httpd calls with a live pool.
    give::<S>(unsafe { Pool::from_raw(pool) }, SectionSettings::default())
}

/// httpd merges two sections, or a virtual host with the main server: as it starts, and for each request, on the
/// request's thread.
pub(in crate::httpd) unsafe extern "C" fn merge<S: ModuleSettings>(
    pool: *mut ffi::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    // SAFETY: httpd calls with a live pool.
    let pool = unsafe { Pool::from_raw(pool) };
    let merged = guard("the merge of two sections", null_mut(), || {
        // SAFETY: made by the functions above; no thread writes to it any more.
        let a = unsafe { &*outer.cast::<SectionSettings<S>>() };
        // SAFETY: as above.
        let b = unsafe { &*inner.cast::<SectionSettings<S>>() };
        // Most sections hold nothing of ours: no copy for them, on each request.
        if b.settings.is_empty() {
            return outer;
        }
        if a.settings.is_empty() {
            return inner;
        }
        if let Some(kept) = SectionSettings::kept_merge(a, b) {
            return std::ptr::from_ref(kept).cast_mut().cast();
        }
        let merged = S::merged(&a.settings, &b.settings);
        give(pool, SectionSettings::new(merged, false))
    });
    match merged.is_null() {
        true => give(pool, SectionSettings::new(S::unusable(), false)),
        false => merged,
    }
}

fn give<S: 'static>(pool: &Pool, settings: SectionSettings<S>) -> *mut c_void {
    std::ptr::from_ref(pool.own(settings)).cast_mut().cast()
}

/// The settings that one of httpd's vectors points to.
///
/// # Safety
/// The vector has settings of this type, made by the functions above. They live as long as `'a`.
pub(in crate::httpd) unsafe fn settings_of<'a, S: ModuleSettings>(
    vector: *mut ffi::ap_conf_vector_t,
) -> &'a S {
    // SAFETY: the caller says so.
    let section: &SectionSettings<S> = unsafe { &*slot(vector).cast() };
    &section.settings
}

impl Line<'_> {
    /// Whether the settings of the line's server let .htaccess files say anything to this module.
    ///
    /// # Errors
    /// Why not, as a sentence that follows "not allowed here: ".
    pub(in crate::httpd) fn admitted<S: ModuleSettings>(&self) -> Result<(), String> {
        // SAFETY: the server of this line, live while it is read; while requests are served, no thread writes to it.
        let server = unsafe { Server::from_raw(self.parms.server) };
        server.settings::<S>().admits_htaccess()
    }

    /// A text for httpd's messages, in the pool of temporary values.
    pub(in crate::httpd) fn temporary(&self, sentence: &str) -> *const c_char {
        let text = CString::new(sentence).unwrap_or_default();
        // SAFETY: a live pool; httpd shows the copy before it clears that.
        unsafe { ffi::apr_pstrdup(self.parms.temp_pool, text.as_ptr()) }
    }
}

impl Server {
    /// The settings outside of all sections. `S` is the module's own type.
    pub fn settings<S: ModuleSettings>(&self) -> &S {
        // SAFETY: made by our functions, as long-lived as the configuration.
        unsafe { settings_of(self.raw().module_config) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::httpd::apr::brigade::tests::with_brigade;
    use crate::httpd::apr::pool::OwnPool;

    /// Settings that cannot be merged.
    #[derive(Default)]
    struct Broken {
        is_unusable: bool,
    }

    impl ModuleSettings for Broken {
        fn is_empty(&self) -> bool {
            false
        }

        fn merged(_outer: &Self, _inner: &Self) -> Self {
            panic!("no merge")
        }

        fn unusable() -> Self {
            Self { is_unusable: true }
        }
    }

    #[test]
    fn a_panic_in_a_merge_leaves_settings_that_are_unusable() {
        // Only for its start of APR.
        with_brigade(|_| {});
        let pool = OwnPool::new();
        for is_permanent in [false, true] {
            let section = || give(&pool, SectionSettings::new(Broken::default(), is_permanent));
            // SAFETY: a live pool, and two sections' settings in it.
            let merged = unsafe { merge::<Broken>(pool.as_ptr(), section(), section()) };
            // SAFETY: made by `merge`, in the live pool.
            let merged = unsafe { &*merged.cast::<SectionSettings<Broken>>() };
            assert!(merged.settings.is_unusable && !merged.is_permanent);
        }
    }
}
