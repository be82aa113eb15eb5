//! A length that was promised: what goes on is counted, so that no byte too many becomes the start of
//! the next message, and no missing one makes the start of the next message a part of this.

use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::request::Request;

/// What a filter does to a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Anything: the length is not what it was.
    Length,
    /// Other bytes, as many.
    Bytes,
    /// Nothing.
    Nothing,
}

/// A length that was said before the body came.
pub(in crate::httpd) struct Promise {
    total: u64,
    left: u64,
}

impl Promise {
    /// What the headers of a response say, if somebody goes by it.
    pub(in crate::httpd) fn of_response(r: &Request) -> Option<Self> {
        if r.has_no_body() || r.is_subrequest() {
            return None;
        }
        Self::new(r.headers_out().get(c"Content-Length")?)
    }

    /// What the headers of a request say.
    pub(in crate::httpd) fn of_request(r: &Request) -> Option<Self> {
        Self::new(r.headers_in().get(c"Content-Length")?)
    }

    fn new(length: &[u8]) -> Option<Self> {
        let total = std::str::from_utf8(length).ok()?.trim().parse().ok()?;
        Some(Self { total, left: total })
    }

    /// Counts a brigade that is about to go on. A sentence, if that breaks the promise.
    pub(in crate::httpd) fn count(&mut self, brigade: &Brigade) -> Result<(), String> {
        let length = brigade.known_length() as u64;
        let ends = brigade.kinds().any(|kind| kind == BucketKind::End);
        self.check(length, ends)?;
        self.take(length);
        Ok(())
    }

    /// So many bytes went on.
    pub(in crate::httpd) fn take(&mut self, length: u64) {
        self.left = self.left.saturating_sub(length);
    }

    /// So many bytes are to go on, and perhaps the end. A sentence, if that would break the promise.
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
