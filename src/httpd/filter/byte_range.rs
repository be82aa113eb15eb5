//! The header `Range` with one range of bytes (RFC 9110 §14.1.2), as httpd reads it.

use super::response_head::strict_length;

/// The part of a body that a client has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::httpd) enum ByteRange {
    /// The bytes with these numbers, both included; the first byte has number 0.
    Part { first: u64, last: u64 },
    /// It begins behind the end of the body.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the header's value for a body of `total` bytes, which is not empty. `None`: the whole body is to be sent,
    /// since the value names several ranges, another unit, or is none.
    pub(in crate::httpd) fn parse(value: &[u8], total: u64) -> Option<Self> {
        let (unit, set) = value.split_at_checked(b"bytes=".len())?;
        if !unit.eq_ignore_ascii_case(b"bytes=") {
            return None;
        }
        // A list may have empty elements at its end.
        let range = match set.iter().position(|byte| *byte == b',') {
            Some(comma) if set[comma..].iter().all(|byte| *byte == b',') => &set[..comma],
            Some(_) => return None,
            None => set,
        };
        let dash = range.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (&range[..dash], &range[dash + 1..]);
        if first.is_empty() {
            let length = number(last).filter(|length| *length > 0)?;
            return Some(Self::Part {
                first: total.saturating_sub(length),
                last: total - 1,
            });
        }
        let first = number(first)?;
        let last = match last {
            b"" => u64::MAX,
            last => number(last).filter(|last| *last >= first)?,
        };
        Some(match first < total {
            true => Self::Part {
                first,
                last: last.min(total - 1),
            },
            false => Self::Unsatisfiable,
        })
    }
}

/// A number of digits alone: blanks around it make the value none.
fn number(text: &[u8]) -> Option<u64> {
    strict_length(text).filter(|_| text.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_to_the_body() {
        for (value, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=2-4", 2, 4),
            ("Bytes=2-", 2, 9),
            ("bytes=0-", 0, 9),
            ("bytes=9-9", 9, 9),
            ("bytes=5-9223372036854775807", 5, 9),
            ("bytes=-3", 7, 9),
            ("bytes=-10", 0, 9),
            ("bytes=-9223372036854775807", 0, 9),
            ("bytes=007-8", 7, 8),
            ("bytes=2-4,", 2, 4),
        ] {
            let part = Some(ByteRange::Part { first, last });
            assert_eq!(ByteRange::parse(value.as_bytes(), 10), part, "{value}");
        }
    }

    #[test]
    fn what_begins_after_the_body_cannot_be_sent() {
        for value in ["bytes=10-", "bytes=10-11", "bytes=9223372036854775807-"] {
            let answer = ByteRange::parse(value.as_bytes(), 10);
            assert_eq!(answer, Some(ByteRange::Unsatisfiable), "{value}");
        }
    }

    #[test]
    fn all_else_is_the_whole_body() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=-0",
            "bytes=4-2",
            "bytes=a-b",
            "bytes=2",
            "bytes= 2-4",
            "bytes=2 -4",
            "bytes=2-4 ",
            "bytes=+2-4",
            "bytes=2--4",
            "bytes=0-1,4-5",
            "bytes=0-1,99-",
            "bytes=,2-4",
            "bytes=9223372036854775808-",
            "lines=2-4",
            "bytes =2-4",
        ] {
            assert_eq!(ByteRange::parse(value.as_bytes(), 10), None, "{value}");
        }
    }
}
