//! What is stored of a value in a shared cache: the number of the write, a checksum, when it expires, its kind, and its
//! bytes.

/// The bytes in front of a value.
pub const HEADER: usize = 17;
/// The longest key in bytes: memcached and redis get twice as many digits, and take 250.
pub const LONGEST_KEY: usize = 100;
/// The bytes in front of a key in what providers call the id. shmcb refuses shorter ids, and chooses by the first byte
/// in which part of its memory an entry is, so that it must differ between keys that begin alike.
pub const HASH: usize = 4;

/// What the bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachedKind {
    /// Bytes, as they are.
    Bytes,
    /// A text of JSON.
    Json,
}

impl CachedKind {
    const fn tag(self) -> u8 {
        match self {
            Self::Bytes => b'b',
            Self::Json => b'j',
        }
    }
}

/// A value that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct CacheRecord<'a> {
    /// What its bytes are.
    pub kind: CachedKind,
    /// When it expires, in microseconds since 1970.
    pub expires: i64,
    /// Its bytes.
    pub value: &'a [u8],
}

impl<'a> CacheRecord<'a> {
    /// The bytes that are stored for the id, as those of write number 0.
    pub fn encode(&self, id: &[u8]) -> Vec<u8> {
        let mut record = Vec::with_capacity(HEADER + self.value.len());
        record.extend([0; 8]);
        record.extend(self.expires.to_le_bytes());
        record.push(self.kind.tag());
        record.extend(self.value);
        let sum = checksum(&[id, &record[8..]]);
        record[4..8].copy_from_slice(&sum.to_le_bytes());
        record
    }

    /// The value of stored bytes; `None` if they were not stored for this id by `encode`, or are not whole.
    pub fn decode(id: &[u8], record: &'a [u8]) -> Option<Self> {
        let (_, summed) = record.split_first_chunk::<4>()?;
        let (sum, rest) = summed.split_first_chunk::<4>()?;
        let (expires, tagged) = rest.split_first_chunk::<8>()?;
        let (tag, value) = tagged.split_first()?;
        let kind = match *tag {
            b'b' => CachedKind::Bytes,
            b'j' => CachedKind::Json,
            _ => return None,
        };
        (u32::from_le_bytes(*sum) == checksum(&[id, rest])).then_some(Self {
            kind,
            expires: i64::from_le_bytes(*expires),
            value,
        })
    }

    /// Sets the number of the write in stored bytes.
    pub fn set_write(record: &mut [u8], number: u32) {
        if let Some(place) = record.first_chunk_mut::<4>() {
            *place = number.to_le_bytes();
        }
    }

    /// The number of the write in stored bytes.
    pub fn write_of(record: &[u8]) -> Option<u32> {
        Some(u32::from_le_bytes(*record.first_chunk::<4>()?))
    }

    /// The value as a number, if it is JSON's text of an integer of 64 bits.
    pub fn number(&self) -> Option<i64> {
        let text = std::str::from_utf8(self.value).ok();
        text.filter(|_| self.kind == CachedKind::Json)?.parse().ok()
    }
}

/// The id of a key, for providers. It is the same in all processes and on all machines.
pub fn id_of(key: &[u8]) -> Vec<u8> {
    let mut id = Vec::with_capacity(HASH + key.len());
    id.extend(checksum(&[key]).to_le_bytes());
    id.extend(key);
    id
}

/// A number that tells different bytes apart, unless somebody chooses them to have the same. It reads eight bytes a
/// step, as FxHash does, and mixes the bits at the end, as MurmurHash3 does.
fn checksum(parts: &[&[u8]]) -> u32 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let mut sum = 0_u64;
    let mut add = |word: u64| sum = (sum.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    for part in parts {
        let chunks = part.chunks_exact(8);
        let rest = chunks.remainder();
        chunks.for_each(|chunk| add(u64::from_le_bytes(chunk.try_into().expect("eight bytes"))));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        add(u64::from_le_bytes(last));
        add(part.len() as u64);
    }
    sum ^= sum >> 33;
    sum = sum.wrapping_mul(0xff51_afd7_ed55_8ccd);
    (sum ^ (sum >> 33)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &[u8]) -> CacheRecord<'_> {
        CacheRecord {
            kind: CachedKind::Json,
            expires: -5,
            value,
        }
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        for length in [0, 1, 7, 8, 9, 1000] {
            let value = vec![0xff; length];
            let given = CacheRecord {
                kind: CachedKind::Bytes,
                expires: 1 << 50,
                value: &value,
            };
            let record = given.encode(b"id");
            assert_eq!(record.len(), HEADER + length);
            assert_eq!(CacheRecord::decode(b"id", &record), Some(given));
        }
    }

    #[test]
    fn what_is_not_whole_is_no_value() {
        let record = json(b"[1, 2, 3, 4, 5]").encode(b"id");
        assert_eq!(CacheRecord::decode(b"other", &record), None);
        for cut in 0..record.len() {
            assert_eq!(CacheRecord::decode(b"id", &record[..cut]), None);
            let mut torn = record.clone();
            torn[cut] ^= 1;
            // The number of the write is no part of the value.
            assert_eq!(CacheRecord::decode(b"id", &torn).is_some(), cut < 4);
        }
        let mut later = record.clone();
        CacheRecord::set_write(&mut later, 7);
        assert_eq!(CacheRecord::write_of(&later), Some(7));
        assert_eq!(
            CacheRecord::decode(b"id", &later),
            CacheRecord::decode(b"id", &record)
        );
        assert_eq!(
            CacheRecord::decode(b"id", b"somebody else wrote this"),
            None
        );
    }

    #[test]
    fn numbers_are_texts_of_json() {
        assert_eq!(json(b"-12").number(), Some(-12));
        assert_eq!(json(b"1.0").number(), None);
        assert_eq!(json(b"true").number(), None);
        assert_eq!(json(b"9223372036854775808").number(), None);
        let bytes = CacheRecord {
            kind: CachedKind::Bytes,
            ..json(b"12")
        };
        assert_eq!(bytes.number(), None);
    }

    #[test]
    fn ids_spread_over_the_parts_of_a_cache() {
        let firsts: std::collections::BTreeSet<_> = (0..2000)
            .map(|number| id_of(format!("user:{number}").as_bytes())[0])
            .collect();
        assert!(firsts.len() > 250);
        assert_eq!(id_of(b"hits"), id_of(b"hits"));
        assert_eq!(&id_of(b"hits")[HASH..], b"hits");
        // A file of dbm and a redis keep entries for later versions of the module.
        assert_eq!(id_of(b"hits")[..HASH], PINNED);
    }

    /// The hash of "hits".
    const PINNED: [u8; 4] = [243, 243, 109, 208];
}
