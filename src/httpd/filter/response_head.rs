//! The head of an HTTP/1 response on its way to the client: where it ends, and the length it names.

use std::ptr::NonNull;

use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

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
            for (index, byte) in data.iter().enumerate() {
                last = [last[1], last[2], last[3], *byte];
                if last != *b"\r\n\r\n" {
                    continue;
                }
                if index + 1 < data.len() {
                    // SAFETY: a bucket of this ring.
                    Error::check(unsafe { ffi::mp_bucket_split(found.as_ptr(), index + 1) })?;
                }
                return Ok(Head::Over(brigade.after(found)));
            }
        }
        at = brigade.after(found);
    }
    Ok(Head::Part(last))
}

/// The value of a `Content-Length`: only digits (RFC 9110 §8.6), and not more than httpd can count.
pub fn strict_length(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii();
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number: i64 = std::str::from_utf8(digits.get(..).filter(|_| all)?)
        .ok()?
        .parse()
        .ok()?;
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_digits_that_httpd_can_count() {
        assert_eq!(strict_length(b"0"), Some(0));
        assert_eq!(strict_length(b" 12 "), Some(12));
        for wrong in ["", "-1", "+1", "1 2", "3, 3", "0x10", "9223372036854775808"] {
            assert_eq!(strict_length(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
