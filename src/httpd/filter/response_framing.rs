//! The framing of responses: the last of our filters (`mod_python.frame`) counts what httpd's header
//! filter and all others have made of a response, just before the connection's own filters get it.
//!
//! A `Content-Length` may promise more or less than the body has, a handler may set framing headers
//! of its own, a filter behind the headers may answer HEAD with bytes, and a proxy module may write an
//! error page behind a response that has ended. On a connection that stays open each of these bytes
//! would be taken for the next response. So what does not fit is not sent: the response is cut,
//! the connection closes (HTTP/2: the stream is reset), and the error log says why.
//!
//! The filter stands in the chain of each main request of which Python sees something. It also knows
//! for certain whether the headers went out, which no field of `request_rec` says: mod_proxy_http sets
//! `sent_bodyct` before it has sent anything.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::NonNull;

use super::Filter;
use super::entry_point::OutputEntry;
use super::response_head;
use super::response_head::{Head, measure, strict_length};
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::connection::KeepAlive;
use crate::httpd::ffi;
use crate::httpd::filter::known_record::KnownRecord;
use crate::httpd::guard::guard;
use crate::httpd::log::Level;
use crate::httpd::request::Request;
use crate::httpd::status::{Error, Status};

static RECORD: KnownRecord = KnownRecord::new(c"mod_python.frame");
/// The response in place of one whose head frames its body in a way that no client understands.
const UNFRAMED: &[u8] =
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// How far a response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The head has not gone out, or not all of it: its last four bytes so far.
    Head([u8; 4]),
    /// A body whose length the head has said.
    Counted { total: u64, left: u64 },
    /// HEAD, 204, 304: no byte follows the head.
    NoBody,
    /// A body in chunks, on an HTTP/2 stream, or one that ends with the connection.
    Free,
    /// The response was cut: only metadata goes on.
    Cut,
    /// The response has ended.
    Over,
}

/// The filter's own value.
struct Frame {
    stage: Cell<Stage>,
}

/// Why a piece of a response is not sent as it is.
enum Wrong {
    /// It does not fit the head: a sentence.
    Fault(String),
    /// A bucket could not be read.
    Unread(Error),
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::Unread(error)
    }
}

/// Registers the filter: behind those that transcode a body, and behind httpd's `CHUNK`.
pub(in crate::httpd) fn register() {
    response_head::forget_makers();
    RECORD.register::<Frame>(ffi::AP_FTYPE_TRANSCODE + 5);
    let (none, middle) = (std::ptr::null(), ffi::APR_HOOK_MIDDLE as c_int);
    // SAFETY: called while httpd collects hooks; the function is static.
    unsafe { ffi::ap_hook_insert_error_filter(Some(error_page_begins), none, none, middle) };
}

/// httpd is about to make an error page. It takes `bytes_sent` for the length of the page that its
/// filter `CONTENT_LENGTH` has counted, but what a handler wrote before counts as well: when the
/// headers of that response are refused as they go out, the filter has counted its body already.
/// It also answers a handler that returns 304, without all filters before the headers.
unsafe extern "C" fn error_page_begins(r: *mut ffi::request_rec) {
    // SAFETY: httpd calls with a live request.
    let r = unsafe { Request::from_raw(r) };
    guard("insert_error_filter", (), || {
        if r.frame().is_some() && !r.has_sent() {
            r.set_bytes_sent(0);
        }
        r.settle_returned_304();
    });
}

impl Request {
    /// Adds the filter to the response of this request, or of the main request of this subrequest. Called as soon
    /// as Python sees something of the request.
    pub fn watch_framing(&self) {
        // `mod_python.testing` has no such filter.
        if RECORD.get().is_null() || self.has_ended() || self.frame().is_some() {
            return;
        }
        // A redirect gives the filters of the protocol to another request.
        let is_protocol = |filter: &&Filter| filter.is_of_protocol();
        let Some(owner) = self
            .output_chain()
            .find(is_protocol)
            .and_then(Filter::request)
        else {
            return;
        };
        let stage = match owner.makes_head() {
            true => Stage::Head([0; 4]),
            false => Stage::Free,
        };
        if let Some(filter) = RECORD.add_to(owner) {
            filter.keep(Frame {
                stage: Cell::new(stage),
            });
        }
    }

