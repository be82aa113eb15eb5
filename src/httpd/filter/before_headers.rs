//! Filters behind the headers (`AP_FTYPE_PROTOCOL`, `AP_FTYPE_TRANSCODE`): when they see the first
//! byte of a body, its length is already in the headers. So a filter before the headers removes it for them.
//! It counts among the filters of the protocol, which stay in the chain when httpd makes an error page.

use super::Filter;
use super::entry_point::OutputEntry;
use super::known_record::KnownRecord;
use crate::filter_chain::Change;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

static RECORD: KnownRecord = KnownRecord::new(c"mod_python.before-headers");

/// Registers the filter that stands last before the headers.
pub(in crate::httpd) fn register() {
    RECORD.register::<BeforeHeaders>(ffi::AP_FTYPE_PROTOCOL - 1);
}

impl Request {
    /// Has the headers corrected for a filter that stands behind them and does this to the body.
    pub fn settle_headers_for(&self, change: Change) {
        if change == Change::Nothing {
            return;
        }
        let context = if change == Change::Length {
            self.as_ptr()
        } else {
            std::ptr::null_mut()
        };
        let (r, c) = (self.as_ptr(), self.connection().as_ptr());
        let handle = RECORD.get();
        if handle.is_null() {
            // `mod_python.testing` has no such filter; there, all headers are set before a body comes.
            self.take_back_headers(change == Change::Length);
            return;
        }
        // SAFETY: the live request; the context is only compared with null.
        let added = unsafe { ffi::ap_add_output_filter_handle(handle, context.cast(), r, c) };
        // SAFETY: null without such a filter, or one that lives as long as the request.
        let next = unsafe { added.as_ref() }.map(|filter| filter.next);
        if next.is_some() && !self.is_subrequest() && next == Some(self.raw().proto_output_filters)
        {
            // An error page, or a redirect inside of httpd, drops all filters but those of the
            // protocol. The one behind the headers is among these, and so this must be, too.
            // SAFETY: live; the filter stands in this request's chain, just before the others.
            unsafe { (*r).proto_output_filters = added };
        }
    }

    /// Corrects the headers before those filters are called, for a decision that goes by them: `Range`, `ETag`.
    pub(in crate::httpd) fn settle_headers_ahead(&self) {
        let handle = RECORD.get();
        let is_ours = |filter: &&Filter| std::ptr::eq(filter.raw().frec, handle);
        for filter in self.output_chain().filter(is_ours) {
            self.take_back_headers(!filter.raw().ctx.is_null());
        }
    }

    /// Removes the headers that a change of the body's bytes makes wrong; with `length` also those that a
    /// change of its length does. The headers of HEAD and of a 304 are those of a body that is not sent.
    fn take_back_headers(&self, length: bool) {
        match length {
            _ if self.describes_no_body() => {}
            // A filter that changes the length steps aside.
            true if self.is_partial() => {}
            true => self.forget_representation(),
            false => self.forget_exactness(),
        }
    }

    /// Whether its status has no body, and no headers about one that could have been sent.
    fn describes_no_body(&self) -> bool {
        matches!(self.status(), 204 | 205)
    }
}

/// The filter.
struct BeforeHeaders;

impl OutputEntry for BeforeHeaders {
    const WHAT: &'static str = "the filter before headers";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        settle(filter, brigade)
    }
}

/// Corrects the headers with each brigade until they are sent: when httpd refuses the headers of a response,
/// its error page has others.
fn settle(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
    if brigade.is_empty() {
        return Ok(());
    }
    if let Some(r) = filter.request().filter(|r| r.status() == 205) {
        // httpd would send a body with 205, which no client expects. The filters behind the headers are not called
        // for a body then, so none may pass by them.
        r.forget_representation();
        brigade.drop_data();
        return match brigade.is_empty() {
            true => Ok(()),
            false => filter.pass(brigade),
        };
    }
    let Some(r) = filter
        .request()
        .filter(|r| !r.describes_no_body() && !r.has_sent())
    else {
        return filter.step_out(brigade);
    };
    let changes_length = !filter.raw().ctx.is_null();
    r.take_back_headers(changes_length);
    if !changes_length || r.status() == 304 {
        return filter.pass(brigade);
    }
    if brigade.back() != Some(crate::httpd::apr::bucket::BucketKind::End) {
        return filter.pass(brigade);
    }
    // httpd sets a Content-Length for a body that comes whole in one brigade: so the end goes in the next one.
    let Some(end) = brigade.remove_back() else {
        return filter.pass(brigade);
    };
    if brigade.is_empty() {
        brigade.append(crate::httpd::apr::bucket::Bucket::owning(
            bytes::Bytes::new(),
            brigade,
        ));
    }
    let result = filter.pass(brigade);
    brigade.clear();
    brigade.append(end);
    result.and_then(|()| filter.pass(brigade))
}
