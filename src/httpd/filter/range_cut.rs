//! Ranges of a body that filters read piece by piece: the filter `mod_python.range` cuts out the one range that the
//! client has asked for (RFC 9110 §14).
//!
//! httpd's own filter for that (`BYTERANGE`) makes ranges only of a body that comes whole in one brigade. This one
//! stands directly before it, behind all filters that change, code or store a body. It goes by the length that the
//! headers tell, drops what stands before and behind the range as it comes, and holds nothing. Several ranges, and
//! bodies of unknown length, it leaves to httpd.

use std::cell::Cell;
use std::ffi::{CStr, CString};

use super::Filter;
use super::byte_range::ByteRange;
use super::entry_point::OutputEntry;
use super::known_record::KnownRecord;
use super::response_head::strict_length;
use super::stream::{CHUNK, held_by};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::{Error, Status};

static RECORD: KnownRecord = KnownRecord::new(c"mod_python.range");
/// The note with the status of a filter of ours that has failed while it wrote its response.
const FAILURE: &CStr = c"mod_python.filter-failure";

/// How far a response has come.
#[derive(Clone, Copy)]
enum Progress {
    /// Nothing of it has come.
    Undecided,
    /// `at` bytes of a body of `total` have come, and its bytes `first` to `last` are sent.
    Cutting {
        at: u64,
        first: u64,
        last: u64,
        total: u64,
    },
    /// The range begins behind the end of a body of `total` bytes: its end becomes an error page (416). Until then the
    /// handler and the filters work as for any response.
    Refused { total: u64 },
    /// An error page was sent.
    Over,
}

/// The filter's own value.
struct RangeCut {
    stage: Cell<Progress>,
    outgoing: OwnedBrigade,
    /// Something was sent on, and the head went out with it.
    sent: Cell<bool>,
    /// `Content-Length` is that of the whole body again.
    tells_total: Cell<bool>,
}

/// Registers the filter: before those of the protocol, of which httpd's own for ranges is the first.
pub(in crate::httpd) fn register() {
    RECORD.register::<RangeCut>(ffi::AP_FTYPE_PROTOCOL - 1);
}

impl Request {
    /// Adds the filter to the response if the client has asked for a range.
    pub fn watch_range(&self) {
        let is_get = self.method_number() == ffi::M_GET as i32;
        if !is_get || self.is_subrequest() || !self.asks_for_range() {
            return;
        }
        if RECORD.in_chain(self).is_some() {
            return;
        }
        if let Some(filter) = RECORD.add_to(self) {
            filter.keep(RangeCut {
                stage: Cell::new(Progress::Undecided),
                outgoing: held_by(filter),
                sent: Cell::new(false),
                tells_total: Cell::new(false),
            });
        }
    }

    /// Notes the status of a filter of ours that fails while it writes. If nothing has left the server, since it stands
    /// before the range, the client gets a page with that status.
    pub(in crate::httpd) fn note_filter_failure(&self, status: Status) {
        if let Ok(number) = CString::new(status.0.to_string()) {
            self.notes().set(FAILURE, &number);
        }
    }

    fn filter_failure(&self) -> Option<i32> {
        let number = self.notes().get(FAILURE)?;
        std::str::from_utf8(number).ok()?.parse().ok()
    }

    /// The length of the body of which this brigade is the beginning, in bytes; `None` where ranges of it are off, or
    /// nothing tells its length.
    fn length_for_ranges(&self, brigade: &Brigade) -> Option<u64> {
        let headers = self.headers_out();
        let is_off = |value: &[u8]| value.eq_ignore_ascii_case(b"none");
        // SAFETY: live.
        let limit = unsafe { ffi::mp_max_ranges(self.as_ptr()) };
        let is_free = headers.get(c"Content-Range").is_none()
            && headers.get(c"Transfer-Encoding").is_none()
            && !headers.get(c"Accept-Ranges").is_some_and(is_off);
        if self.status() != 200 || self.assbackwards() != 0 || limit == 0 || !is_free {
            return None;
        }
        let ends = |kind| kind == BucketKind::End;
        let length = match brigade.kinds().any(ends) && !brigade.has_unknown_length() {
            true => brigade.known_length() as u64,
            false => strict_length(headers.get(c"Content-Length")?)?,
        };
        Some(length).filter(|length| *length > 0)
    }

