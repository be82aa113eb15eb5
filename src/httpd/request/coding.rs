//! How a body is coded (`Content-Encoding`, RFC 9110 §8.4), and whether it is a part of a whole (206, §15.3.7).

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

    /// Whether the response that its handler has made is a part of a whole, or several parts.
    pub fn is_partial(&self) -> bool {
        let has_range = |headers: &Table| headers.get(c"Content-Range").is_some();
        self.status() == 206
            && (has_range(self.headers_out())
                || has_range(self.err_headers_out())
                || self.has_several_parts())
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
    headers
        .entries()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"Content-Encoding"))
        .filter_map(|(_, value)| value)
        .find(|value| is_coded(value))
}

/// Whether a list of codings has one that changes bytes. An empty one, `identity` and `none` do not.
fn is_coded(value: &[u8]) -> bool {
    let plain = |coding: &[u8]| {
        matches!(coding, b"" | b"\"\"")
            || coding.eq_ignore_ascii_case(b"identity")
            || coding.eq_ignore_ascii_case(b"none")
    };
    !value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .all(plain)
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
}
