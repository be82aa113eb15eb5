//! The two result types of httpd's API, kept apart: the result of a hook, and that of I/O.

use std::ffi::{CStr, c_char};
use std::fmt;

use super::ffi;

/// The result of a hook: `OK`, `DECLINED`, `DONE`, `SUSPENDED`, or an HTTP status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// The hook has done its work.
    pub const OK: Self = Self(ffi::OK as i32);
    /// Not for this module; the next one is asked.
    pub const DECLINED: Self = Self(ffi::DECLINED);
    /// The request is finished; no further phases.
    pub const DONE: Self = Self(ffi::DONE);
    /// The request is not finished, and another thread will go on with it.
    pub const SUSPENDED: Self = Self(ffi::SUSPENDED);
    /// A filter has dealt with the response already (`AP_FILTER_ERROR`).
    pub const FILTER_ERROR: Self = Self(ffi::AP_FILTER_ERROR);
    /// `405 Method Not Allowed`.
    pub const METHOD_NOT_ALLOWED: Self = Self(ffi::HTTP_METHOD_NOT_ALLOWED as i32);
    /// `413 Request Entity Too Large`.
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self(ffi::HTTP_REQUEST_ENTITY_TOO_LARGE as i32);
    /// `304 Not Modified`.
    pub const NOT_MODIFIED: Self = Self(ffi::HTTP_NOT_MODIFIED as i32);
    /// `401 Unauthorized`.
    pub const UNAUTHORIZED: Self = Self(ffi::HTTP_UNAUTHORIZED as i32);
    /// `403 Forbidden`.
    pub const FORBIDDEN: Self = Self(ffi::HTTP_FORBIDDEN as i32);
    /// `500 Internal Server Error`.
    pub const INTERNAL_SERVER_ERROR: Self = Self(ffi::HTTP_INTERNAL_SERVER_ERROR as i32);
    /// `503 Service Unavailable`.
    pub const SERVICE_UNAVAILABLE: Self = Self(ffi::HTTP_SERVICE_UNAVAILABLE as i32);
    /// `502 Bad Gateway`: in an error bucket, the one status that shows a broken response.
    pub const BAD_GATEWAY: Self = Self(ffi::HTTP_BAD_GATEWAY as i32);
    /// 206
    pub(in crate::httpd) const PARTIAL_CONTENT: Self = Self(ffi::HTTP_PARTIAL_CONTENT as i32);
    /// 416
    pub(in crate::httpd) const RANGE_NOT_SATISFIABLE: Self =
        Self(ffi::HTTP_RANGE_NOT_SATISFIABLE as i32);

    /// Whether the handler of a request may return it: `OK`, `DECLINED`, `DONE`, or a status that httpd can
    /// answer with; 200 stands for `OK`.
    pub fn is_result(self) -> bool {
        matches!(self.0, ffi::DONE..=0) || self.is_success() || self.is_answer()
    }

    /// Whether it is 200, which a handler means as `OK`.
    pub fn is_success(self) -> bool {
        self.0 == ffi::HTTP_OK as i32
    }

    /// Whether httpd can end a request with a response of this status in place of the one under way: a
    /// final one (1xx announces another) that httpd knows, and not 200, whose body it does not have.
    /// With 204 and 304 it sends no body, with others a page of its own.
    pub fn is_answer(self) -> bool {
        (201..600).contains(&self.0) && is_known_response(self.0)
    }
}

/// The error of an I/O function: an `apr_status_t` other than `APR_SUCCESS`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(pub(in crate::httpd) ffi::apr_status_t);

