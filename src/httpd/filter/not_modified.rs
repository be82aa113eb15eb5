//! A 304 and filters under mod_filter (`AddOutputFilterByType`, `FilterProvider`): it calls them only for status 200.
//! So a filter of ours stands in the chain for them, which corrects the headers of a 304. It stands before mod_cache's,
//! which compares the tag of a 304 with the one that it has.

use super::Filter;
use super::entry_point::OutputEntry;
use super::known_record::KnownRecord;
use crate::filter_chain::Change;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

static RECORD: KnownRecord = KnownRecord::new(c"mod_python.not-modified");

/// Registers the filter.
pub(in crate::httpd) fn register() {
    RECORD.register::<NotModified>(ffi::AP_FTYPE_CONTENT_SET);
}

impl Request {
    /// Has the headers of a 304 corrected for a filter under mod_filter that may change the body.
    pub fn settle_304_for_mod_filter(&self) {
        if !self.is_subrequest() {
            RECORD.add_to(self);
        }
    }

    /// Removes the headers of a response without a body that a filter which may do this to its body makes wrong. A 304
    /// keeps them where it has the strong tag of the original body.
    pub fn forget_headers_without_body(&self, change: Change) {
        if self.status() == 304 && !self.has_weak_tag() {
            return;
        }
        match change {
            Change::Length => self.forget_representation(),
            Change::Bytes => self.forget_exactness(),
            Change::Nothing => {}
        }
    }
}

/// The filter.
struct NotModified;

impl OutputEntry for NotModified {
    const WHAT: &'static str = "the filter of 304";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        if let Some(r) = filter.request().filter(|r| r.status() == 304) {
            r.forget_headers_without_body(Change::Length);
        }
        filter.step_out(brigade)
    }
}
