//! The head of an HTTP/1 response on its way to the client: where it ends, and the length it names.

use std::ptr::NonNull;

use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::filter::known_record::KnownRecord;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

/// httpd's filters that make the head of a response: HTTP/1 and HTTP/2. They leave the chain when the body begins.
static MAKERS: [KnownRecord; 2] = [
    KnownRecord::new(c"HTTP_HEADER"),
    KnownRecord::new(c"H2_C2_RESPONSE_OUT"),
];

/// The configuration is read again.
pub(in crate::httpd) fn forget_makers() {
    MAKERS.iter().for_each(KnownRecord::forget);
}

impl Request {
    /// Whether the filter that makes the head still stands in the chain.
    pub(in crate::httpd) fn makes_head(&self) -> bool {
        let [first, second] = &MAKERS;
        let records = [first.get(), second.get()];
        self.output_chain()
            .any(|filter| records.contains(&filter.raw().frec))
    }
}

/// The part of a head that a brigade has.
pub(in crate::httpd) enum Head {
    /// All of it; the body begins with this bucket.
    Over(Option<NonNull<ffi::apr_bucket>>),
    /// A part, which ends with these bytes; zeroes for an empty part.
    Part([u8; 4]),
    /// None: the response has no head (`assbackwards`).
    None,
}

/// Looks for the end of an HTTP/1 head, and has a bucket end there.
pub(in crate::httpd) fn read(
    r: &Request,
    brigade: &Brigade,
    mut last: [u8; 4],
) -> Result<Head, Error> {
    let mut at = brigade.first();
    while let Some(found) = at {
        // SAFETY: a bucket of this ring.
        if unsafe { bucket::kind_of(found.as_ptr()) } == BucketKind::Data {
            // SAFETY: as above; the bytes are not used after this turn.
            let data = unsafe { bucket::read(found.as_ptr(), true) }?;
            let begins = last == [0; 4] && !data.is_empty();
            if begins && (r.assbackwards() != 0 || data[0] != b'H') {
                return Ok(Head::None);
            }
            if let Some(end) = end_of_head(last, data) {
                if end < data.len() {
                    // SAFETY: a bucket of this ring.
                    Error::check(unsafe { ffi::mp_bucket_split(found.as_ptr(), end) })?;
                }
                return Ok(Head::Over(brigade.after(found)));
            }
            last = last_bytes(last, data);
        }
        at = brigade.after(found);
    }
    Ok(Head::Part(last))
}

/// How many bytes of `data` belong to the head, if that ends in them; `last` are the four bytes before them.
fn end_of_head(last: [u8; 4], data: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', data)
        .map(|at| at + 1)
        .find(|end| last_bytes(last, &data[..*end]) == *b"\r\n\r\n")
}

/// The last four bytes of `data`, or of `before` and `data`.
fn last_bytes(before: [u8; 4], data: &[u8]) -> [u8; 4] {
    data.last_chunk().copied().unwrap_or_else(|| {
        let mut last = before;
        for byte in data {
            last = [last[1], last[2], last[3], *byte];
        }
        last
    })
}

/// How many bytes of data stand from this bucket on. Buckets of unknown length are read.
pub(in crate::httpd) fn measure(
    brigade: &Brigade,
    mut at: Option<NonNull<ffi::apr_bucket>>,
) -> Result<u64, Error> {
    let mut total = 0;
    while let Some(found) = at {
        // SAFETY: a bucket of this ring.
        if unsafe { bucket::kind_of(found.as_ptr()) } == BucketKind::Data {
            // SAFETY: as above.
            let length = match unsafe { bucket::length(found.as_ptr()) } {
                Some(length) => length,
                // SAFETY: as above; only the length of the bytes is used.
                None => unsafe { bucket::read(found.as_ptr(), true) }?.len(),
            };
            total += length as u64;
        }
        at = brigade.after(found);
    }
    Ok(total)
}

/// The value of a `Content-Length`: only digits (RFC 9110 §8.6), and not more than httpd can count.
pub fn strict_length(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    let most = i64::MAX as u64;
    let number = digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.filter(|number| !digits.is_empty() && *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_wherever_its_buckets_are_cut() {
        let response = b"HTTP/1.1 200 OK\r\nA: b\n\r\r\r\n\r\nbody\r\n\r\n";
        let end = response.len() - b"body\r\n\r\n".len();
        for cut in 0..=end {
            let (first, second) = response.split_at(cut);
            let found = end_of_head([0; 4], first).or_else(|| {
                let last = last_bytes([0; 4], first);
                end_of_head(last, second).map(|length| cut + length)
            });
            assert_eq!(found, Some(end), "cut at {cut}");
        }
        let mut last = [0; 4];
        for (at, byte) in response.iter().enumerate() {
            let found = end_of_head(last, &[*byte]);
            assert_eq!(found, (at + 1 == end).then_some(1), "byte {at}");
            last = last_bytes(last, &[*byte]);
            if found.is_some() {
                break;
            }
        }
    }

    #[test]
    fn lengths_are_digits_that_httpd_can_count() {
        assert_eq!(strict_length(b"0"), Some(0));
        assert_eq!(strict_length(b" 12 "), Some(12));
        for wrong in ["", "-1", "+1", "1 2", "3, 3", "0x10", "9223372036854775808"] {
            assert_eq!(strict_length(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
