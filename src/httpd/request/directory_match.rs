//! Directories by patterns, as `<Directory>` and `<DirectoryMatch>` know them.

use std::ffi::{CStr, CString};

use super::Request;
use crate::httpd::ffi;

impl Request {
    /// The directory above this request's file that a pattern matches, with or without a slash at its end: the
    /// shortest one, returned without that slash. `None` if there is no such directory.
    pub fn directory_by(&self, pattern: &str, is_regex: bool) -> Option<String> {
        let file = self.filename()?;
        let pattern = CString::new(pattern).ok()?;
        let matcher = match is_regex {
            true => Matcher::Expression(self.expression(&pattern)?),
            false => Matcher::Wildcard(&pattern),
        };
        let ends = (0..file.len()).filter(|at| file[*at] == b'/');
        let ends = ends.chain(Some(file.len()));
        let mut directories = ends.map(|end| &file[..end]);
        let found = directories
            .find(|path| matcher.matches(path) || matcher.matches(&[path, &b"/"[..]].concat()))?;
        String::from_utf8(found.to_vec()).ok()
    }

    fn expression(&self, pattern: &CStr) -> Option<&ffi::ap_regex_t> {
        // SAFETY: a live pool, a C string.
        let made = unsafe { ffi::ap_pregcomp(self.pool().as_ptr(), pattern.as_ptr(), 0) };
        // SAFETY: null, or compiled, and as long-lived as the request's pool.
        unsafe { made.as_ref() }
    }
}

enum Matcher<'a> {
    Expression(&'a ffi::ap_regex_t),
    Wildcard(&'a CStr),
}

impl Matcher<'_> {
    fn matches(&self, path: &[u8]) -> bool {
        let Ok(path) = CString::new(path) else {
            return false;
        };
        match self {
            Self::Expression(expression) => {
                // SAFETY: compiled by httpd; nothing is asked for but whether it matches.
                (unsafe { ffi::ap_regexec(*expression, path.as_ptr(), 0, std::ptr::null_mut(), 0) })
                    == 0
            }
            Self::Wildcard(pattern) => {
                let flags = ffi::APR_FNM_PATHNAME as i32;
                // SAFETY: two C strings.
                (unsafe { ffi::apr_fnmatch(pattern.as_ptr(), path.as_ptr(), flags) }) == 0
            }
        }
    }
}
