//! What has arrived and was not taken yet: cut by length, by line or by any separator.

/// Bytes in the order they came. Holds no memory when it is empty.
#[derive(Default)]
pub struct Unread {
    data: Vec<u8>,
    /// How much of the front is gone.
    start: usize,
    /// Up to where (from the start) a search has found nothing.
    searched: usize,
    /// What was searched for then.
    sought: Box<[u8]>,
    /// How many bytes all searches have looked at.
    #[cfg(test)]
    looked: usize,
}

/// Where a separator was found, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// It ends here.
    Ends(usize),
    /// Not yet.
    Missing,
    /// It begins beyond the limit, or cannot begin before it any more.
    Beyond,
}

impl Unread {
    /// Appends what has come.
    pub fn push(&mut self, data: &[u8]) {
        if self.start > 0 && self.start >= self.data.len() / 2 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        self.data.extend_from_slice(data);
    }

    /// How much there is.
    pub fn len(&self) -> usize {
        self.data.len() - self.start
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All there is.
    pub fn bytes(&self) -> &[u8] {
        &self.data[self.start..]
    }

    /// Looks for `separator`, which with what is before it may be `limit` bytes long. Each byte is
    /// looked at once, however often this is asked.
    pub fn find(&mut self, separator: &[u8], limit: usize) -> Search {
        let length = separator.len();
        if *self.sought != *separator {
            self.sought = separator.into();
            self.searched = 0;
        }
        let all = &self.data[self.start..];
        // What was the beginning of one may be whole by now.
        let from = self.searched.saturating_sub(length.saturating_sub(1));
        #[cfg(test)]
        {
            self.looked += all.len() - from;
        }
        match memchr::memmem::find(&all[from..], separator) {
            Some(at) if from + at + length <= limit => Search::Ends(from + at + length),
            Some(_) => Search::Beyond,
            None if all.len() >= limit => Search::Beyond,
            None => {
                self.searched = all.len();
                Search::Missing
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
        assert_eq!(unread.find(b"\r\n", 100), Search::Missing);
        unread.push(b"\ntwo\r\n");
        assert_eq!(unread.find(b"\r\n", 100), Search::Ends(5));
        unread.consume(5);
        assert_eq!(unread.find(b"\r\n", 100), Search::Ends(5));
        assert_eq!(unread.find(b"\n", 100), Search::Ends(5));
        assert_eq!(unread.find(b"three", 100), Search::Missing);
        assert_eq!(unread.find(b"two\r\n", 100), Search::Ends(5));
    }

    #[test]
    fn each_byte_is_looked_at_once_however_long_the_separator_is() {
        for separator in [&b"\n"[..], b"\r\n", b"------a long boundary------"] {
            let mut unread = Unread::default();
            for _ in 0..50_000 {
                unread.push(b"-");
                assert_eq!(unread.find(separator, 1 << 20), Search::Missing);
            }
            assert!(unread.looked <= 50_000 * separator.len());
            unread.push(separator);
            assert_eq!(
                unread.find(separator, 1 << 20),
                Search::Ends(50_000 + separator.len())
            );
        }
    }

    #[test]
    fn limits_hold_with_and_without_separator() {
        let mut unread = Unread::default();
        unread.push(b"abc\n");
        assert_eq!(unread.find(b"\n", 4), Search::Ends(4));
        assert_eq!(unread.find(b"\n", 3), Search::Beyond);
        let mut unread = Unread::default();
        unread.push(b"abcd");
        assert_eq!(unread.find(b"\n", 5), Search::Missing);
        unread.push(b"e");
        assert_eq!(unread.find(b"\n", 5), Search::Beyond);
    }
}
