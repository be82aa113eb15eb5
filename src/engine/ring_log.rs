//! What was written to a cache of shmcb, in the order of writing. Each part of its memory is a ring: what is written
//! again takes new room, and what is oldest is dropped when a new entry needs its room, even if it is still wanted and
//! most of the ring is not. So entries that come near that end are written again, as long as they are wanted. This says
//! which ones are next.

use std::sync::atomic::{AtomicU64, Ordering};

use super::cache_record::{HASH, LONGEST_KEY};

/// The words of a slot: the sum of the bytes before it and the length of its id, and the id.
const SLOT: usize = 1 + (HASH + LONGEST_KEY).div_ceil(8);
/// The words in front of the slots of a part: how many entries were written, the sum of their bytes, and how many of
/// them were looked at.
const HEAD: usize = 3;
/// The bytes of the index of an entry, and those at the beginning of a part, as mod_socache_shmcb has them.
const INDEX: usize = 24;
const PART_HEAD: usize = 16;
/// The bytes of the length of an id, in the first word of a slot.
const LENGTH_BITS: u32 = 16;

/// The shape of a cache of shmcb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingShape {
    /// How many parts there are: a power of two. The first byte of an id says which one is its.
    rings: usize,
    /// How many entries a part has at most.
    slots: usize,
    /// How many bytes the ids and records of a part have at most.
    bytes: usize,
}

impl RingShape {
    /// The shape of a cache of this size in bytes, whose largest entry has so many.
    pub fn of(memory: usize, largest: usize) -> Self {
        // A part has the room for the largest entry, and less than half as much for its index.
        let most = (memory / largest.max(1)).clamp(1, 256);
        let rings = 1 << most.ilog2();
        let index = (memory / rings).saturating_sub(largest + PART_HEAD);
        Self {
            rings,
            // The header of the cache is in this number, too.
            slots: (index / INDEX).saturating_sub(2).max(2),
            bytes: largest,
        }
    }

    /// How many words its log has.
    pub fn words(&self) -> usize {
        self.rings * self.part()
    }

    fn part(&self) -> usize {
        HEAD + self.slots * SLOT
    }
}

/// The log, in memory that all processes share; the lock of the cache guards it.
pub struct RingLog<'a> {
    shape: RingShape,
    words: &'a [AtomicU64],
}

impl<'a> RingLog<'a> {
    /// The log in these words, of which there are `shape.words()`; all of them are 0 at first.
    pub fn new(shape: RingShape, words: &'a [AtomicU64]) -> Self {
        Self { shape, words }
    }

    /// Notes that an entry is going to be written. Returns the number of the write, which tells it from an earlier and a
    /// later one of the same id.
    pub fn append(&self, id: &[u8], record: usize) -> u64 {
        let part = self.part_of(id);
        let [written, sum, _] = head(part);
        let count = written.load(Ordering::Relaxed);
        let before = sum.load(Ordering::Relaxed);
        let slot = self.slot(part, count);
        slot[0].store((before << LENGTH_BITS) | id.len() as u64, Ordering::Relaxed);
        for (place, chunk) in slot[1..].iter().zip(id.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            place.store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        sum.store(before + (id.len() + record) as u64, Ordering::Relaxed);
        // Last: the slot counts from here on.
        written.store(count + 1, Ordering::Release);
        count
    }

    /// The oldest entry in the part of `id` that was not looked at, if its number is below `end` and it has come half of
    /// the way to the end of the ring: its id and its number. It may have been removed or written again.
    pub fn next_old(&self, id: &[u8], end: u64) -> Option<(Vec<u8>, u64)> {
        let part = self.part_of(id);
        let [written, sum, looked_at] = head(part);
        let count = written.load(Ordering::Acquire);
        // What is further behind has no slot any more, and was dropped.
        let first = count.saturating_sub(self.shape.slots as u64);
        let at = looked_at.load(Ordering::Relaxed).max(first);
        if at >= count.min(end) {
            return None;
        }
        let slot = self.slot(part, at);
        let noted = slot[0].load(Ordering::Relaxed);
        let bytes = (sum.load(Ordering::Relaxed) << LENGTH_BITS).wrapping_sub(noted) >> LENGTH_BITS;
        let is_near =
            count - at > self.shape.slots as u64 / 2 || bytes > self.shape.bytes as u64 / 2;
        if !is_near {
            return None;
        }
        looked_at.store(at + 1, Ordering::Relaxed);
        let length = (noted & ((1 << LENGTH_BITS) - 1)) as usize;
        let words = slot[1..].iter();
        let mut id: Vec<_> = words
            .flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes())
            .collect();
        id.truncate(length);
        Some((id, at))
    }

