//! How a body is coded (`Content-Encoding`, RFC 9110 §8.4), whether that may be undone, and whether the body is a part of
//! a whole (206, §15.3.7).

use super::Request;
use crate::httpd::apr::table::Table;

impl Request {
    /// The response's `Content-Encoding` (gzip, br …), unless it has none.
    pub fn response_coding(&self) -> Option<&[u8]> {
        self.content_encoding()
            .filter(|value| is_coded(value))
            .or_else(|| coding_in(self.headers_out()))
            .or_else(|| coding_in(self.err_headers_out()))
    }

    /// The `Content-Encoding` of the request's body, unless it has none. A filter that decodes the body removes it when
    /// it reads the first bytes.
    pub fn body_coding(&self) -> Option<&[u8]> {
        coding_in(self.headers_in())
    }

    /// Whether the response is coded with gzip, and with nothing else.
    pub fn is_response_gzip(&self) -> bool {
        let own = self.content_encoding();
        let set = codings_in(self.headers_out()).filter(|_| own.is_none());
        is_gzip(
            own.into_iter()
                .chain(set)
                .chain(codings_in(self.err_headers_out())),
        )
    }

    /// Whether the body of the request is coded with gzip, and with nothing else.
    pub fn is_body_gzip(&self) -> bool {
        is_gzip(codings_in(self.headers_in()))
    }

    /// Whether the response must not be changed on its way (`Cache-Control: no-transform`, RFC 9111 §5.2.2.6).
    pub fn forbids_transforming(&self) -> bool {
        let forbids = |headers: &Table| {
            headers.entries().any(|(name, value)| {
                name.eq_ignore_ascii_case(b"Cache-Control")
                    && has_no_transform(value.unwrap_or_default())
            })
        };
        forbids(self.headers_out()) || forbids(self.err_headers_out())
    }

    /// Whether the headers of the response name a range of a whole, whatever its status.
    pub fn has_content_range(&self) -> bool {
        let has_range = |headers: &Table| headers.get(c"Content-Range").is_some();
        has_range(self.headers_out()) || has_range(self.err_headers_out())
    }

    /// Removes the coding from the headers of the response.
    pub fn forget_coding(&self) {
        self.set_content_encoding(None);
        for headers in [self.headers_out(), self.err_headers_out()] {
            headers.unset(c"Content-Encoding");
        }
    }

    /// Says that the response depends on which codings the client accepts.
    pub fn vary_by_coding(&self) {
        self.headers_out().add(c"Vary", c"Accept-Encoding");
    }

    /// Whether the response that its handler has made is a part of a whole, or several parts.
    pub fn is_partial(&self) -> bool {
        self.status() == 206 && (self.has_content_range() || self.has_several_parts())
    }

    /// Removes the header of a part, for a page that takes its place.
    pub fn forget_part(&self) {
        for headers in [self.headers_out(), self.err_headers_out()] {
            headers.unset(c"Content-Range");
        }
    }

    /// Whether the response is several parts of a whole, each with a head of its own (`multipart/byteranges`).
    pub fn has_several_parts(&self) -> bool {
        let kind = self.content_type().unwrap_or_default();
        let name = b"multipart/byteranges";
        self.status() == 206
            && kind
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
    }
}

/// The first `Content-Encoding` of these headers that is one.
fn coding_in(headers: &Table) -> Option<&[u8]> {
    headers.get(c"Content-Encoding")?;
    codings_in(headers).find(|value| is_coded(value))
}

/// The values of all `Content-Encoding` of these headers.
fn codings_in(headers: &Table) -> impl Iterator<Item = &[u8]> {
    headers
        .entries()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"Content-Encoding"))
        .filter_map(|(_, value)| value)
}

/// Whether a list of codings has one that changes bytes.
fn is_coded(value: &[u8]) -> bool {
    changing(value).next().is_some()
}

/// Whether lists of codings have one that changes bytes, and that is gzip.
fn is_gzip<'a>(values: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut codings = values.flat_map(changing);
    let first = codings.next().unwrap_or_default();
    let is_gzip = first.eq_ignore_ascii_case(b"gzip") || first.eq_ignore_ascii_case(b"x-gzip");
    is_gzip && codings.next().is_none()
}

/// The codings of a list that change bytes. An empty one, `identity` and `none` do not.
fn changing(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let plain = |coding: &[u8]| {
        matches!(coding, b"" | b"\"\"")
            || coding.eq_ignore_ascii_case(b"identity")
            || coding.eq_ignore_ascii_case(b"none")
    };
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(move |coding| !plain(coding))
}

/// Whether a `Cache-Control` has the directive `no-transform`.
fn has_no_transform(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_codings_are_none() {
        for none in [
            "",
            " ",
            "\"\"",
            "none",
            "Identity",
            "identity, identity",
            ",none ,",
        ] {
            assert!(!is_coded(none.as_bytes()), "{none}");
        }
        for coded in ["gzip", "identity, gzip", "br,identity", "nonesuch"] {
            assert!(is_coded(coded.as_bytes()), "{coded}");
        }
    }
    #[test]
    fn gzip_alone_is_gzip() {
        let is = |values: &[&str]| is_gzip(values.iter().map(|value| value.as_bytes()));
        for values in [&["gzip"][..], &["identity, X-GZIP"], &["", "gzip , none"]] {
            assert!(is(values), "{values:?}");
        }
        for values in [
            &[][..],
            &["identity"],
            &["deflate"],
            &["br, gzip"],
            &["gzip,gzip"],
            &["gzip", "br"],
        ] {
            assert!(!is(values), "{values:?}");
        }
    }

    #[test]
    fn no_transform_is_a_directive() {
        assert!(has_no_transform(b"private, No-Transform"));
        for other in ["", "max-age=1", "x=no-transform", "no-transforms"] {
            assert!(!has_no_transform(other.as_bytes()), "{other}");
        }
    }
}
