//! httpd's error log, with our module's own `LogLevel python:…`.

use std::ffi::{CStr, CString};

use super::{Connection, Request, Server, ffi, hooks};

/// httpd's levels, most urgent first.
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
    /// Of eight levels for each step.
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
    /// From the number that Python code gives (`apache.APLOG_*`); 0 and unknown ones are errors.
    /// Higher bits, as of `APLOG_NOERRNO` in old headers, mean nothing.
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

/// A place in source, shown by httpd at debug level.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file, NUL-terminated.
    pub file: &'a CStr,
    /// The line, from 1.
    pub line: u32,
}

/// The place where the macro stands.
macro_rules! place {
    () => {
        $crate::httpd::log::Place {
            file: const {
                match std::ffi::CStr::from_bytes_with_nul(concat!(file!(), "\0").as_bytes()) {
                    Ok(file) => file,
                    Err(_) => c"mod_python",
                }
            },
            line: line!(),
        }
    };
}
pub(crate) use place;

/// Writes one line with a request's context (client, request id).
pub fn request(place: Place<'_>, r: &Request, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
    let text = printable(text.as_ref());
    // SAFETY: all pointers live through the call; httpd copies.
    unsafe {
        ffi::mp_log_request(
            place.file.as_ptr(),
            place.line as i32,
            hooks::module_index(),
            level as i32,
            0,
            r.as_ptr(),
            text.as_ptr(),
        );
    }
}

/// Writes one line with a connection's context (client, connection id).
pub fn connection(
    place: Place<'_>,
    c: &Connection,
    level: Level,
    text: &(impl AsRef<[u8]> + ?Sized),
) {
    let text = printable(text.as_ref());
    // SAFETY: as in `request`.
    unsafe {
        ffi::mp_log_connection(
            place.file.as_ptr(),
            place.line as i32,
            hooks::module_index(),
            level as i32,
            0,
            c.as_ptr(),
            text.as_ptr(),
        );
    }
}

/// Writes one line to a server's log; without a server, to the main log.
pub fn server(
    place: Place<'_>,
    s: Option<&Server>,
    level: Level,
    text: &(impl AsRef<[u8]> + ?Sized),
) {
    let text = printable(text.as_ref());
    let s = s.map_or(std::ptr::null(), |s| s.as_ptr().cast_const());
    // SAFETY: as in `request`; httpd takes a null server for the main log.
    unsafe {
        ffi::mp_log_server(
            place.file.as_ptr(),
            place.line as i32,
            hooks::module_index(),
            level as i32,
            0,
            s,
            text.as_ptr(),
        );
    }
}

/// Whether an entry of this level for a request would be logged.
pub fn takes_request(r: &Request, level: Level) -> bool {
    // SAFETY: live; our index.
    let most = unsafe { ffi::ap_get_request_module_loglevel(r.as_ptr(), hooks::module_index()) };
    level as i32 <= most
}

/// Whether an entry of this level for a connection would be logged.
pub fn takes_connection(c: &Connection, level: Level) -> bool {
    // SAFETY: live; our index.
    let most = unsafe { ffi::ap_get_conn_module_loglevel(c.as_ptr(), hooks::module_index()) };
    level as i32 <= most
}

/// Whether an entry of this level for a server would be logged.
pub fn takes_server(s: &Server, level: Level) -> bool {
    // SAFETY: live; our index.
    let most = unsafe { ffi::ap_get_server_module_loglevel(s.as_ptr(), hooks::module_index()) };
    level as i32 <= most
}

/// C strings end at a NUL; a text that holds one is shown with `\0` in its place. Bytes that are no
/// text are httpd's to escape.
fn printable(text: &[u8]) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let parts: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
        CString::new(parts.join(&b"\\0"[..])).unwrap_or_default()
    })
}
