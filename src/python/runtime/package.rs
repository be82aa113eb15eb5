//! The Python package `mod_python` of an interpreter: its place in the source tree, its first import, and what is said
//! when another package, or none, is found.
#![expect(unsafe_code, reason = "asks the dynamic linker for this module's file")]

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyList;

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

/// Runs the package's first module.
///
/// # Errors
/// `ImportError` that names the file or the folder at fault: another package, one of another version, one that this
/// process may not read, none.
pub fn start(py: Python<'_>) -> PyResult<()> {
    let Err(error) = py.import("mod_python._start") else {
        return Ok(());
    };
    match fault(py)? {
        Some(text) => Err(PyImportError::new_err(text)),
        None => Err(error),
    }
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