    fn part_of(&self, id: &[u8]) -> &'a [AtomicU64] {
        let number = usize::from(id.first().copied().unwrap_or(0)) & (self.shape.rings - 1);
        let length = self.shape.part();
        &self.words[number * length..][..length]
    }

    fn slot(&self, part: &'a [AtomicU64], number: u64) -> &'a [AtomicU64] {
        let index = (number % self.shape.slots as u64) as usize;
        &part[HEAD + index * SLOT..][..SLOT]
    }
}

fn head(part: &[AtomicU64]) -> [&AtomicU64; HEAD] {
    std::array::from_fn(|index| &part[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeroes(shape: RingShape) -> Vec<AtomicU64> {
        (0..shape.words()).map(|_| AtomicU64::new(0)).collect()
    }

    const SMALL: RingShape = RingShape {
        rings: 2,
        slots: 8,
        bytes: 1000,
    };

    #[test]
    fn the_oldest_come_when_the_ring_is_half_full() {
        let words = zeroes(SMALL);
        let log = RingLog::new(SMALL, &words);
        for number in 0..4_u8 {
            assert_eq!(log.append(&[0, number], 10), u64::from(number));
            assert_eq!(log.next_old(&[0], 99), None);
        }
        log.append(&[2, 4], 10);
        assert_eq!(log.next_old(&[0], 0), None);
        assert_eq!(log.next_old(&[0], 99), Some((vec![0, 0], 0)));
        assert_eq!(log.next_old(&[0], 99), None);
        // The other part has nothing.
        assert_eq!(log.next_old(&[1], 99), None);
        let long = [0; HASH + LONGEST_KEY];
        log.append(&long, 390);
        assert_eq!(log.next_old(&[0], 99), Some((vec![0, 1], 1)));
        // Two of them have more than half of the bytes.
        log.append(&long, 390);
        for number in 2..5 {
            let found = log.next_old(&[0], 99);
            assert_eq!(found.map(|(_, at)| at), Some(number));
        }
        assert_eq!(log.next_old(&[0], 5), None);
        assert_eq!(log.next_old(&[0], 6), Some((long.to_vec(), 5)));
        assert_eq!(log.next_old(&[0], 99), None);
    }

    #[test]
    fn what_has_no_slot_any_more_is_left_out() {
        let words = zeroes(SMALL);
        let log = RingLog::new(SMALL, &words);
        for number in 0..100 {
            log.append(&[1, number], 1);
        }
        assert_eq!(log.next_old(&[1], 99), Some((vec![1, 92], 92)));
    }

    #[test]
    fn the_shape_follows_from_the_largest_entry() {
        // As mod_socache_shmcb lays a cache of 512 KB out for entries of 512 bytes.
        let shape = RingShape::of(512 << 10, 31216);
        assert_eq!((shape.rings, shape.bytes), (16, 31216));
        assert!((58..=63).contains(&shape.slots), "{shape:?}");
        assert_eq!(RingShape::of(8192, 3000).rings, 2);
        assert_eq!(RingShape::of(1 << 30, 4_000_000).rings, 256);
        assert_eq!(RingShape::of(0, 0).rings, 1);
    }
}
