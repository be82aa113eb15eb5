//! The variables of CGI (RFC 3875 §4.1), in `subprocess_env`.

use std::ffi::{CStr, CString};

use super::Request;
use crate::httpd::ffi;

impl Request {
    /// Adds the variables about the server, the client and the headers, and `SCRIPT_FILENAME` if there is a file.
    pub fn add_common_vars(&self) {
        // SAFETY: live.
        unsafe { ffi::ap_add_common_vars(self.as_ptr()) };
        if self.filename().is_none() {
            self.subprocess_env().unset(c"SCRIPT_FILENAME");
        }
    }

    /// Adds the variables about the request. Unlike httpd's own function it leaves out PATH_TRANSLATED,
    /// which takes a subrequest.
    pub fn add_cgi_vars(&self) {
        let set = |name: &CStr, value: Option<&[u8]>| {
            if let Ok(value) = CString::new(value.unwrap_or_default()) {
                self.subprocess_env().set(name, &value);
            }
        };
        set(c"GATEWAY_INTERFACE", Some(b"CGI/1.1"));
        set(c"SERVER_PROTOCOL", self.protocol());
        set(c"REQUEST_METHOD", self.method());
        set(c"QUERY_STRING", self.args());
        set(c"REQUEST_URI", self.first().unparsed_uri());
        set(c"SCRIPT_NAME", Some(self.script_name()));
        if let Some(info) = self.path_info().filter(|info| !info.is_empty()) {
            set(c"PATH_INFO", Some(info));
        }
    }

    /// Adds the variables of CGI for an application that is mounted at `base`; what follows that is in `path_info`. May
    /// wait, for a name server or an identd.
    pub fn add_application_vars(&self, base: &[u8]) {
        self.add_common_vars();
        self.add_cgi_vars();
        let pool = self.pool();
        let environment = self.subprocess_env();
        environment.set_parts(c"SCRIPT_NAME", [base, b""], pool);
        let info = self.path_info().unwrap_or_default();
        environment.set_parts(c"PATH_INFO", [info, b""], pool);
    }

    /// The request's path without its `path_info` (`SCRIPT_NAME`).
    pub fn script_name(&self) -> &[u8] {
        let raw = self.raw();
        let path = self.uri().unwrap_or_default();
        if self.path_info().is_none_or(<[u8]>::is_empty) || raw.uri.is_null() {
            return path;
        }
        // SAFETY: two NUL-terminated texts.
        let length = unsafe { ffi::ap_find_path_info(raw.uri, raw.path_info) };
        usize::try_from(length)
            .ok()
            .and_then(|length| path.get(..length))
            .unwrap_or(path)
    }

    /// The request that the client sent, of which this one may be a redirection or a subrequest.
    fn first(&self) -> &Self {
        let mut first = self;
        while let Some(before) = first.prev().or_else(|| first.main()) {
            first = before;
        }
        first
    }
}