    /// Whether the headers of the response went out, so that another one cannot take its place. A subrequest
    /// has no headers; for it the filter that writes knows whether something went out.
    pub(in crate::httpd) fn has_sent(&self) -> bool {
        if self.is_subrequest() {
            return false;
        }
        match self.frame() {
            Some(frame) => !matches!(frame.stage.get(), Stage::Head(_)),
            None => !self.makes_head(),
        }
    }

    /// Sends no byte of the response any more, whoever writes it: neither a head nor the end of a body. Metadata goes
    /// on. Returns `false` for a response that this filter does not see.
    pub(in crate::httpd) fn mute(&self) -> bool {
        let frame = self.frame();
        frame.inspect(|frame| frame.stage.set(Stage::Cut)).is_some()
    }

    /// Whether a part of a body went out whose length its head has not said, so that any bytes can follow.
    pub fn is_open_ended(&self) -> bool {
        matches!(
            self.frame().map(|frame| frame.stage.get()),
            Some(Stage::Free)
        )
    }

    /// Whether what a filter behind the headers gets now is a piece of a body: not the headers
    /// themselves, and not what httpd sends in place of a body.
    pub fn is_in_body(&self) -> bool {
        if self.is_subrequest() || self.has_no_body() || self.makes_head() {
            return false;
        }
        // HTTP/1: httpd's filter has also left the chain if it failed before it sent a head.
        self.connection().is_stream() || self.assbackwards() != 0 || self.has_sent()
    }

    fn frame(&self) -> Option<&Frame> {
        RECORD.in_chain(self).and_then(Filter::kept)
    }
}

impl OutputEntry for Frame {
    const WHAT: &'static str = "the filter that frames";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        check(filter, brigade)
    }
}

/// Sends on the buckets that fit the response.
fn check(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
    let (Some(frame), Some(r)) = (filter.kept::<Frame>(), filter.request()) else {
        return filter.pass(brigade);
    };
    match frame.count(r, brigade) {
        Ok(()) => {}
        Err(Wrong::Unread(error)) => return Err(error),
        Err(Wrong::Fault(fault)) => {
            refuse(r, brigade, frame.stage.get(), &fault);
            frame.stage.set(match ends(brigade) {
                true => Stage::Over,
                false => Stage::Cut,
            });
        }
    }
    if brigade.is_empty() {
        return Ok(());
    }
    filter.pass(brigade)
}

impl Frame {
    /// Updates the stage by the buckets that are about to be sent, and removes those that must not be.
    fn count(&self, r: &Request, brigade: &Brigade) -> Result<(), Wrong> {
        let mut body = brigade.first();
        if let Stage::Head(last) = self.stage.get() {
            let head = match r.connection().is_stream() {
                // HTTP/2: the head is a bucket of its own type, in one brigade with the body.
                true if r.makes_head() => return Ok(()),
                true => Head::Over(body),
                false => response_head::read(r, brigade, last)?,
            };
            body = match head {
                Head::Over(body) => body,
                Head::Part(last) => {
                    let stage = match ends(brigade) {
                        true => Stage::Over,
                        false => Stage::Head(last),
                    };
                    self.stage.set(stage);
                    return Ok(());
                }
                Head::None => {
                    r.connection().set_keep_alive(KeepAlive::Close);
                    self.stage.set(Stage::Free);
                    body
                }
            };
            if let Stage::Head(_) = self.stage.get() {
                self.stage.set(framing(r)?);
                r.note_form_of_tag();
            }
        }
        self.count_body(r, brigade, body)
    }

