//! Neighbouring data at the front of a stream that can be read without waiting: a plain function reads it at once.

use super::stream::Stream;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::status::Error;

impl Stream {
    /// Whether data stands directly behind the piece at hand.
    pub fn has_neighbour(&self) -> bool {
        let all = self.incoming.all();
        let next = all.first().and_then(|first| all.after(first));
        // SAFETY: a bucket of this ring.
        next.is_some_and(|raw| unsafe { bucket::kind_of(raw.as_ptr()) } == BucketKind::Data)
    }

    /// Reads the data behind the piece at hand into memory, up to `limit` bytes together with it: until metadata stands
    /// there, or a slow source would have to be waited for. Returns the length of all in bytes.
    pub fn join(&mut self, limit: usize) -> usize {
        let mut total = self.chunk().len();
        let all = self.incoming.all();
        let mut last = all.first();
        while let Some(raw) = last.filter(|_| total < limit).and_then(|at| all.after(at)) {
            // SAFETY: a bucket of this ring.
            if unsafe { bucket::kind_of(raw.as_ptr()) } != BucketKind::Data {
                break;
            }
            // SAFETY: as above; only the length of its data is used. The next read meets an error.
            let Ok(length) = unsafe { bucket::read(raw.as_ptr(), false) }.map(<[u8]>::len) else {
                break;
            };
            let left = limit - total;
            // SAFETY: as above; it is in memory, so its rest becomes the bucket behind it.
            if length > left && unsafe { ffi::mp_bucket_split(raw.as_ptr(), left) } != 0 {
                break;
            }
            total += length.min(left);
            last = Some(raw);
        }
        total
    }

    /// Copies the first bytes, which [`Self::join`] has read, into `target`.
    pub fn copy_joined(&self, target: &mut [u8]) {
        let all = self.incoming.all();
        let (mut at, mut filled) = (all.first(), 0);
        while let Some(raw) = at.filter(|_| filled < target.len()) {
            // SAFETY: a bucket of this ring, in memory; the bytes are copied at once.
            let data = unsafe { bucket::read(raw.as_ptr(), true) }.unwrap_or_default();
            let end = target.len().min(filled + data.len());
            target[filled..end].copy_from_slice(&data[..end - filled]);
            filled = end;
            at = all.after(raw);
        }
    }

    /// Removes the first `length` bytes, which [`Self::join`] has read.
    pub fn take_joined(&mut self, length: usize) -> Result<(), Error> {
        let mut left = length;
        while left > 0 {
            match self.chunk().len().min(left) {
                0 => drop(self.incoming.remove_front()),
                piece => {
                    self.take(piece)?;
                    left -= piece;
                }
            }
        }
        // It is a part of what was read, so it cannot be written back in place of that.
        self.last = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::httpd::filter::queue::tests::{arrive, assert_linear, random, with_stream};

    #[test]
    fn joining_visits_each_piece_a_few_times() {
        assert_linear(|pieces| {
            with_stream(0, |stream, _| {
                (0..pieces).for_each(|_| arrive(stream, b"x"));
                let mut left = pieces;
                while left > 0 {
                    stream.load(100, true).unwrap();
                    let length = stream.join(100);
                    assert_eq!(length, left.min(100));
                    let mut bytes = vec![0; length];
                    stream.copy_joined(&mut bytes);
                    stream.take_joined(length).unwrap();
                    left -= length;
                }
            });
        });
    }

    #[test]
    fn what_is_joined_is_what_stands_before_the_metadata() {
        let mut chance = random(5);
        for _ in 0..300 {
            with_stream(0, |stream, _| {
                let mut expected = Vec::new();
                for number in 0..chance(6) {
                    let piece = vec![number as u8; chance(5) as usize];
                    expected.extend_from_slice(&piece);
                    stream.incoming.all().append_lone_copy(&piece);
                }
                stream.incoming.all().append_flush();
                arrive(stream, b"x");
                let limit = 1 + chance(20) as usize;
                let mut read = Vec::new();
                while read.len() < expected.len() {
                    if stream.load(limit, true).unwrap() == 0 {
                        continue;
                    }
                    let length = stream.join(limit);
                    assert_eq!(length, limit.min(expected.len() - read.len()));
                    let start = read.len();
                    read.resize(start + length, 0);
                    stream.copy_joined(&mut read[start..]);
                    stream.take_joined(length).unwrap();
                }
                assert_eq!(read, expected);
            });
        }
    }
}
