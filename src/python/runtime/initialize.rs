//! The first start of Python in a process: `Py_InitializeFromConfig`, and httpd's signals after it.
#![expect(unsafe_code, reason = "the C API of the start of Python")]

use std::ffi::{CStr, CString};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use pyo3::ffi;
use pyo3::prelude::*;

use super::site_packages;
use super::site_packages::is_environment;
use crate::engine::python_home::{BUILT_WITH, Homes, PythonHome};
use crate::httpd::server::{config_tree, fork};

/// The identifier of the thread that has started Python, a child's main thread; 0 where it ran already.
static MAIN_THREAD: AtomicU64 = AtomicU64::new(0);

/// The identifier of this child's main thread, as `threading.get_ident()` gives it.
pub(in crate::python) fn main_thread() -> u64 {
    MAIN_THREAD.load(Relaxed)
}

/// Starts the Python that the module was built with, and the main interpreter with its `PythonHome`. The GIL and a
/// state of this thread are held then. Returns whether it was started here: if another module of this httpd has started
/// Python, it is used as it is, and its settings hold.
pub(super) fn initialize(optimize: bool, homes: &Homes) -> Result<bool, String> {
    // SAFETY: only asks.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        // SAFETY: Python has started. The state is never given back, as the first one of a Python of ours.
        unsafe { ffi::PyGILState_Ensure() };
        return Ok(false);
    }
    let prefix = homes.main.as_deref().filter(|home| !is_environment(home));
    check_chroot(prefix)?;
    leave_shell();
    preinitialize()?;
    let mut config = configuration(optimize);
    config.site_import = (!homes.has_environment).into();
    let named = name_program(&mut config, prefix);
    let interrupts = SigintAction::save();
    let started = named.and_then(|()| {
        // SAFETY: a complete configuration, on the child's first and only thread.
        let status = unsafe { ffi::Py_InitializeFromConfig(&raw const config) };
        check(status, "Py_InitializeFromConfig")
    });
    // SAFETY: made by `PyConfig_InitPythonConfig`.
    unsafe { ffi::PyConfig_Clear(&raw mut config) };
    started?;
    // SAFETY: a pure question about this thread.
    MAIN_THREAD.store(unsafe { ffi::PyThread_get_thread_ident() }, Relaxed);
    let site = Python::attach(|py| match homes.has_environment {
        true => site_packages::start(py, homes.main.as_deref()),
        false => Ok(()),
    });
    // `import signal` takes SIGINT for Python whatever the configuration says: let it, and take
    // the signal back for httpd. Later imports find the module made.
    let signals = Python::attach(|py| py.import("signal").map(drop));
    interrupts.restore();
    site.and(signals).map_err(|error| error.to_string())?;
    Ok(true)
}

/// Leaves out what the shell that has started httpd says about another Python and about texts: httpd is one and the
/// same whoever starts it.
fn leave_shell() {
    // SAFETY: a child's first and only thread, so nothing else reads the environment.
    unsafe { libc::unsetenv(c"PYTHONHOME".as_ptr()) };
    // SAFETY: as above, for the locale.
    unsafe { libc::setlocale(libc::LC_CTYPE, c"C.UTF-8".as_ptr()) };
}

/// Looks for Python's library in the folder of `ChrootDir`, if there is one: CPython would only list its paths.
///
/// # Errors
/// A sentence that says what is missing.
fn check_chroot(prefix: Option<&PythonHome>) -> Result<(), String> {
    let library = BUILT_WITH.library;
    let has_library =
        || prefix.is_some() || Path::new(library).join("encodings/__init__.py").exists();
    match config_tree::last_argument(b"ChrootDir") {
        Some(folder) if !has_library() => Err(format!(
            "Python's library is not inside ChrootDir {}: copy the folder {library} to the same path below it, the \
             shared libraries of its lib-dynload, the package mod_python and your handlers, too",
            String::from_utf8_lossy(folder)
        )),
        _ => Ok(()),
    }
}

