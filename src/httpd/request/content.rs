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

    /// Sends an interim response (1xx) with these headers, before the response. Not to clients of HTTP/1.0. May wait
    /// for the client.
    pub fn send_interim(&self, status: i32, headers: &[(Vec<u8>, Vec<u8>)]) {
        let pool = self.pool();
        let raw = self.as_ptr();
        let (kept, before) = (self.raw().headers_out, self.raw().status);
        let line = self.raw().status_line;
        // SAFETY: the request's pool, which the table need not outlive.
        let table = unsafe { ffi::apr_table_make(pool.as_ptr(), 4) };
        // SAFETY: as above; httpd takes the headers of an interim response from this field.
        unsafe { (*raw).headers_out = table };
        for (name, value) in headers {
            self.headers_out().add_text(name, value, pool);
        }
        // SAFETY: as above.
        unsafe { (*raw).status = status };
        // SAFETY: as above; httpd makes the line of the number.
        unsafe { (*raw).status_line = std::ptr::null() };
        // SAFETY: live, and its response has not begun.
        unsafe { ffi::ap_send_interim_response(raw, 1) };
        // SAFETY: as above; what stood there before.
        unsafe { (*raw).headers_out = kept };
        // SAFETY: as above.
        unsafe { (*raw).status = before };
        // SAFETY: as above.
        unsafe { (*raw).status_line = line };
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