    /// Whether `If-Range` allows a range: it names the response's strong `ETag`, or its date.
    fn if_range_matches(&self) -> bool {
        let (r, headers) = (self.as_ptr(), self.headers_out().as_ptr());
        // SAFETY: both live.
        unsafe { ffi::ap_condition_if_range(r, headers) != ffi::AP_CONDITION_NOMATCH }
    }

    /// Makes the headers those of a part.
    fn become_part(&self, first: u64, last: u64, total: u64) {
        self.set_status(Status::PARTIAL_CONTENT.0);
        self.set_status_line(None);
        for headers in [self.headers_out(), self.err_headers_out()] {
            // These are about what a message holds; `Digest` and `Repr-Digest` are about the whole.
            headers.unset(c"Content-MD5");
            headers.unset(c"Content-Digest");
        }
        if let Ok(range) = CString::new(format!("bytes {first}-{last}/{total}")) {
            self.headers_out().set(c"Content-Range", &range);
        }
        self.set_content_length((last - first + 1) as i64);
    }
}

impl Filter {
    /// Whether the next filter cuts a range out of the body, and has all of it.
    pub(in crate::httpd) fn range_is_sent(&self) -> bool {
        // SAFETY: null at the chain's end, or a filter that lives as long as the request.
        let Some(next) = (unsafe { self.raw().next.as_ref() }) else {
            return false;
        };
        if !std::ptr::eq(next.frec, RECORD.get()) {
            return false;
        }
        // SAFETY: as above.
        let next = unsafe { Filter::from_raw(self.raw().next) };
        match next.kept::<RangeCut>().map(|cut| cut.stage.get()) {
            Some(Progress::Cutting { at, last, .. }) => at > last,
            Some(Progress::Refused { .. } | Progress::Over) => true,
            Some(Progress::Undecided) | None => false,
        }
    }
}

impl OutputEntry for RangeCut {
    const WHAT: &'static str = "the filter of ranges";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        take(filter, brigade)
    }
}

/// Takes a brigade of the response.
fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
    let (Some(cut), Some(r)) = (filter.kept::<RangeCut>(), filter.request()) else {
        return filter.pass(brigade);
    };
    if brigade.is_empty() {
        return Ok(());
    }
    if let Progress::Undecided = cut.stage.get() {
        match decide(r, brigade) {
            Some(stage) => cut.stage.set(stage),
            None => return filter.step_out(brigade),
        }
    }
    let fails = brigade.kinds().any(|kind| kind == BucketKind::Error);
    match cut.stage.get() {
        Progress::Over => {
            brigade.clear();
            Ok(())
        }
        // An error page has taken the place of the response.
        _ if !matches!(r.status(), 200 | 206) && !cut.sent.get() => filter.step_out(brigade),
        _ if fails && !cut.sent.get() => cut.fail(filter, r, brigade),
        Progress::Refused { total } => {
            cut.refuse(r, brigade, total);
            Ok(())
        }
        Progress::Undecided | Progress::Cutting { .. } => {
            let ends = brigade.kinds().any(|kind| kind == BucketKind::End);
            let result = cut.pass_part(filter, brigade);
            cut.outgoing.clear();
            cut.tell_length(r, ends);
            result
        }
    }
}

/// What becomes of the response that begins with this brigade; `None`: it goes on as it is.
fn decide(r: &Request, brigade: &Brigade) -> Option<Progress> {
    r.show_range();
    r.settle_headers_ahead();
    if brigade.kinds().any(|kind| kind == BucketKind::Error) {
        return None;
    }
    let total = r.length_for_ranges(brigade)?;
    let asked = ByteRange::parse(r.headers_in().get(c"Range")?, total)?;
    if !r.if_range_matches() {
        return None;
    }
    match asked {
        ByteRange::Part { first, last } => {
            r.become_part(first, last, total);
            Some(Progress::Cutting {
                at: 0,
                first,
                last,
                total,
            })
        }
        ByteRange::Unsatisfiable => Some(Progress::Refused { total }),
    }
}