/// Sets what Python needs to know before it decodes any text.
fn preinitialize() -> Result<(), String> {
    let mut pre = std::mem::MaybeUninit::<ffi::PyPreConfig>::uninit();
    // SAFETY: fills the whole struct.
    unsafe { ffi::PyPreConfig_InitPythonConfig(pre.as_mut_ptr()) };
    // SAFETY: filled by the line above.
    let mut pre = unsafe { pre.assume_init() };
    pre.parse_argv = 0;
    // httpd runs under LC_ALL=C as a rule; file names and texts are UTF-8 all the same.
    pre.utf8_mode = 1;
    // The locale is set already (`leave_shell`), and LC_CTYPE of the environment stays as it is.
    pre.configure_locale = 0;
    pre.coerce_c_locale = 0;
    // SAFETY: before anything else of Python runs.
    let status = unsafe { ffi::Py_PreInitialize(&raw const pre) };
    check(status, "Py_PreInitialize")
}

/// The configuration of an embedded Python: httpd has the arguments, the signals and the streams.
fn configuration(optimize: bool) -> ffi::PyConfig {
    let mut config = std::mem::MaybeUninit::<ffi::PyConfig>::uninit();
    // SAFETY: fills the whole struct.
    unsafe { ffi::PyConfig_InitPythonConfig(config.as_mut_ptr()) };
    // SAFETY: filled by the line above.
    let mut config = unsafe { config.assume_init() };
    config.install_signal_handlers = 0;
    config.parse_argv = 0;
    config.optimization_level = optimize.into();
    config.user_site_directory = 0;
    config.pathconfig_warnings = 0;
    // A child may be killed at any time: output that stands in Python's buffers would be lost.
    config.buffered_stdio = 0;
    config.configure_c_stdio = 0;
    config
}

/// Tells Python which program it is, so that it finds its modules, and sets `sys.argv`.
fn name_program(config: &mut ffi::PyConfig, prefix: Option<&PythonHome>) -> Result<(), String> {
    let mut executable = BUILT_WITH.executable.to_owned();
    if let Some(prefix) = prefix {
        let own = format!("{}/bin/python{}", prefix.folder, BUILT_WITH.minor());
        if Path::new(&own).exists() {
            executable = own;
        }
        let place = &raw mut config.home;
        set_text(config, place, &prefix.folder, "setting the prefix")?;
    }
    let place = &raw mut config.executable;
    set_text(config, place, &executable, "setting the executable")?;
    let mut argv = [c"mod_python".as_ptr()];
    // SAFETY: one valid argument; Python copies it.
    let status = unsafe { ffi::PyConfig_SetBytesArgv(&raw mut *config, 1, argv.as_mut_ptr()) };
    check(status, "setting sys.argv")
}

/// Sets a text of the configuration; `place` is the field for it.
fn set_text(
    config: &mut ffi::PyConfig,
    place: *mut *mut libc::wchar_t,
    text: &str,
    what: &str,
) -> Result<(), String> {
    let text = CString::new(text).map_err(|_| "a NUL in a path of Python")?;
    // SAFETY: `place` is a field of `config`; Python copies the text.
    let status = unsafe { ffi::PyConfig_SetBytesString(config, place, text.as_ptr()) };
    check(status, what)
}

/// httpd's own answer to SIGINT.
struct SigintAction(libc::sigaction);

impl SigintAction {
    fn save() -> Self {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: asks only; fills the struct.
        unsafe { libc::sigaction(libc::SIGINT, std::ptr::null(), action.as_mut_ptr()) };
        // SAFETY: zeroes are a valid action, should the call have failed.
        Self(unsafe { action.assume_init() })
    }

    /// Takes the signal back. What Python has set until now is what `signal.signal()` always sets:
    /// processes that Python code forks keep it.
    fn restore(&self) {
        let mut pythons = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: an action that the process had before, and a place for the one of now.
        unsafe { libc::sigaction(libc::SIGINT, &raw const self.0, pythons.as_mut_ptr()) };
        // SAFETY: zeroes are a valid action, should the call have failed.
        fork::keep_handler(unsafe { pythons.assume_init() }.sa_sigaction);
    }
}

/// The result of a step of Python's start; `what` names the step.
///
/// # Errors
/// The step and CPython's reason, if the status is a failure.
pub(in crate::python) fn check(status: ffi::PyStatus, what: &str) -> Result<(), String> {
    // SAFETY: a pure look at a value.
    if unsafe { ffi::PyStatus_Exception(status) } == 0 {
        return Ok(());
    }
    let reason = match status.err_msg.is_null() {
        true => std::borrow::Cow::default(),
        // SAFETY: static text of CPython.
        false => unsafe { CStr::from_ptr(status.err_msg) }.to_string_lossy(),
    };
    Err(format!("{what} failed: {reason}"))
}
