//! Entries of a server in httpd's error log, and those of the child as a whole.

use std::panic::Location;

use super::{Server, main};
use crate::httpd::ffi;
use crate::httpd::log;
use crate::httpd::log::{ALWAYS_LOGGED, Level, SourceLocation, with_location};
use crate::httpd::module_index::module_index;

impl Server {
    /// Writes an entry to the server's error log, if this level is logged there (`LogLevel`). Any thread.
    #[track_caller]
    pub fn log(&self, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
        if level <= ALWAYS_LOGGED || self.logs(level) {
            with_location(Location::caller(), |at| self.log_at(at, level, text));
        }
    }

    /// As `log`, for code at another place than the caller's.
    pub fn log_at(&self, at: SourceLocation<'_>, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
        log::write_to_server(self.as_ptr().cast_const(), at, level, text);
    }

    /// Whether an entry of this level would be logged for the server.
    pub fn logs(&self, level: Level) -> bool {
        // SAFETY: a live server, and the index that httpd gave us.
        let most = unsafe { ffi::ap_get_server_module_loglevel(self.as_ptr(), module_index()) };
        level as i32 <= most
    }
}

/// Writes an entry to the log of the child's main server; before there is one, to httpd's main log.
#[track_caller]
pub fn log(level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
    with_location(Location::caller(), |at| log_at(at, level, text));
}

/// As `log`, for code at another place than the caller's.
pub fn log_at(at: SourceLocation<'_>, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
    let server = main().map_or(std::ptr::null(), |server| server.as_ptr().cast_const());
    log::write_to_server(server, at, level, text);
}