impl RangeCut {
    /// Answers with an error page, since a response of which nothing has left the server fails. A filter of ours that
    /// has sent something to here does not know that it has not.
    fn fail(&self, filter: &Filter, r: &Request, brigade: &Brigade) -> Result<(), Error> {
        self.stage.set(Progress::Over);
        brigade.drop_data();
        // With another status httpd takes it for an error within an error page.
        r.set_status(200);
        if let Some(status) = r.filter_failure() {
            brigade.clear();
            brigade.append_error(status, r.pool());
            brigade.append_end();
        }
        filter.pass(brigade)
    }

    /// Drops the body, and answers with an error page at its end.
    fn refuse(&self, r: &Request, brigade: &Brigade, total: u64) {
        let ends = brigade.kinds().any(|kind| kind == BucketKind::End);
        brigade.clear();
        if !ends {
            return;
        }
        self.stage.set(Progress::Over);
        if let Ok(range) = CString::new(format!("bytes */{total}")) {
            r.err_headers_out().set(c"Content-Range", &range);
        }
        r.answer_with_page(Status::RANGE_NOT_SATISFIABLE);
    }

    /// Sends on the part of a brigade that belongs to the range, and metadata in its place.
    fn pass_part(&self, filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        let mut read = 0;
        while let Some(kind) = brigade.front() {
            if kind == BucketKind::Flush && !self.sent.get() && self.outgoing.is_empty() {
                // There is nothing to flush, and without a head the response can still become an error page.
                drop(brigade.remove_front());
                continue;
            }
            if kind != BucketKind::Data {
                self.outgoing.append_front_of(brigade);
                continue;
            }
            match brigade.front_length() {
                Some(length) => self.take_front(brigade, length as u64)?,
                None => read += self.read_front(filter, brigade)?,
            }
            if read >= CHUNK {
                self.send(filter)?;
                read = 0;
            }
        }
        self.send(filter)
    }

    /// Takes the data at the front of a brigade, or a part of it.
    fn take_front(&self, brigade: &Brigade, length: u64) -> Result<(), Error> {
        let Progress::Cutting {
            at,
            first,
            last,
            total,
        } = self.stage.get()
        else {
            return Ok(());
        };
        let border = match at {
            at if at < first => first,
            at if at <= last => last + 1,
            _ => u64::MAX,
        };
        if at + length > border {
            // The second part of it is the next bucket.
            return brigade.split_front((border - at) as usize);
        }
        let at = at + length;
        self.stage.set(Progress::Cutting {
            at,
            first,
            last,
            total,
        });
        match border == last + 1 {
            true => self.outgoing.append_front_of(brigade),
            false => drop(brigade.remove_front()),
        }
        let is_complete = at == border && border == last + 1;
        if is_complete && !brigade.kinds().any(|kind| kind == BucketKind::End) {
            // The client need not wait for what filters still read.
            self.outgoing.append_flush();
        }
        Ok(())
    }

    /// Reads data of unknown length at the front of a brigade, and returns how many bytes it gave. What stands before
    /// it is sent before it is waited for.
    fn read_front(&self, filter: &Filter, brigade: &Brigade) -> Result<usize, Error> {
        match brigade.read_front(false) {
            Err(error) if error.is_again() => {
                if !self.outgoing.is_empty() {
                    self.outgoing.append_flush();
                    self.send(filter)?;
                }
                Ok(brigade.read_front(true)?.len())
            }
            data => Ok(data?.len()),
        }
    }

    /// Sets `Content-Length` to that of the whole body while the body comes, once the head went out, and back at the
    /// end: mod_cache, which stands before this filter, keeps no body that has another length.
    fn tell_length(&self, r: &Request, ends: bool) {
        let Progress::Cutting {
            first, last, total, ..
        } = self.stage.get()
        else {
            return;
        };
        let tells_total = !ends && (self.tells_total.get() || r.has_sent());
        if self.tells_total.replace(tells_total) != tells_total {
            r.set_content_length(match tells_total {
                true => total,
                false => last - first + 1,
            } as i64);
        }
    }

    fn send(&self, filter: &Filter) -> Result<(), Error> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        if let (false, Some(r)) = (self.sent.replace(true), filter.request()) {
            // A handler may have set another one since then.
            r.set_status(Status::PARTIAL_CONTENT.0);
        }
        let result = filter.pass(&self.outgoing);
        self.outgoing.clear();
        result
    }
}
