//! Which `.htaccess` file lets mod_include run code in a page: `Options Includes`, or `All`.

use std::ffi::{CStr, c_int};

use super::Request;
use crate::httpd::ffi;
use crate::httpd::guard::guard;

/// The note that keeps the directory of the file. Notes go along when mod_dir puts the page of an index in the
/// place of its directory; httpd's list of the files that it has read does not.
const DIRECTORY: &CStr = c"mod_python.htaccess-includes";

/// Registers the hook that looks for the option when httpd has merged the sections of a request or subrequest.
pub(in crate::httpd) fn register() {
    let (none, first) = (std::ptr::null(), ffi::APR_HOOK_REALLY_FIRST as c_int);
    // SAFETY: called while httpd collects hooks; the function is static.
    unsafe { ffi::ap_hook_post_perdir_config(Some(post_perdir_config), none, none, first) };
}

unsafe extern "C" fn post_perdir_config(r: *mut ffi::request_rec) -> c_int {
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r) };
    guard(
        "post_perdir_config",
        ffi::HTTP_INTERNAL_SERVER_ERROR as c_int,
        || {
            if let Some(directory) = r.find_includes() {
                r.notes().set(DIRECTORY, directory);
            }
            ffi::DECLINED
        },
    )
}

impl Request {
    /// The directory whose `.htaccess` file gives the option to the request's file, if one does. Whether the
    /// server's configuration gives it, too, cannot be told then.
    pub fn htaccess_with_includes(&self) -> Option<&[u8]> {
        // A directory keeps its note when the page of its index comes from elsewhere.
        let directory = self.notes().get(DIRECTORY)?;
        self.is_in(directory).then_some(directory)
    }

    /// Whether the request is for a file in this directory, which ends in a slash, or for the directory itself.
    fn is_in(&self, directory: &[u8]) -> bool {
        let file = self.filename().unwrap_or_default();
        file.starts_with(directory) || directory.strip_suffix(b"/") == Some(file)
    }

    /// The directory of `htaccess_with_includes`, found in httpd's list of the files that it has read.
    fn find_includes(&self) -> Option<&CStr> {
        // SAFETY: null or an entry of the list, which lives as long as the request.
        let mut at = unsafe { self.raw().htaccess.as_ref() };
        while let Some(read) = at {
            if gives_includes(read.htaccess) {
                // SAFETY: NUL-terminated, as long-lived as the entry; not null where there are settings.
                let directory = unsafe { CStr::from_ptr(read.dir) };
                if self.is_in(directory.to_bytes()) {
                    return Some(directory);
                }
            }
            // SAFETY: as for the first one.
            at = unsafe { read.next.as_ref() };
        }
        None
    }
}

/// Whether the settings of a `.htaccess` file, or of a section in it, give the option.
fn gives_includes(settings: *const ffi::ap_conf_vector_t) -> bool {
    if settings.is_null() {
        return false;
    }
    // SAFETY: the first entry of the settings is that of httpd's core (`AP_CORE_MODULE_INDEX`).
    let core = unsafe { *settings.cast::<*const ffi::core_dir_config>() };
    // SAFETY: null where no directive of the core stands in the file, else the core's settings.
    let Some(core) = (unsafe { core.as_ref() }) else {
        return false;
    };
    if u32::from(core.opts) & ffi::OPT_INC_WITH_EXEC != 0 {
        return true;
    }
    [core.sec_file, core.sec_if].into_iter().any(|sections| {
        // SAFETY: null, or an array of settings, which lives as long as these.
        let Some(sections) = (unsafe { sections.as_ref() }) else {
            return false;
        };
        let first = sections.elts.cast::<*const ffi::ap_conf_vector_t>();
        (0..sections.nelts as usize).any(|at| {
            // SAFETY: within the array.
            let section = unsafe { first.add(at) };
            // SAFETY: as above.
            gives_includes(unsafe { *section })
        })
    })
}
