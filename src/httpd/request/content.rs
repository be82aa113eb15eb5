//! The headers of a response about its content: type, languages, length, and the validators that
//! conditional requests compare (RFC 9110 §8, §13).

use super::Request;
use crate::httpd::apr::array;
use crate::httpd::ffi;
use crate::httpd::status::Status;
use crate::httpd::status::is_known_response;

impl Request {
    /// Sets the status of the response. httpd has no status line for a number that it does not know,
    /// and would send 500 in its place: such a number gets a line here, unless it has one.
    pub fn set_status(&self, status: i32) {
        // SAFETY: live; modules set this field on the request's own thread.
        unsafe { (*self.as_ptr()).status = status };
        let number = status.to_string();
        let has_line = |line: &[u8]| line.starts_with(number.as_bytes());
        if !is_known_response(status) && !self.status_line().is_some_and(has_line) {
            let line = format!("{number} Status {number}");
            self.set_status_line(Some(line.as_bytes()));
        }
    }

    /// Sets the response's media type. It has no influence on the choice of the handler.
    pub fn set_content_type(&self, value: Option<&[u8]>) {
        let value = value.map_or(std::ptr::null_mut(), |v| self.pool().copy_text(v));
        // SAFETY: live; the copy lives in the request's pool.
        unsafe { ffi::ap_set_content_type(self.as_ptr(), value) };
    }

    /// The languages of the response.
    pub fn content_languages(&self) -> Vec<&[u8]> {
        // SAFETY: null, or an array of strings in the request's pool.
        unsafe { array::strings(self.raw().content_languages) }
    }

    /// Sets the languages of the response.
    pub fn set_content_languages(&self, languages: &[Vec<u8>]) {
        let array = array::make(self.pool(), languages);
        // SAFETY: a plain field that modules set on the request's own thread.
        unsafe { (*self.as_ptr()).content_languages = array };
    }

    /// Sets `Content-Length`.
    pub fn set_content_length(&self, length: i64) {
        // SAFETY: live.
        unsafe { ffi::ap_set_content_length(self.as_ptr(), length) };
    }

    /// Sets `ETag` from the file (`FileETag`).
    pub fn set_etag(&self) {
        // SAFETY: live.
        unsafe { ffi::ap_set_etag(self.as_ptr()) };
    }

    /// Sets `Last-Modified` from `mtime`.
    pub fn set_last_modified(&self) {
        // SAFETY: live.
        unsafe { ffi::ap_set_last_modified(self.as_ptr()) };
    }

    /// Raises `mtime` to `micros`, in microseconds since 1970, if that is later.
    pub fn update_mtime(&self, micros: i64) {
        // SAFETY: live.
        unsafe { ffi::ap_update_mtime(self.as_ptr(), micros) };
    }

    /// Compares the conditions of the request (`If-None-Match` …) with the response: `OK`, 304 or 412.
    pub fn meets_conditions(&self) -> Status {
        // SAFETY: live.
        Status(unsafe { ffi::ap_meets_conditions(self.as_ptr()) })
    }
}