impl Error {
    /// An unspecific failure.
    pub const GENERAL: Self = Self(ffi::APR_EGENERAL as i32);
    /// A filter failed and httpd answers 500, unless a response is out already.
    pub const FILTER: Self = Self(ffi::AP_FILTER_ERROR);
    /// Nothing to read right now, on a read that must not block.
    pub const AGAIN: Self = Self(ffi::APR_EAGAIN as i32);
    /// A body beyond its limit: httpd maps it to 413.
    pub const NO_SPACE: Self = Self(ffi::APR_ENOSPC as i32);
    /// The peer took too long: httpd maps it to 408.
    pub const TIME_OUT: Self = Self(ffi::APR_TIMEUP as i32);
    /// Not done here: httpd maps it to 501.
    pub const NOT_IMPLEMENTED: Self = Self(ffi::APR_ENOTIMPL as i32);
    /// There is not enough memory, or more was asked for than one caller gets.
    pub const NO_MEMORY: Self = Self(libc::ENOMEM);
    /// The end of input.
    pub const END_OF_FILE: Self = Self(ffi::APR_EOF as i32);

    /// The result that an `apr_status_t` stands for: `Ok` for `APR_SUCCESS`.
    pub(in crate::httpd) fn check(status: ffi::apr_status_t) -> Result<(), Self> {
        if status == 0 {
            Ok(())
        } else {
            Err(Self(status))
        }
    }

    /// The `apr_status_t` to return to httpd.
    pub(in crate::httpd) fn code(result: Result<(), Self>) -> ffi::apr_status_t {
        result.err().map_or(0, |error| error.0)
    }

    /// The number, for logs.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Whether the caller asked not to block and there is nothing yet.
    pub fn is_again(self) -> bool {
        // SAFETY: a pure function of its argument.
        unsafe { ffi::mp_status_is_again(self.0) != 0 }
    }

    /// Whether the peer took longer than httpd's `Timeout`.
    pub fn is_timeout(self) -> bool {
        // SAFETY: a pure function of its argument.
        unsafe { ffi::mp_status_is_timeout(self.0) != 0 }
    }

    /// Whether the peer has closed its side.
    pub fn is_end(self) -> bool {
        // SAFETY: a pure function of its argument.
        unsafe { ffi::mp_status_is_eof(self.0) != 0 }
    }

    /// Whether the peer has left in the midst of what it was to send or to take.
    pub fn is_departure(self) -> bool {
        let left = [
            libc::ECONNRESET,
            libc::ECONNABORTED,
            libc::EPIPE,
            libc::ENOTCONN,
        ];
        self.is_end() || self.is_incomplete() || left.contains(&self.0)
    }

    /// Whether there is no such file.
    pub fn is_not_found(self) -> bool {
        // SAFETY: a pure function of its argument.
        unsafe { ffi::mp_status_is_not_found(self.0) != 0 }
    }

    /// Whether there is less than was asked for: of the fields of `apr_stat`, of a body in the midst of which the client
    /// has left.
    pub fn is_incomplete(self) -> bool {
        self.0 == ffi::APR_INCOMPLETE as i32
    }

    /// The `errno`, if the error comes from the operating system.
    pub fn errno(self) -> Option<i32> {
        (1..ffi::APR_OS_START_ERROR as i32)
            .contains(&self.0)
            .then_some(self.0)
    }

    /// The HTTP status that a reader of a request body answers with (`ap_map_http_request_error`).
    pub fn to_http(self) -> Status {
        // SAFETY: a pure function of its arguments.
        Status(unsafe { ffi::ap_map_http_request_error(self.0, ffi::HTTP_BAD_REQUEST as i32) })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == ffi::AP_FILTER_ERROR {
            return f.write_str("a filter failed");
        }
        let mut text = [0 as c_char; 160];
        // SAFETY: APR writes at most `len` bytes, NUL included, into the buffer.
        unsafe { ffi::apr_strerror(self.0, text.as_mut_ptr(), text.len()) };
        // SAFETY: APR ended the text with a NUL.
        let text = unsafe { CStr::from_ptr(text.as_ptr()) };
        f.write_str(&text.to_string_lossy())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.0)
    }
}

/// Whether httpd has a status line for this code.
pub(in crate::httpd) fn is_known_response(code: i32) -> bool {
    // SAFETY: a pure look-up in a static table.
    let index = unsafe { ffi::ap_index_of_response(code) };
    // SAFETY: as above.
    code == 500 || index != unsafe { ffi::ap_index_of_response(500) }
}
