//! A promised `Content-Length`: the bytes that go on are counted, since a byte too many would be taken for
//! the start of the next message, and a missing one would make the next message a part of this.

use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::request::Request;

/// A length that the headers have promised before the body comes.
pub(in crate::httpd) struct Promise {
    total: u64,
    left: u64,
}

impl Promise {
    /// The promise of a response's headers, if a client relies on it.
    pub(in crate::httpd) fn of_response(r: &Request) -> Option<Self> {
        if r.has_no_body() || r.is_subrequest() {
            return None;
        }
        Self::new(r.headers_out().get(c"Content-Length")?)
    }

    /// The promise of a request's headers.
    pub(in crate::httpd) fn of_request(r: &Request) -> Option<Self> {
        Self::new(r.headers_in().get(c"Content-Length")?)
    }

    fn new(length: &[u8]) -> Option<Self> {
        let total = std::str::from_utf8(length).ok()?.trim().parse().ok()?;
        Some(Self { total, left: total })
    }

    /// Counts a brigade that is about to go on. The error is a sentence about how that breaks the promise.
    pub(in crate::httpd) fn count(&mut self, brigade: &Brigade) -> Result<(), String> {
        let length = brigade.known_length() as u64;
        let ends = brigade.kinds().any(|kind| kind == BucketKind::End);
        self.check(length, ends)?;
        self.take(length);
        Ok(())
    }

    /// `length` bytes went on.
    pub(in crate::httpd) fn take(&mut self, length: u64) {
        self.left = self.left.saturating_sub(length);
    }

    /// Checks `length` bytes that are about to go on, with `ends` also the end. The error is a sentence about how that
    /// would break the promise.
    pub(in crate::httpd) fn check(&self, length: u64, ends: bool) -> Result<(), String> {
        let Some(left) = self.left.checked_sub(length) else {
            let made = self.total - self.left + length;
            return Err(format!(
                "{made} bytes or more of a body of {} came",
                self.total
            ));
        };
        if ends && left > 0 {
            return Err(format!(
                "only {} bytes of a body of {} came",
                self.total - left,
                self.total
            ));
        }
        Ok(())
    }
}
