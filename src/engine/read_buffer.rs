//! A buffer of bytes that have arrived and were not taken yet; it is searched for lines or other separators.

/// Bytes in the order they came. Holds no memory when it is empty.
#[derive(Default)]
pub struct Unread {
    data: Vec<u8>,
    /// How many bytes at the front were taken already.
    start: usize,
    /// Up to which byte, from `start`, the last search has found nothing.
    searched: usize,
    /// The separator of that search.
    sought: Box<[u8]>,
    /// How many bytes all searches have looked at; for tests.
    #[cfg(test)]
    looked: usize,
}

/// The result of a search for a separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeparatorSearch {
    /// It was found, and ends behind so many bytes.
    Ends(usize),
    /// It has not arrived yet.
    Missing,
    /// It ends beyond the limit, or can only end beyond it.
    Beyond,
}

impl Unread {
    /// Appends bytes that have arrived.
    pub fn push(&mut self, data: &[u8]) {
        if self.start > 0 && self.start >= self.data.len() / 2 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        self.data.extend_from_slice(data);
    }

    /// Puts bytes that were taken in front again.
    pub fn put_back(&mut self, data: &[u8]) {
        self.data.splice(..self.start, data.iter().copied());
        self.start = 0;
        self.searched = 0;
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.data.len() - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes, in order.
    pub fn bytes(&self) -> &[u8] {
        &self.data[self.start..]
    }

    /// Searches for `separator`, which may end behind at most `limit` bytes. Each byte is looked at once, however
    /// often this is called for the same separator.
    pub fn find(&mut self, separator: &[u8], limit: usize) -> SeparatorSearch {
        let length = separator.len();
        if *self.sought != *separator {
            self.sought = separator.into();
            self.searched = 0;
        }
        let all = &self.data[self.start..];
        // A separator whose beginning was the end of the last search may be complete now.
        let from = self.searched.saturating_sub(length.saturating_sub(1));
        #[cfg(test)]
        {
            self.looked += all.len() - from;
        }
        match memchr::memmem::find(&all[from..], separator) {
            Some(at) if from + at + length <= limit => SeparatorSearch::Ends(from + at + length),
            Some(_) => SeparatorSearch::Beyond,
            None if all.len() >= limit => SeparatorSearch::Beyond,
            None => {
                self.searched = all.len();
                SeparatorSearch::Missing
            }
        }
    }

    /// Drops the first `length` bytes.
    pub fn consume(&mut self, length: usize) {
        self.start += length;
        self.searched = 0;
        if self.start >= self.data.len() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_taken_in_order_and_leaves_no_memory() {
        let mut unread = Unread::default();
        for piece in [&b"ab"[..], b"cd", b"ef"] {
            unread.push(piece);
        }
        assert_eq!(unread.bytes(), b"abcdef");
        unread.consume(4);
        unread.push(b"gh");
        assert_eq!((unread.bytes(), unread.len()), (&b"efgh"[..], 4));
        unread.consume(4);
        assert!(unread.is_empty());
        assert_eq!(unread.data.capacity(), 0);
    }

    #[test]
    fn separators_are_found_across_pieces() {
        let mut unread = Unread::default();
        unread.push(b"one\r");
        assert_eq!(unread.find(b"\r\n", 100), SeparatorSearch::Missing);
        unread.push(b"\ntwo\r\n");
        assert_eq!(unread.find(b"\r\n", 100), SeparatorSearch::Ends(5));
        unread.consume(5);
        assert_eq!(unread.find(b"\r\n", 100), SeparatorSearch::Ends(5));
        assert_eq!(unread.find(b"\n", 100), SeparatorSearch::Ends(5));
        assert_eq!(unread.find(b"three", 100), SeparatorSearch::Missing);
        assert_eq!(unread.find(b"two\r\n", 100), SeparatorSearch::Ends(5));
    }

    #[test]
    fn each_byte_is_looked_at_once_however_long_the_separator_is() {
        for separator in [&b"\n"[..], b"\r\n", b"------a long boundary------"] {
            let mut unread = Unread::default();
            for _ in 0..50_000 {
                unread.push(b"-");
                assert_eq!(unread.find(separator, 1 << 20), SeparatorSearch::Missing);
            }
            assert!(unread.looked <= 50_000 * separator.len());
            unread.push(separator);
            assert_eq!(
                unread.find(separator, 1 << 20),
                SeparatorSearch::Ends(50_000 + separator.len())
            );
        }
    }

    #[test]
    fn limits_hold_with_and_without_separator() {
        let mut unread = Unread::default();
        unread.push(b"abc\n");
        assert_eq!(unread.find(b"\n", 4), SeparatorSearch::Ends(4));
        assert_eq!(unread.find(b"\n", 3), SeparatorSearch::Beyond);
        let mut unread = Unread::default();
        unread.push(b"abcd");
        assert_eq!(unread.find(b"\n", 5), SeparatorSearch::Missing);
        unread.push(b"e");
        assert_eq!(unread.find(b"\n", 5), SeparatorSearch::Beyond);
    }
}
