//! The `ETag` of a response whose body a filter may change: a strong one becomes weak (RFC 9110 §8.8.3). A 304 has the
//! tag that the response with a body would have (§15.4.5). Where the filter decides only by the body whether it changes
//! something, that is the form in which the client knows the tag. A client that does not say what it knows gets the form
//! in which the tag went out last, and a weak one where that is not known.
//!
//! All of it happens on the thread that works on the request.

use std::ffi::CStr;

use super::Request;
use crate::httpd::ffi;

/// The note that an output filter of the request may change the body.
const CHANGING: &CStr = c"mod_python.changes-response";
/// What filters that code a body add to a tag, before its last quotation mark: mod_deflate's and mod_brotli's.
const SUFFIXES: [&[u8]; 2] = [b"-gzip", b"-br"];

impl Request {
    /// Makes a strong `ETag` weak.
    pub(in crate::httpd) fn weaken_tag(&self) {
        for headers in self.response_headers() {
            let strong = headers.get(c"ETag").filter(|tag| !tag.starts_with(b"W/"));
            if let Some(tag) = strong {
                headers.set_parts(c"ETag", [b"W/", tag], self.pool());
            }
        }
    }

    /// Notes that an output filter may change the body: a handler may return 304, which httpd answers without the filters.
    pub fn note_changing_output(&self) {
        self.notes().set_static(CHANGING, c"");
    }

    /// Whether a 304 of this request has the weak tag of a changed body: the client knows it in that form or, if it has
    /// not said one, the response with a body had it. It may, where nothing is known.
    pub fn has_weak_tag(&self) -> bool {
        let known = self.headers_in().get(c"If-None-Match");
        known
            .and_then(|known| is_known_as_weak(known, self.tag().unwrap_or_default()))
            .or_else(|| self.known_form())
            .unwrap_or(true)
    }

    /// Notes in which form the tag of a response with a body is sent, if an output filter may have changed the body.
    pub(in crate::httpd) fn note_form_of_tag(&self) {
        let is_whole = self.status() == 200 && self.method_number() == ffi::M_GET as i32;
        if !is_whole || self.is_header_only() || self.notes().get(CHANGING).is_none() {
            return;
        }
        if let Some(tag) = self.tag() {
            let weak = tag.starts_with(b"W/");
            self.server().tag_forms().note(self.tag_key(tag), weak);
        }
    }

    /// Corrects the tag of a 304 that httpd answers without the filters, since a handler has returned it, or an earlier
    /// phase, before the filters were there.
    pub(in crate::httpd) fn settle_returned_304(&self) {
        let may_change = || self.notes().get(CHANGING).is_some() || self.known_form() == Some(true);
        if self.status() == 304 && may_change() && self.has_weak_tag() {
            self.weaken_tag();
        }
    }

    /// Whether the tag of this response was weak when it went out with a body; `None` if that is not known.
    fn known_form(&self) -> Option<bool> {
        self.server().tag_forms().is_weak(self.tag_key(self.tag()?))
    }

    fn tag(&self) -> Option<&[u8]> {
        let tag = self.headers_out().get(c"ETag");
        tag.or_else(|| self.err_headers_out().get(c"ETag"))
    }

    /// What this tag of the response is known by: its URL and the tag as the handler has made it.
    fn tag_key(&self, tag: &[u8]) -> u64 {
        let (path, query) = (
            self.uri().unwrap_or_default(),
            self.args().unwrap_or_default(),
        );
        self.server().tag_key(original(tag), path, query)
    }
}

/// A tag without its quotation mark at the end, and without what tells that it is weak, and how the body is coded.
fn original(tag: &[u8]) -> &[u8] {
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    let inner = opaque.strip_suffix(b"\"").unwrap_or(opaque);
    let without = |suffix: &&[u8]| inner.strip_suffix(*suffix);
    SUFFIXES.iter().find_map(without).unwrap_or(inner)
}

/// Whether `If-None-Match` has this tag as a weak one; `None` if it has no tags. The list has matched, so if it does
/// not have the tag as it stands, a filter such as mod_deflate's has altered it, and all tags are looked at.
fn is_known_as_weak(list: &[u8], tag: &[u8]) -> Option<bool> {
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    let is_this = |one: &(bool, &[u8])| one.1 == opaque;
    match tags(list).any(|one| is_this(&one)) {
        true => Some(tags(list).filter(is_this).any(|(weak, _)| weak)),
        false => tags(list).map(|(weak, _)| weak).reduce(|a, b| a || b),
    }
}

/// The tags of a list, each with whether it is weak and its text in quotation marks; ends where the list is no longer
/// one (RFC 9110 §13.1.2).
fn tags(mut list: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    std::iter::from_fn(move || {
        let from = list
            .iter()
            .position(|byte| !matches!(byte, b',' | b' ' | b'\t'))?;
        let (weak, rest) = match list[from..].strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, &list[from..]),
        };
        let length = rest.strip_prefix(b"\"")?.iter().position(|b| *b == b'"')? + 2;
        list = &rest[length..];
        Some((weak, &rest[..length]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_whatever_filters_make_of_it() {
        for tag in [r#""x""#, r#"W/"x""#, r#""x-gzip""#, r#"W/"x-br""#] {
            assert_eq!(original(tag.as_bytes()), b"\"x", "{tag}");
        }
        assert_eq!(original(b"bare"), b"bare");
        assert_eq!(original(b"\"-gzip\""), b"\"");
        assert_eq!(original(b""), b"");
    }

    #[test]
    fn the_form_is_the_one_in_the_list() {
        for (list, weak) in [
            (r#""x""#, Some(false)),
            (r#"W/"x""#, Some(true)),
            (r#"W/"y" , "x""#, Some(false)),
            (r#""y",W/"x""#, Some(true)),
            (r#""x", W/"x""#, Some(true)),
            (r#""a,b", W/"a,\"x""#, Some(true)),
            (r#"W/"x-gzip""#, Some(true)),
            (r#""x-gzip""#, Some(false)),
            ("*", None),
            ("", None),
            ("W/", None),
            (r#"""#, None),
        ] {
            assert_eq!(is_known_as_weak(list.as_bytes(), b"\"x\""), weak, "{list}");
            assert_eq!(
                is_known_as_weak(list.as_bytes(), b"W/\"x\""),
                weak,
                "{list}"
            );
        }
    }
}
