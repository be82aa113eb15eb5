//! `.htaccess`: which directives the server's configuration allows there.
//!
//! httpd itself asks for one of a directive's classes. A directive that runs code needs all of its
//! classes, so that is checked here, where the missing class can be named.

use super::Server;
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
    /// Whether the line stands in a .htaccess file, which is read while a request is served, into the request's pool.
    /// (What may stand there, `override_`, does not say it: inside of `<RequireAny>` it is the same in all files.)
    pub fn is_in_htaccess(&self) -> bool {
        // SAFETY: the server of this line, live while it is read.
        let server = unsafe { Server::from_raw(self.parms.server) };
        !std::ptr::eq(self.parms.pool, server.configuration().as_ptr())
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
        if let Context::ReadAlong(class) = context {
            // The other module refuses the line, or warns of it.
            return Ok(self.has(class.bit()) || self.is_listed());
        }
        let refused = |why: &str| format!("{} not allowed here: {why}", self.name());
        admitted.map_err(|why| refused(&why))?;
        let Context::Anywhere(classes) = context else {
            // httpd lets AllowOverrideList name what stands in sections.
            return Err(refused(
                "it may stand in the server's configuration only, whatever AllowOverrideList says",
            ));
        };
        let Some(missing) = self.missing(classes).filter(|_| !self.is_listed()) else {
            return Ok(true);
        };
        let text = refused(&missing);
        if self.has(ffi::NONFATAL_OVERRIDE) {
            self.warn(&format!("{text}; ignored"));
            return Ok(false);
        }
        Err(text)
    }

    /// Whether `Require python` may stand where it stands. That `AllowOverrideList` names `Require` does not suffice:
    /// it is for what runs no code. Nor is it ever ignored, since it would guard nothing then.
    ///
    /// # Errors
    /// The reason, and what the server's configuration would have to say.
    pub(in crate::httpd) fn admit_require(
        &self,
        classes: &[OverrideClass],
        admitted: Result<(), String>,
    ) -> Result<(), String> {
        if !self.is_in_htaccess() {
            return Ok(());
        }
        let missing = match self.is_in_container() {
            false => self.missing(classes),
            true => Some(
                "httpd does not tell which AllowOverride holds inside of <RequireAny> and its like in .htaccess; \
                 write the line outside of them, or name an AuthzProviderAlias of the server's configuration"
                    .to_owned(),
            ),
        };
        let admitted = admitted.and(missing.map_or(Ok(()), Err));
        admitted.map_err(|why| format!("not allowed here: {why}"))
    }

    /// Whether the line stands in `<RequireAny>` or its like.
    fn is_in_container(&self) -> bool {
        // SAFETY: null, or live while the configuration is read.
        let directive = unsafe { self.parms.directive.as_ref() };
        // SAFETY: as above.
        let around = directive.and_then(|directive| unsafe { directive.parent.as_ref() });
        // SAFETY: NUL-terminated or null.
        let name = around.and_then(|around| unsafe { c_bytes(around.directive) });
        name.is_some_and(|name| name.to_ascii_lowercase().starts_with(b"<require"))
    }

    /// What the configuration does not say, if it does not give all of these classes.
    fn missing(&self, classes: &[OverrideClass]) -> Option<String> {
        if classes.iter().all(|class| self.has(class.bit())) {
            return None;
        }
        let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
        Some(format!(
            "it needs AllowOverride {}, because it can run code in httpd's processes",
            names.join(" ")
        ))
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
