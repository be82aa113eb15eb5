//! Entries of a connection in httpd's error log.

use std::panic::Location;

use super::Connection;
use crate::httpd::ffi;
use crate::httpd::log::{ALWAYS_LOGGED, Level, SourceLocation, printable, with_location};
use crate::httpd::module_index::module_index;

impl Connection {
    /// Writes an entry to the error log with the connection's context (client, connection id), if this level is logged
    /// for it (`LogLevel`). Any thread that may use the connection.
    #[track_caller]
    pub fn log(&self, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
        if level <= ALWAYS_LOGGED || self.logs(level) {
            with_location(Location::caller(), |at| self.log_at(at, level, text));
        }
    }

    /// As `log`, for code at another place than the caller's.
    pub fn log_at(&self, at: SourceLocation<'_>, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
        let text = printable(text.as_ref());
        // SAFETY: all pointers live through the call; httpd copies the strings.
        unsafe {
            ffi::mp_log_connection(
                at.file.as_ptr(),
                at.line as i32,
                module_index(),
                level as i32,
                0,
                self.as_ptr(),
                text.as_ptr(),
            );
        }
    }

    /// Whether an entry of this level would be logged for the connection.
    pub fn logs(&self, level: Level) -> bool {
        // SAFETY: a live connection, and the index that httpd gave us.
        let most = unsafe { ffi::ap_get_conn_module_loglevel(self.as_ptr(), module_index()) };
        level as i32 <= most
    }
}
