//! Responses that are decoded for a filter. Called by httpd on the request's thread, without the GIL.

use super::drive::filtered;
use super::instance::Instance;
use crate::engine::settings::Settings;
use crate::httpd::filter::inflater::{Inflater, Undecodable};
use crate::httpd::log::Level;
use crate::httpd::{Brigade, Error, Filter, Status};
use crate::python::runtime::context::About;

/// Takes a brigade of a coded response for an output filter, which gets what comes out piece by piece.
///
/// # Errors
/// As `drive::output`.
pub(super) fn output(
    filter: &Filter,
    coded: &Brigade,
    instance: &Instance,
    inflater: &Inflater,
    settings: &Settings,
) -> Result<(), Error> {
    let decoded = inflater.decoded();
    while !coded.is_empty() {
        if instance.output().stream.is_over() {
            // The filter has ended the response.
            inflater.end();
        }
        if let Err(reason) = inflater.decode(coded) {
            inflater.end();
            decoded.clear();
            coded.drop_data();
            return cut(filter, decoded, instance, settings, reason);
        }
        if decoded.is_empty() {
            continue;
        }
        let result = filtered(filter, decoded, instance, settings);
        decoded.clear();
        if result.is_err() {
            inflater.end();
            coded.drop_data();
            return result;
        }
    }
    Ok(())
}

/// Ends a response that cannot be decoded, with an error page or a cut, and logs why. `decoded` is empty.
fn cut(
    filter: &Filter,
    decoded: &Brigade,
    instance: &Instance,
    settings: &Settings,
    reason: Undecodable,
) -> Result<(), Error> {
    let Some(r) = filter.request() else {
        return Err(Error::GENERAL);
    };
    let declared = &instance.declared;
    let is_under_way = instance.output().is_under_way(filter);
    let (status, end) = match is_under_way {
        true => (Status::BAD_GATEWAY, "it is cut".to_owned()),
        false if r.proxyreq() != 0 => (Status::BAD_GATEWAY, "it is answered with 502".to_owned()),
        false => (
            Status::INTERNAL_SERVER_ERROR,
            "it is answered with 500".to_owned(),
        ),
    };
    let text = format!(
        "filter {} cannot have the response decoded (encoding=decode): {}; {end}",
        declared.name,
        sentence(reason, declared.decoded)
    );
    About::Request(r).log(Level::Error, &text);
    if !is_under_way {
        instance.close();
        return instance.output().fail(filter, status);
    }
    r.keep_from_caches();
    decoded.append_error(status.0, r.pool());
    decoded.append_end();
    let result = filtered(filter, decoded, instance, settings);
    decoded.clear();
    result
}

/// Why a response cannot be decoded, for the log. `limit`: that of `decoded=`, in bytes.
fn sentence(reason: Undecodable, limit: usize) -> String {
    match reason {
        Undecodable::Damaged => {
            "its gzip data is damaged or incomplete, as mod_deflate says above".into()
        }
        Undecodable::NotGzip => "its Content-Encoding is gzip, but its body is not".into(),
        Undecodable::Trailing => {
            "more bytes stand behind the end of its gzip data, which mod_deflate would drop".into()
        }
        Undecodable::Ratio => {
            "it expands by more than DeflateInflateRatioLimit of mod_deflate allows".into()
        }
        Undecodable::TooLong => {
            format!("it has more than {limit} bytes, and decoded= sets another limit")
        }
        Undecodable::Unread(error) => format!("it cannot be read: {error}"),
    }
}
