//! The Python package `mod_python` of an interpreter: its place in the source tree, its first import, and what is said
//! when another package, or none, is found.
#![expect(unsafe_code, reason = "asks the dynamic linker for this module's file")]

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Has `sys.path` begin with the package of the source tree, if this module was loaded from its `target` folder. An
/// installed module's package is on `sys.path`, and needs no help.
///
/// # Errors
/// Those of lists.
pub fn prepare_path(path: &Bound<'_, PyList>) -> PyResult<()> {
    let Some(folder) = own_file().as_deref().and_then(folder_in_tree) else {
        return Ok(());
    };
    match path.contains(&folder)? {
        true => Ok(()),
        // First: Debian's package of mod_python 3.5 has the same name.
        false => path.insert(0, folder),
    }
}

/// Runs the package's first module. A virtual environment without the package uses the one of its installation.
///
/// # Errors
/// `ImportError` that names the file or the folder at fault: another package, one of another version, one that this
/// process may not read, none.
pub fn start(py: Python<'_>) -> PyResult<()> {
    let Err(mut error) = py.import("mod_python._start") else {
        return Ok(());
    };
    let is_missing = error.is_instance_of::<PyModuleNotFoundError>(py)
        && error.value(py).getattr("name")?.eq("mod_python")?;
    if is_missing && load_from_installation(py)? {
        match py.import("mod_python._start") {
            Ok(_) => return Ok(()),
            Err(other) => error = other,
        }
    }
    match fault(py)? {
        Some(text) => Err(PyImportError::new_err(text)),
        None => Err(error),
    }
}

/// Loads the package from the folders in which the installation has packages, where this interpreter's environment
/// leaves these out. Nothing else of them can be imported then. Returns whether it was there.
fn load_from_installation(py: Python<'_>) -> PyResult<bool> {
    let sys = py.import("sys")?;
    let (prefix, base) = (sys.getattr("prefix")?, sys.getattr("base_prefix")?);
    if prefix.eq(&base)? {
        return Ok(false);
    }
    // Debian's `site` answers by `sys.prefix`. No other code runs in the interpreter yet.
    sys.setattr("prefix", &base)?;
    let folders = py
        .import("site")?
        .call_method1("getsitepackages", (vec![&base],));
    sys.setattr("prefix", prefix)?;
    for folder in folders?.extract::<Vec<PathBuf>>()? {
        let package = folder.join("mod_python");
        let first = package.join("__init__.py");
        if first.exists() {
            let util = py.import("importlib.util")?;
            let inside = PyDict::new(py);
            let folders = vec![package.as_os_str()];
            inside.set_item("submodule_search_locations", folders)?;
            let spec = util.call_method(
                "spec_from_file_location",
                ("mod_python", first.as_os_str()),
                Some(&inside),
            )?;
            let module = util.call_method1("module_from_spec", (&spec,))?;
            sys.getattr("modules")?.set_item("mod_python", &module)?;
            spec.getattr("loader")?
                .call_method1("exec_module", (module,))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why the package has no first module; None if it has one, which failed by itself.
fn fault(py: Python<'_>) -> PyResult<Option<String>> {
    let version = env!("CARGO_PKG_VERSION");
    let path = py.import("sys")?.getattr("path")?;
    for folder in path.extract::<Vec<PathBuf>>()? {
        let package = folder.join("mod_python");
        let found = package.join("__init__.py");
        let place = found.display();
        let text = match (found.try_exists(), package.join("_start.py").try_exists()) {
            (Ok(true), Ok(true)) => return Ok(None),
            (Ok(true), _) => format!(
                "mod_python.so {version}: the package {place} is not that of mod_python 4: remove it (Debian's \
                 libapache2-mod-python has one), or put the package of this module before it on sys.path"
            ),
            (Ok(false), _) if !package.exists() => continue,
            (Ok(false), _) => {
                format!(
                    "the package of mod_python.so {version} is incomplete: {place} is not there"
                )
            }
            (Err(error), _) => format!(
                "mod_python.so {version} cannot read its package: {place}: {error} for the user of httpd's children"
            ),
        };
        return Ok(Some(text));
    }
    Ok(Some(format!(
        "mod_python.so {version} found no package mod_python in any folder of sys.path, which is {}: install the \
         package that was built with it",
        path.repr()?
    )))
}

/// The folder with the package, for a module in `target/PROFILE` of the source tree.
fn folder_in_tree(module: &Path) -> Option<OsString> {
    let tree = module.ancestors().nth(3)?;
    let folder = tree.join("python");
    (tree.join("Cargo.toml").exists() && folder.join("mod_python").exists())
        .then(|| folder.into_os_string())
}

/// The file that this code was loaded from.
fn own_file() -> Option<PathBuf> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let inside = own_file as *const libc::c_void;
    // SAFETY: the address of a function of this module, and a place for the answer.
    if unsafe { libc::dladdr(inside, info.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: zeroes are a valid `Dl_info`, and `dladdr` has filled it.
    let name = unsafe { info.assume_init() }.dli_fname;
    if name.is_null() {
        return None;
    }
    // SAFETY: a text of the dynamic linker that lives as long as this module is loaded.
    let name = unsafe { CStr::from_ptr(name) };
    Path::new(OsStr::from_bytes(name.to_bytes()))
        .canonicalize()
        .ok()
}
