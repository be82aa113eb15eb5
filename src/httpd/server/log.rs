//! Entries of a server in httpd's error log, and those of the child as a whole.

use std::panic::Location;

use super::{Server, main};
use crate::httpd::log;
use crate::httpd::log::{Level, SourceLocation, log_methods, with_location};

log_methods!(Server, mp_log_server, ap_get_server_module_loglevel);

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
