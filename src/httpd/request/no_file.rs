//! The file that httpd has found for a request, or that there is none.

use super::Request;
use crate::httpd::cstr::c_bytes;

/// What stands for the name of the file where a request has none. Other modules read the name without asking whether
/// there is one (mod_negotiation), and look for files where it is a path, as mod_rewrite leaves it.
const NO_FILE: &[u8] = b"mod_python";

impl Request {
    /// The file it was mapped to; `None` after [`Request::set_no_file`].
    pub fn filename(&self) -> Option<&[u8]> {
        self.name_of_file().filter(|name| *name != NO_FILE)
    }

    /// Whether it was said that it has no file.
    pub fn has_no_file(&self) -> bool {
        self.name_of_file() == Some(NO_FILE)
    }

    fn name_of_file(&self) -> Option<&[u8]> {
        // SAFETY: null or NUL-terminated, for the request's life.
        unsafe { c_bytes(self.raw().filename) }
    }

    /// The request has no file, and httpd is not to look for one.
    pub fn set_no_file(&self) {
        self.set_filename(Some(NO_FILE));
    }

    /// Replaces the name of the file; NUL bytes end it.
    pub fn set_filename(&self, value: Option<&[u8]>) {
        let value = value.map_or(std::ptr::null_mut(), |name| self.pool().copy_text(name));
        // SAFETY: live; modules set this field on the request's own thread.
        unsafe { (*self.as_ptr()).filename = value };
    }
}
