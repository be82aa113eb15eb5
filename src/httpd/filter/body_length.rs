//! The length of a body that input filters may change, for readers that need it.

use std::ffi::CString;

use super::spool::{InputFilters, Spool, SpoolFailure};
use crate::httpd::connection::KeepAlive;
use crate::httpd::log::Level;
use crate::httpd::request::Request;
use crate::httpd::status::Status;

impl Request {
    /// Reads a body whose length Python's input filters may change, and sets its `Content-Length`. It may wait for the
    /// client, which is asked for the body (100 Continue), so it is called just before the reader is.
    ///
    /// At most `limit` bytes of the filtered body are kept. With `keeps_original`, the body as the client has sent it
    /// is kept, too, up to the same limit: if the handler redirects the request, other filters need it.
    ///
    /// Answers `DECLINED` if the reader can go on, or the status for the client.
    pub fn give_body_length(&self, limit: u64, keeps_original: bool) -> Status {
        match self.has_hidden_length() {
            true => self.keep_body(limit, keeps_original),
            false => Status::DECLINED,
        }
    }

    /// The same for a reader that needs the length of any body in chunks, whether a filter changes it or not.
    pub fn give_length_of_chunks(&self, limit: u64) -> Status {
        match self.has_no_length() {
            true => self.keep_body(limit, false),
            false => Status::DECLINED,
        }
    }

    fn keep_body(&self, limit: u64, keeps_original: bool) -> Status {
        if self.is_for_error_page() {
            return Status::DECLINED;
        }
        match self.spool_body(limit, keeps_original) {
            Ok(length) => {
                self.set_body_length(length);
                Status::DECLINED
            }
            Err(refusal) => self.refuse_spool(&refusal, limit),
        }
    }

    fn spool_body(&self, limit: u64, keeps_original: bool) -> Result<u64, SpoolFailure> {
        if keeps_original && self.original_body().is_none() {
            let original = self.spool(InputFilters::Protocol, limit, || false)?;
            if let Some(length) = original.length() {
                self.note_original_length(length);
            }
            self.serve_spool(InputFilters::Protocol, original);
        }
        // Filters that all step out before they change anything leave the length as it was: then the rest of the body
        // is not read here.
        let original = self.original_length();
        let are_all_known = self.body_filters() == self.changing_filters();
        let is_enough = || self.body_filters() == 0 && !self.is_body_touched();
        let spool: Spool = match original.filter(|_| are_all_known) {
            Some(_) => self.spool(InputFilters::Whole, limit, is_enough)?,
            None => self.spool(InputFilters::Whole, limit, || false)?,
        };
        let length = spool.length().or(original).unwrap_or_default();
        self.serve_spool(InputFilters::Whole, spool);
        Ok(length)
    }

    /// Logs why a body cannot be kept, and answers the status for the client. In place of 500 it is
    /// `AP_FILTER_ERROR`, of which httpd makes 500: mod_proxy would take 500 for a fault of the backend.
    fn refuse_spool(&self, refusal: &SpoolFailure, limit: u64) -> Status {
        // The rest of the body must not be taken for a request.
        self.connection().set_keep_alive(KeepAlive::Close);
        let handler = self
            .handler()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        let (status, reason) = match refusal {
            SpoolFailure::Unread(error) => return error.to_http(),
            SpoolFailure::TooLong => (
                Status::REQUEST_ENTITY_TOO_LARGE,
                format!("it is longer than {limit} bytes: PythonInputSpool sets another limit"),
            ),
            SpoolFailure::Disk(error) => (
                Status::FILTER_ERROR,
                format!(
                    "its temporary file in {} fails: {error}",
                    std::env::temp_dir().display()
                ),
            ),
        };
        let text = format!(
            "the request's body, which is in chunks or may be changed by an input filter, cannot be kept for the \
             handler {handler}, which needs its length: {reason}"
        );
        self.log(Level::Error, &text);
        status
    }

    /// Undoes `give_body_length` for the request that this one was redirected to, if the body was kept as the client
    /// has sent it. Answers its length in bytes, as `Content-Length` has it.
    pub(in crate::httpd) fn take_back_spool(&self) -> Option<CString> {
        let original = self.original_body()?;
        original.rewind();
        CString::new(original.length()?.to_string()).ok()
    }
}
