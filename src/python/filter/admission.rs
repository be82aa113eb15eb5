//! Which bodies get to a filter: what is looked at before its first call, and said in headers before that. Called by httpd
//! on the request's thread, without the GIL.

use super::warn_once;
use crate::engine::filters::{DeclaredFilter, Encoding};
use crate::filter_chain::{Change, Direction};
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::filter::inflater::Inflater;
use crate::httpd::{Brigade, Filter, Request};

/// Why an output filter steps aside for a part of a body.
const PARTIAL: &str = "the response that it would change is a part of the body (206), made before the filter saw it; \
                       with range=whole the filter gets the whole body";
/// Why one with `range=whole` steps aside for a part of a body.
const PARTIAL_UNASKED: &str = "the response that it would change is a part of the body (206), though its handler was \
                               asked for the whole (range=whole)";
/// Why a filter steps aside for a coded body.
const GZIP: &str = "the body is coded with gzip; with encoding=decode the filter gets it decoded, with encoding=any as it \
                    is";
/// As above, for a coding that only the filter itself can decode.
const CODED: &str = "the body has a coding (Content-Encoding) that mod_deflate does not decode; with encoding=any the \
                     filter gets it as it is";
/// As above, for a response and a filter that would get it decoded.
const OTHER_CODING: &str = "the response has a coding (Content-Encoding) other than gzip, and encoding=decode decodes gzip \
                            alone; \"RequestHeader edit* Accept-Encoding 'br|zstd|deflate' identity\" in the section has \
                            it not asked for";
/// As above, for a part of a body.
const PARTIAL_CODED: &str = "the response is a part of a coded body, which encoding=decode cannot decode; with range=whole \
                             the filter gets the whole body";
/// As above, for a body that nobody may change.
const NO_TRANSFORM: &str = "the response is coded, and its 'Cache-Control: no-transform' forbids to decode it for \
                            encoding=decode";
/// As above, where mod_deflate does not take it.
const NO_DECODER: &str = "mod_deflate does not decode this body for encoding=decode";

/// What an output filter has to do with a response.
pub(in crate::python) enum Admission {
    /// Nothing.
    Aside,
    /// It gets the response as it is.
    AsItIs,
    /// It gets the response decoded.
    Decoded(Inflater),
}

/// Looks whether a filter has something to do for a response: its type may be another one, its body a part of a whole,
/// coded (`Content-Encoding`) or absent. Corrects the headers of a response that is decoded for it.
pub(super) fn admit(filter: &Filter, brigade: &Brigade, declared: &DeclaredFilter) -> Admission {
    let Some(r) = filter.request() else {
        return Admission::AsItIs;
    };
    let has_data = brigade.kinds().any(|kind| kind == BucketKind::Data);
    let is_unknown = r.content_type().is_none() && !declared.types.is_empty();
    if r.status() == 304 && is_unknown && !has_data {
        // A 304 of another server does not tell the type of the body.
        r.forget_headers_without_body(declared.change);
        return Admission::Aside;
    }
    if !declared.takes(r.content_type()) {
        return Admission::Aside;
    }
    let is_wrong_part = match declared.change {
        Change::Length => r.is_partial(),
        Change::Bytes => r.has_several_parts(),
        Change::Nothing => false,
    };
    if is_wrong_part {
        let reason = match declared.wants_whole {
            true => PARTIAL_UNASKED,
            false => PARTIAL,
        };
        warn_once::steps_aside(r, declared, reason);
        return Admission::Aside;
    }
    if r.response_coding().is_some() {
        match declared.encoding {
            Encoding::Any => {}
            Encoding::Identity => {
                let reason = if r.is_response_gzip() { GZIP } else { CODED };
                warn_once::steps_aside(r, declared, reason);
                return Admission::Aside;
            }
            Encoding::Decode => return decoded(filter, r, declared, has_data),
        }
    } else if declared.kind.follows_headers() {
        return Admission::AsItIs;
    }
    if r.has_no_body() && !has_data {
        // The headers of a HEAD request are those of the response to GET, whose length the filter could change.
        match (declared.change, declared.encoding) {
            // A 304 does not tell whether the body is coded.
            (Change::Nothing, Encoding::Decode) if r.status() == 304 => {
                r.forget_headers_without_body(Change::Length);
            }
            (change, _) => r.forget_headers_without_body(change),
        }
        return Admission::Aside;
    }
    Admission::AsItIs
}

