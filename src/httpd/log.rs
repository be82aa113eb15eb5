//! httpd's error log, with our module's own `LogLevel python:…`.

use std::ffi::{CStr, CString};
use std::panic::Location;
use std::ptr::null;

use super::ffi;
use super::module_index::module_index;

/// httpd's log levels, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Immediate action needed.
    Alert = ffi::APLOG_ALERT as i32,
    /// Critical.
    Critical = ffi::APLOG_CRIT as i32,
    /// Errors.
    Error = ffi::APLOG_ERR as i32,
    /// Warnings.
    Warning = ffi::APLOG_WARNING as i32,
    /// Normal but significant.
    Notice = ffi::APLOG_NOTICE as i32,
    /// Informational.
    Info = ffi::APLOG_INFO as i32,
    /// For debugging.
    Debug = ffi::APLOG_DEBUG as i32,
    /// The first of eight levels for traces.
    Trace1 = ffi::APLOG_TRACE1 as i32,
    /// See `Trace1`.
    Trace2 = ffi::APLOG_TRACE2 as i32,
    /// See `Trace1`.
    Trace3 = ffi::APLOG_TRACE3 as i32,
    /// See `Trace1`.
    Trace4 = ffi::APLOG_TRACE4 as i32,
    /// See `Trace1`.
    Trace5 = ffi::APLOG_TRACE5 as i32,
    /// See `Trace1`.
    Trace6 = ffi::APLOG_TRACE6 as i32,
    /// See `Trace1`.
    Trace7 = ffi::APLOG_TRACE7 as i32,
    /// See `Trace1`.
    Trace8 = ffi::APLOG_TRACE8 as i32,
}

impl Level {
    /// The level of a number that Python code gives (`apache.APLOG_*`). 0 and unknown numbers are errors;
    /// higher bits, such as `APLOG_NOERRNO` of old headers, are ignored.
    pub fn from_number(number: i64) -> Self {
        match number & i64::from(ffi::APLOG_LEVELMASK) {
            1 => Self::Alert,
            2 => Self::Critical,
            4 => Self::Warning,
            5 => Self::Notice,
            6 => Self::Info,
            7 => Self::Debug,
            8 => Self::Trace1,
            9 => Self::Trace2,
            10 => Self::Trace3,
            11 => Self::Trace4,
            12 => Self::Trace5,
            13 => Self::Trace6,
            14 => Self::Trace7,
            15 => Self::Trace8,
            _ => Self::Error,
        }
    }
}

/// httpd writes entries of this level and above to a log file whatever `LogLevel` says.
pub const ALWAYS_LOGGED: Level = Level::Notice;

/// A line of a source file, Rust's or Python's. httpd shows it at level debug and above.
#[derive(Clone, Copy)]
pub struct SourceLocation<'a> {
    /// The file, NUL-terminated.
    pub file: &'a CStr,
    /// The line, from 1.
    pub line: u32,
}

/// Calls `write` with the location of the Rust code that called the `log` method.
pub fn with_location(caller: &Location<'_>, write: impl FnOnce(SourceLocation<'_>)) {
    let file = CString::new(caller.file()).unwrap_or_default();
    write(SourceLocation {
        file: &file,
        line: caller.line(),
    });
}

/// Writes an entry to httpd's main error log, for what belongs to no server. Any thread.
#[track_caller]
pub fn main(level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
    with_location(Location::caller(), |at| {
        write_to_server(null(), at, level, text);
    });
}

/// Writes an entry to the log of a server; with null to the main log.
pub(in crate::httpd) fn write_to_server(
    server: *const ffi::server_rec,
    at: SourceLocation<'_>,
    level: Level,
    text: &(impl AsRef<[u8]> + ?Sized),
) {
    let text = printable(text.as_ref());
    // SAFETY: null or a live server; the strings live through the call, and httpd copies them.
    unsafe {
        ffi::mp_log_server(
            at.file.as_ptr(),
            at.line as i32,
            module_index(),
            level as i32,
            0,
            server,
            text.as_ptr(),
        );
    }
}

/// The log methods of a type whose C struct has a log level and a context of its own. `$write` is the shim's
/// function that writes an entry, `$most` httpd's function that returns the least urgent level which is logged.
macro_rules! log_methods {
    ($type:ty, $write:ident, $most:ident) => {
        impl $type {
            /// Writes an entry to the error log with the context of this object, such as the client and the id of
            /// the request, if this level is logged for it (`LogLevel`). Any thread that may use the object.
            #[track_caller]
            pub fn log(
                &self,
                level: $crate::httpd::log::Level,
                text: &(impl AsRef<[u8]> + ?Sized),
            ) {
                if level <= $crate::httpd::log::ALWAYS_LOGGED || self.logs(level) {
                    let caller = std::panic::Location::caller();
                    $crate::httpd::log::with_location(caller, |at| self.log_at(at, level, text));
                }
            }

            /// As `log`, for code at another place than the caller's.
            pub fn log_at(
                &self,
                at: $crate::httpd::log::SourceLocation<'_>,
                level: $crate::httpd::log::Level,
                text: &(impl AsRef<[u8]> + ?Sized),
            ) {
                let text = $crate::httpd::log::printable(text.as_ref());
                // SAFETY: all pointers live through the call; httpd copies the strings.
                unsafe {
                    $crate::httpd::ffi::$write(
                        at.file.as_ptr(),
                        at.line as i32,
                        $crate::httpd::module_index::module_index(),
                        level as i32,
                        0,
                        self.as_ptr(),
                        text.as_ptr(),
                    );
                }
            }

            /// Whether an entry of this level would be logged for the object.
            pub fn logs(&self, level: $crate::httpd::log::Level) -> bool {
                let index = $crate::httpd::module_index::module_index();
                // SAFETY: a live object, and the index that httpd gave us.
                let most = unsafe { $crate::httpd::ffi::$most(self.as_ptr(), index) };
                level as i32 <= most
            }
        }
    };
}
pub(in crate::httpd) use log_methods;

/// A text as a C string. NUL bytes, which would end it, are written as `\0`; httpd escapes bytes that are no
/// text.
pub(in crate::httpd) fn printable(text: &[u8]) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let parts: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
        CString::new(parts.join(&b"\\0"[..])).unwrap_or_default()
    })
}
