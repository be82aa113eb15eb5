//! The first start of Python in a process: `Py_InitializeFromConfig`, and httpd's signals after it.
#![expect(unsafe_code, reason = "the C API of the start of Python")]

use std::ffi::{CStr, CString};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::httpd::server::{config_tree, fork};

/// The identifier of the thread that has started Python, a child's main thread; 0 where it ran already.
static MAIN_THREAD: AtomicU64 = AtomicU64::new(0);

/// The identifier of this child's main thread, as `threading.get_ident()` gives it.
pub(in crate::python) fn main_thread() -> u64 {
    MAIN_THREAD.load(Relaxed)
}

/// Starts the Python that the module was built with. The GIL and a state of this thread are held then.
///
/// If another module of this httpd has started Python, it is used as it is: its settings hold.
pub(super) fn initialize(optimize: bool) -> Result<(), String> {
    // SAFETY: only asks.
    if unsafe { ffi::Py_IsInitialized() } != 0 {
        // SAFETY: Python has started. The state is never given back, as the first one of a Python of ours.
        unsafe { ffi::PyGILState_Ensure() };
        return Ok(());
    }
    check_chroot()?;
    preinitialize()?;
    let mut config = configuration(optimize);
    let named = name_program(&mut config);
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
    // `import signal` takes SIGINT for Python whatever the configuration says: let it, and take
    // the signal back for httpd. Later imports find the module made.
    Python::attach(|py| py.import("signal").map(drop)).map_err(|error| error.to_string())?;
    interrupts.restore();
    Ok(())
}

/// Looks for Python's library in the folder of `ChrootDir`, if there is one: CPython would only list its paths.
///
/// # Errors
/// A sentence that says what is missing.
fn check_chroot() -> Result<(), String> {
    let library = env!("MOD_PYTHON_LIBRARY");
    let has_library = || Path::new(library).join("encodings/__init__.py").exists();
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
fn name_program(config: &mut ffi::PyConfig) -> Result<(), String> {
    let executable = env!("MOD_PYTHON_EXECUTABLE");
    let executable = CString::new(executable).map_err(|_| "a NUL in the path of Python")?;
    let place = &raw mut config.executable;
    // SAFETY: `place` is a field of `config`; Python copies the text.
    let status =
        unsafe { ffi::PyConfig_SetBytesString(&raw mut *config, place, executable.as_ptr()) };
    check(status, "setting the executable")?;
    let mut argv = [c"mod_python".as_ptr()];
    // SAFETY: one valid argument; Python copies it.
    let status = unsafe { ffi::PyConfig_SetBytesArgv(&raw mut *config, 1, argv.as_mut_ptr()) };
    check(status, "setting sys.argv")
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
