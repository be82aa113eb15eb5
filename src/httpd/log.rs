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
}

impl Level {
    /// From the number that Python code gives (`apache.APLOG_*`); unknown ones are errors.
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Alert,
            2 => Self::Critical,
            4 => Self::Warning,
            5 => Self::Notice,
            6 => Self::Info,
            7.. => Self::Debug,
            _ => Self::Error,
        }
    }
}

/// A place in our source, shown by httpd at debug level.
#[derive(Clone, Copy)]
pub struct Place {
    /// The file, NUL-terminated.
    pub file: &'static CStr,
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
pub fn request(place: Place, r: &Request, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
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
pub fn connection(place: Place, c: &Connection, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
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
pub fn server(place: Place, s: Option<&Server>, level: Level, text: &(impl AsRef<[u8]> + ?Sized)) {
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

/// C strings end at a NUL; a text that holds one is shown with `\0` in its place. Bytes that are no
/// text are httpd's to escape.
fn printable(text: &[u8]) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let parts: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
        CString::new(parts.join(&b"\\0"[..])).unwrap_or_default()
    })
}
