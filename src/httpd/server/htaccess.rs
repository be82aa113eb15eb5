//! `.htaccess`: which directives the server's configuration allows there.
//!
//! httpd itself asks for one of a directive's classes. A directive that runs code needs all of its
//! classes, so that is checked here, where the missing class can be named.

use super::config::{Context, Line, OverrideClass};
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

impl OverrideClass {
    fn bit(self) -> u32 {
        match self {
            Self::FileInfo => ffi::OR_FILEINFO,
            Self::AuthConfig => ffi::OR_AUTHCFG,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::FileInfo => "FileInfo",
            Self::AuthConfig => "AuthConfig",
        }
    }
}

impl Line<'_> {
    /// Whether the line stands in a .htaccess file, which is read while a request is served.
    pub fn is_in_htaccess(&self) -> bool {
        !self.has(ffi::RSRC_CONF | ffi::ACCESS_CONF)
    }

    /// Whether a directive whose places are `place` may stand in this .htaccess file; `admitted` is what the server
    /// says of all directives of this module (`Settings::admits_htaccess`). `Ok(false)`: it may not, and is ignored,
    /// because of `AllowOverride nonfatal=Override`.
    ///
    /// # Errors
    /// The reason, and what the server's configuration would have to say.
    pub(in crate::httpd) fn may_stand_in_htaccess(
        &self,
        context: Context,
        admitted: Result<(), String>,
    ) -> Result<bool, String> {
        let refused = |why: &str| format!("{} not allowed here: {why}", self.name());
        admitted.map_err(|why| refused(&why))?;
        let Context::Anywhere(classes) = context else {
            // httpd lets AllowOverrideList name what stands in sections.
            return Err(refused(
                "it may stand in the server's configuration only, whatever AllowOverrideList says",
            ));
        };
        let missing = classes.iter().any(|class| !self.has(class.bit()));
        if !missing || self.is_listed() {
            return Ok(true);
        }
        let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
        let text = refused(&format!(
            "it needs AllowOverride {}, because it can run code in httpd's processes",
            names.join(" ")
        ));
        if self.has(ffi::NONFATAL_OVERRIDE) {
            self.warn(&format!("{text}; ignored"));
            return Ok(false);
        }
        Err(text)
    }

    /// Whether `AllowOverrideList` names the directive.
    fn is_listed(&self) -> bool {
        let list = self.parms.override_list;
        if list.is_null() {
            return false;
        }
        // SAFETY: httpd's table of commands is static.
        let command = unsafe { &*self.parms.cmd };
        // SAFETY: a table of the configuration, and a C string.
        let entry = unsafe { ffi::apr_table_get(list, command.name) };
        // SAFETY: a value of a table is null or NUL-terminated.
        unsafe { c_bytes(entry) }.is_some()
    }

    fn has(&self, override_: u32) -> bool {
        self.parms.override_ as u32 & override_ != 0
    }
}
