//! The `ETag` of a response whose body a filter may change: a strong one becomes weak (RFC 9110 §8.8.3). A 304 has the
//! tag that the response with a body would have (§15.4.5). Where the filter decides only by the body whether it changes
//! something, that is the form in which the client knows the tag.
//!
//! All of it happens on the thread that works on the request.

use std::ffi::CStr;

use super::Request;

/// The note that an output filter of the request may change the body; its value is one of those below.
const CHANGING: &CStr = c"mod_python.changes-response";
/// One does, unless it steps out when it sees the body.
const BY_CONFIGURATION: &CStr = c"configuration";
/// One does for some media types, or mod_filter decides whether it is called.
const BY_RESPONSE: &CStr = c"response";

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

    /// Notes that an output filter may change the body, in case a handler returns 304: httpd answers that without the
    /// filters. `certain`: that does not depend on the response.
    pub fn note_changing_output(&self, certain: bool) {
        let notes = self.notes();
        if certain {
            notes.set_static(CHANGING, BY_CONFIGURATION);
        } else if notes.get(CHANGING).is_none() {
            notes.set_static(CHANGING, BY_RESPONSE);
        }
    }

    /// Whether a 304 of this request has the weak tag of a changed body: the client knows it in that form, or, if it
    /// has not said one, `otherwise`.
    pub fn has_weak_tag(&self, otherwise: bool) -> bool {
        let Some(known) = self.headers_in().get(c"If-None-Match") else {
            return otherwise;
        };
        let tag = self.headers_out().get(c"ETag");
        let tag = tag.or_else(|| self.err_headers_out().get(c"ETag"));
        is_known_as_weak(known, tag.unwrap_or_default()).unwrap_or(otherwise)
    }

    /// Corrects the tag of a 304 that httpd answers without the filters, since a handler has returned it.
    pub(in crate::httpd) fn settle_returned_304(&self) {
        let Some(noted) = self.notes().get(CHANGING) else {
            return;
        };
        if self.status() == 304 && self.has_weak_tag(noted == BY_CONFIGURATION.to_bytes()) {
            self.weaken_tag();
        }
    }
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