    /// As `count`, for a body that begins with this bucket.
    fn count_body(
        &self,
        r: &Request,
        brigade: &Brigade,
        body: Option<NonNull<ffi::apr_bucket>>,
    ) -> Result<(), Wrong> {
        match self.stage.get() {
            Stage::Over | Stage::Cut => {
                let ended = self.stage.get() == Stage::Over;
                let dropped = drop_data(brigade, body);
                if ended && dropped > 0 {
                    r.connection().set_keep_alive(KeepAlive::Close);
                    let text = format!(
                        "{dropped} bytes that came behind the end of the response are not sent; the \
                         connection is closed"
                    );
                    r.log(Level::Info, &text);
                }
                drop_ends(brigade, !ended);
            }
            Stage::NoBody => {
                drop_data(brigade, body);
            }
            Stage::Counted { total, left } => {
                let length = measure(brigade, body)?;
                let broken = has(brigade, BucketKind::Error);
                if broken {
                    // Another filter or a handler has cut the response with an ERROR bucket.
                    r.connection().set_keep_alive(KeepAlive::Close);
                } else if length > left {
                    let came = total - left + length;
                    return Err(Wrong::Fault(format!(
                        "its Content-Length is {total}, but {came} bytes or more were written"
                    )));
                } else if ends(brigade) && length < left {
                    let came = total - left + length;
                    return Err(Wrong::Fault(format!(
                        "its Content-Length is {total}, but only {came} bytes were written"
                    )));
                }
                let left = left.saturating_sub(length);
                self.stage.set(Stage::Counted { total, left });
            }
            Stage::Head(_) | Stage::Free => {}
        }
        if ends(brigade) {
            self.stage.set(Stage::Over);
        }
        Ok(())
    }
}

/// The framing of the body that the headers announce.
fn framing(r: &Request) -> Result<Stage, Wrong> {
    let c = r.connection();
    if (100..200).contains(&r.status()) {
        let status = r.status();
        return Err(Wrong::Fault(format!(
            "{status} is an interim status, and no final response can have it: write one from 200 on"
        )));
    }
    // Clients read the length in the response to HEAD as well, and proxies rely on it. Several become one with commas.
    let length = r.headers_out().joined(c"Content-Length", r.pool());
    let total = length.and_then(strict_length);
    if length.is_some() && total.is_none() {
        let fault = "its Content-Length is not one number: call req.set_content_length() once, or \
                     leave it to httpd";
        return Err(Wrong::Fault(fault.into()));
    }
    if r.is_header_only() || matches!(r.status(), 204 | 304) {
        return Ok(Stage::NoBody);
    }
    if r.headers_out().get(c"Transfer-Encoding").is_some() {
        let in_chunks = r.chunked() != 0 && r.proto_num() >= 1001;
        if !in_chunks && !c.is_stream() {
            // The module or handler that has set the header may frame the body itself.
            c.set_keep_alive(KeepAlive::Close);
        }
        return Ok(Stage::Free);
    }
    let Some(total) = total else {
        if !c.is_stream() {
            c.set_keep_alive(KeepAlive::Close);
        }
        return Ok(Stage::Free);
    };
    Ok(Stage::Counted { total, left: total })
}

/// Replaces a brigade that cannot be sent: by a 500 response while no head went out, else by a cut. Logs why.
fn refuse(r: &Request, brigade: &Brigade, stage: Stage, fault: &str) {
    let c = r.connection();
    c.set_keep_alive(KeepAlive::Close);
    let unsent = matches!(stage, Stage::Head(_));
    brigade.drop_data();
    if c.is_stream() {
        drop_ends(brigade, false);
        brigade.append_error(Status::BAD_GATEWAY.0, r.pool());
        brigade.append_end();
    } else if unsent {
        drop_ends(brigade, false);
        r.set_status(Status::INTERNAL_SERVER_ERROR.0);
        brigade.append_lone_copy(UNFRAMED);
        brigade.append_end();
    }
    if !c.is_aborted() {
        let end = match unsent {
            true => "it is answered with 500",
            false => "it is cut",
        };
        let text = format!("the response does not fit its headers: {fault}; {end}");
        r.log(Level::Error, &text);
    }
}

fn ends(brigade: &Brigade) -> bool {
    has(brigade, BucketKind::End)
}

fn has(brigade: &Brigade, wanted: BucketKind) -> bool {
    brigade.kinds().any(|kind| kind == wanted)
}

/// Removes data from this bucket on; returns how many bytes it had, as far as that is known.
fn drop_data(brigade: &Brigade, from: Option<NonNull<ffi::apr_bucket>>) -> usize {
    brigade.drop_from(from, |kind| kind == BucketKind::Data)
}

/// Removes ERROR buckets and EOS buckets; with `keep_one` the first EOS stays.
fn drop_ends(brigade: &Brigade, mut keep_one: bool) {
    brigade.drop_from(brigade.first(), |kind| match kind {
        BucketKind::End => !std::mem::take(&mut keep_one),
        kind => kind == BucketKind::Error,
    });
}
