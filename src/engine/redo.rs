//! What a process is about to store in a shared cache, in memory that all processes share: where it dies in the midst
//! of that, the next one that takes the cache's lock does it again, so that neither the old nor the new value is lost.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// How many words of eight bytes are kept. Of what is longer it is only known that it may be missing.
const WORDS: usize = 1024;
/// The length of an id that stands for an entry which was too long.
const TOO_LONG: usize = usize::MAX;

/// One entry that is being stored; the lock of its cache guards it.
pub struct Redo {
    /// The length of the id; 0 while nothing is stored.
    id: AtomicUsize,
    record: AtomicUsize,
    expires: AtomicI64,
    words: [AtomicU64; WORDS],
}

impl Default for Redo {
    fn default() -> Self {
        Self {
            id: AtomicUsize::new(0),
            record: AtomicUsize::new(0),
            expires: AtomicI64::new(0),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

/// What a process has left that died in the midst of a store.
#[derive(Debug, PartialEq, Eq)]
pub enum LeftEntry {
    /// An entry to store again: its id, its bytes, and when it expires.
    Whole(Vec<u8>, Vec<u8>, i64),
    /// An entry whose bytes are not known.
    TooLong,
}

impl Redo {
    /// Notes what is going to be stored.
    pub fn begin(&self, id: &[u8], record: &[u8], expires: i64) {
        if id.len() + record.len() > WORDS * 8 {
            self.id.store(TOO_LONG, Ordering::Release);
            return;
        }
        let bytes = [id, record].concat();
        for (place, chunk) in self.words.iter().zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            place.store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        self.record.store(record.len(), Ordering::Relaxed);
        self.expires.store(expires, Ordering::Relaxed);
        // Last: the entry counts from here on.
        self.id.store(id.len(), Ordering::Release);
    }

    /// Notes that it is stored.
    pub fn end(&self) {
        self.id.store(0, Ordering::Release);
    }

    /// What was begun and has no end. Called with the cache's lock, so its process is dead.
    pub fn left(&self) -> Option<LeftEntry> {
        match self.id.load(Ordering::Acquire) {
            0 => None,
            id => Some(self.read(id)),
        }
    }

    #[cold]
    fn read(&self, id: usize) -> LeftEntry {
        let record = self.record.load(Ordering::Relaxed);
        if id == TOO_LONG || id.saturating_add(record) > WORDS * 8 {
            return LeftEntry::TooLong;
        }
        let words = self.words.iter().take((id + record).div_ceil(8));
        let mut bytes: Vec<_> = words
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes())
            .collect();
        bytes.truncate(id + record);
        let record = bytes.split_off(id);
        LeftEntry::Whole(bytes, record, self.expires.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_left() {
        let redo = Redo::default();
        assert_eq!(redo.left(), None);
        for length in [0, 1, 8, 100, WORDS * 8 - 3] {
            let record = vec![7; length];
            redo.begin(b"abc", &record, 9);
            assert_eq!(
                redo.left(),
                Some(LeftEntry::Whole(b"abc".to_vec(), record, 9))
            );
        }
        redo.begin(b"abc", &[0; WORDS * 8], 9);
        assert_eq!(redo.left(), Some(LeftEntry::TooLong));
        redo.end();
        assert_eq!(redo.left(), None);
    }
}
