//! A response that was decoded for a filter is coded again for clients that accept it, by mod_deflate's `DEFLATE`, behind
//! all filters of the content. It looks at the client's `Accept-Encoding` itself, and adds `Vary`.

use std::ffi::{CStr, CString};

use super::entry_point::{OutputEntry, register_output};
use super::{Filter, handle};
use crate::filter_chain::Direction;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

const DEFLATE: &CStr = c"DEFLATE";
/// The filter that stands behind `DEFLATE`.
const NAME: &CStr = c"mod_python.recoded";
/// What `DEFLATE` adds to an ETag, before its last quotation mark.
const SUFFIX: &[u8] = b"-gzip";

/// Registers the filter behind `DEFLATE`.
pub(in crate::httpd) fn register() {
    register_output::<Original>(NAME, ffi::AP_FTYPE_CONTENT_SET);
}

impl Request {
    /// Has the response coded with gzip where the client accepts that. If the administrator has put `DEFLATE` into the
    /// chain, that one does it.
    ///
    /// `DEFLATE` would give the ETag a suffix that the server which has made the tag does not know, so that no client
    /// would get a 304. The tag is weak, and may stand for both, coded and not.
    pub fn code_again(&self) {
        let record = handle(Direction::Output, DEFLATE);
        let is_there = |filter: &Filter| std::ptr::eq(filter.raw().frec, record);
        if self.is_subrequest() || self.output_chain().any(is_there) {
            return;
        }
        self.add_filter(Direction::Output, DEFLATE.to_bytes());
        let tag = self.headers_out().get(c"ETag");
        let tag = tag.and_then(|tag| CString::new(tag).ok());
        if let Some(filter) = self.add_filter(Direction::Output, NAME.to_bytes()) {
            filter.keep(Original { tag });
        }
    }
}

/// What `DEFLATE` has got.
struct Original {
    tag: Option<CString>,
}

impl Original {
    /// Takes back what `DEFLATE` has done to the ETag, and what it has said again in `Vary`: mod_cache takes a name that
    /// stands there twice for two headers.
    fn settle(&self, r: &Request) {
        let headers = r.headers_out();
        let now = headers.get(c"ETag");
        if let (Some(tag), Some(now)) = (&self.tag, now) {
            if is_suffixed(now, tag.to_bytes()) {
                headers.set(c"ETag", tag);
            }
        }
        let vary = headers.get(c"Vary").and_then(without_repetition);
        if let Some(vary) = vary.and_then(|vary| CString::new(vary).ok()) {
            headers.set(c"Vary", &vary);
        }
    }
}

impl OutputEntry for Original {
    const WHAT: &'static str = "the filter behind DEFLATE";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        if brigade.is_empty() {
            return Ok(());
        }
        if let (Some(original), Some(r)) = (filter.kept::<Self>(), filter.request()) {
            original.settle(r);
        }
        filter.step_out(brigade)
    }
}

/// Whether a tag is the other one with the suffix of `DEFLATE`.
fn is_suffixed(tag: &[u8], other: &[u8]) -> bool {
    let inner = other.strip_suffix(b"\"");
    inner.is_some_and(|inner| [inner, SUFFIX, b"\""].concat() == tag)
}

/// A list of names of headers without those that it repeats; `None` if it repeats none.
fn without_repetition(list: &[u8]) -> Option<Vec<u8>> {
    let mut names: Vec<&[u8]> = Vec::new();
    let mut repeats = false;
    for name in list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        match names.iter().any(|one| one.eq_ignore_ascii_case(name)) {
            true => repeats = true,
            false => names.push(name),
        }
    }
    repeats.then(|| names.join(&b", "[..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_stands_before_the_last_quotation_mark() {
        assert!(is_suffixed(b"W/\"a-gzip\"", b"W/\"a\""));
        assert!(is_suffixed(b"\"-gzip\"", b"\"\""));
        for (tag, other) in [
            ("W/\"a\"", "W/\"a\""),
            ("\"a-gzip\"", "W/\"a\""),
            ("a-gzip", "a"),
        ] {
            assert!(!is_suffixed(tag.as_bytes(), other.as_bytes()), "{tag}");
        }
    }

    #[test]
    fn a_list_of_names_has_each_once() {
        let once = |list: &str| without_repetition(list.as_bytes());
        let expected = Some(b"accept-encoding, Cookie".to_vec());
        assert_eq!(once("accept-encoding,Cookie, Accept-Encoding"), expected);
        assert_eq!(once("Accept-Encoding, Cookie"), None);
        assert_eq!(once(""), None);
    }
}