/// As `admit`, for a coded response and a filter that gets it decoded.
fn decoded(filter: &Filter, r: &Request, declared: &DeclaredFilter, has_data: bool) -> Admission {
    let aside = |reason| {
        warn_once::steps_aside(r, declared, reason);
        Admission::Aside
    };
    if !r.is_response_gzip() {
        return aside(OTHER_CODING);
    }
    if r.forbids_transforming() {
        return aside(NO_TRANSFORM);
    }
    if r.status() == 206 || r.has_content_range() {
        return aside(PARTIAL_CODED);
    }
    let is_empty = r.has_no_body() && !has_data;
    if is_empty && !r.is_header_only() || r.status() == 304 {
        // Clients get the body coded or not, as they accept it.
        r.forget_coding();
        r.vary_by_coding();
        r.forget_headers_without_body(Change::Length);
        return Admission::Aside;
    }
    let Some(inflater) = Inflater::begin(filter, declared.decoded as u64) else {
        return aside(NO_DECODER);
    };
    r.code_again();
    if is_empty {
        // DEFLATE does nothing for a body whose end it sees at once, and the headers of HEAD are those of GET.
        let flush = r.new_brigade();
        flush.append_flush();
        // An error means that the client is gone, which the next call finds as well.
        let _ = filter.pass(&flush);
        return Admission::Aside;
    }
    Admission::Decoded(inflater)
}

/// Whether the body of a request is coded, and the filter is not for coded bodies; a warning says so.
pub(super) fn is_coded_for(filter: &Filter, declared: &DeclaredFilter) -> bool {
    let coded = |r: &&Request| declared.encoding != Encoding::Any && r.body_coding().is_some();
    let Some(r) = filter.request().filter(coded) else {
        return false;
    };
    let reason = match (r.is_body_gzip(), declared.encoding) {
        (true, Encoding::Decode) => NO_DECODER,
        (true, _) => GZIP,
        (false, _) => CODED,
    };
    warn_once::steps_aside(r, declared, reason);
    true
}

/// Prepares a request for an output filter: called before its handler runs, or when the filter is added later.
/// `direct`: the filter stands in the chain itself; otherwise mod_filter decides by the response whether to call it.
pub fn output_starts(r: &Request, declared: &DeclaredFilter, direct: bool) {
    r.watch_framing();
    let change = declared.change;
    let is_behind = declared.kind.follows_headers();
    if !is_behind && (declared.wants_whole || change != Change::Length) {
        r.watch_range();
    }
    match declared.wants_whole {
        // Ranges are cut before the filter gets the body.
        true if is_behind => r.drop_range(),
        true => r.hide_range(),
        false => {}
    }
    if is_behind {
        r.settle_headers_for(change);
    } else if change != Change::Nothing || declared.encoding == Encoding::Decode {
        // A body that is decoded changes, also for a filter that changes nothing.
        r.note_changing_output();
        if !direct {
            r.settle_304_for_mod_filter();
        }
    }
}

/// Prepares a request for an input filter: called before its handler runs, or when the filter is added later. Unlinks a
/// filter that does not take the body's type or coding.
pub fn input_starts(filter: &Filter, declared: &DeclaredFilter) {
    let Some(r) = filter.request() else { return };
    if !declared.takes(r.headers_in().get(c"Content-Type")) {
        return filter.unlink(Direction::Input);
    }
    let is_decoded = declared.encoding == Encoding::Decode
        && r.is_body_gzip()
        && r.decode_body(declared.decoded as u64, &declared.name);
    // A filter below may decode the body, which is known once the first bytes have arrived.
    if filter.is_lowest_of_body() && is_coded_for(filter, declared) {
        return filter.unlink(Direction::Input);
    }
    if is_decoded || declared.change == Change::Length {
        r.hide_body_length();
    }
}
