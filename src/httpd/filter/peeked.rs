//! The bytes of a brigade that were peeked at and stay unread: a copy of them, and the bucket up to which
//! they reach. However many small buckets a peek needs, the next one looks only at the new ones.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use super::stream::CHUNK;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::brigade_data;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// The data of the first buckets of one brigade, all of which are in memory.
#[derive(Default)]
pub(in crate::httpd) struct Peeked {
    /// The last bucket whose data is in `bytes`; `None` if `bytes` is empty.
    last: Cell<Option<NonNull<ffi::apr_bucket>>>,
    bytes: RefCell<Vec<u8>>,
    /// How many of the first `bytes` were removed from the brigade since.
    start: Cell<usize>,
}

impl Peeked {
    /// Reads buckets of `brigade`, which stay in it, until `limit` bytes are known, or EOS. `false`: so many
    /// are not there.
    pub(in crate::httpd) fn gather(
        &self,
        brigade: &Brigade,
        limit: usize,
        block: bool,
    ) -> Result<bool, Error> {
        while self.len() < limit {
            let next = match self.last.get() {
                Some(last) => brigade.after(last),
                None => brigade.first(),
            };
            let Some(raw) = next else {
                return Ok(false);
            };
            // SAFETY: a bucket of this ring.
            match unsafe { bucket::kind_of(raw.as_ptr()) } {
                BucketKind::End => break,
                BucketKind::Data => self.add(raw, block)?,
                _ => {}
            }
            self.last.set(next);
        }
        Ok(true)
    }

    /// Adds the data of a bucket; a long one is cut behind [`CHUNK`] bytes before.
    fn add(&self, raw: NonNull<ffi::apr_bucket>, block: bool) -> Result<(), Error> {
        // SAFETY: the caller's live bucket; only the length of its data is used.
        if unsafe { bucket::read(raw.as_ptr(), block) }?.len() > CHUNK {
            // SAFETY: as above.
            Error::check(unsafe { ffi::mp_bucket_split(raw.as_ptr(), CHUNK) })?;
        }
        // SAFETY: as above; the bytes are copied at once.
        let data = unsafe { bucket::read(raw.as_ptr(), block) }?;
        brigade_data::extend(&mut self.bytes.borrow_mut(), data)
    }

    fn len(&self) -> usize {
        self.bytes.borrow().len() - self.start.get()
    }

    /// A copy of the first bytes, at most `limit` of them.
    pub(in crate::httpd) fn copy(&self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut copy = Vec::new();
        let start = self.start.get();
        let length = self.len().min(limit);
        brigade_data::extend(&mut copy, &self.bytes.borrow()[start..start + length])?;
        Ok(copy)
    }

    /// The first bucket of the brigade, which is `raw`, is about to be removed.
    pub(in crate::httpd) fn front_leaves(&self, raw: NonNull<ffi::apr_bucket>) {
        match self.last.get() {
            None => return,
            Some(last) if last == raw => return self.forget(),
            Some(_) => {}
        }
        // SAFETY: the caller's live bucket.
        if unsafe { bucket::kind_of(raw.as_ptr()) } != BucketKind::Data {
            return;
        }
        // SAFETY: as above.
        let Some(length) = (unsafe { bucket::length(raw.as_ptr()) }) else {
            return self.forget();
        };
        let start = self.start.get() + length;
        let mut bytes = self.bytes.borrow_mut();
        if start > bytes.len() {
            drop(bytes);
            return self.forget();
        }
        self.start.set(start);
        // At least half of it is removed at once, so each byte is moved at most once on average.
        if start >= CHUNK && start * 2 >= bytes.len() {
            bytes.drain(..start);
            self.start.set(0);
        }
    }

    /// The bucket `raw` was split in two, of which `rest` is the second.
    pub(in crate::httpd) fn was_split(
        &self,
        raw: NonNull<ffi::apr_bucket>,
        rest: Option<NonNull<ffi::apr_bucket>>,
    ) {
        if self.last.get() == Some(raw) {
            self.last.set(rest);
        }
    }

    /// All buckets have moved to the front of the brigade of `target`.
    pub(in crate::httpd) fn move_to(&self, target: &Self) {
        target.last.set(self.last.take());
        target.start.set(self.start.take());
        target.bytes.swap(&self.bytes);
        self.forget();
    }

    /// Buckets are about to be removed, or put in front: drops the copy.
    pub(in crate::httpd) fn forget(&self) {
        if self.last.take().is_some() || self.bytes.borrow().capacity() > 0 {
            self.start.set(0);
            self.bytes.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::httpd::filter::queue::tests::{arrive, assert_linear, random, with_stream};
    use crate::httpd::filter::stream_buckets::NextBucket;

    #[test]
    fn waiting_for_a_peek_visits_each_piece_a_few_times() {
        assert_linear(|pieces| {
            with_stream(1 << 20, |stream, pool| {
                for _ in 1..pieces {
                    arrive(stream, b"x");
                    assert_eq!(stream.peek(pieces, true), Ok(None));
                    stream.set_aside(pool).unwrap();
                }
                arrive(stream, b"y");
                let seen = stream.peek(pieces, true).unwrap().unwrap();
                assert_eq!((seen.len(), seen.last()), (pieces, Some(&b'y')));
                stream.set_aside(pool).unwrap();
                assert!(stream.incoming.all().kinds().count() == pieces);
            });
        });
    }

    #[test]
    fn peeking_again_visits_each_piece_a_few_times() {
        for flushes in [false, true] {
            assert_linear(|pieces| {
                with_stream(0, |stream, pool| {
                    for _ in 0..pieces {
                        arrive(stream, b"x");
                        if flushes {
                            stream.incoming.all().append_flush();
                        }
                    }
                    stream.incoming.all().append_end();
                    for taken in 0..pieces {
                        let there = (pieces - taken).min(500);
                        let seen = stream.peek(500, true).unwrap().unwrap();
                        assert_eq!(seen.len(), there);
                        while stream.look() == Some(BucketKind::Flush) {
                            stream.take_flush();
                        }
                        assert_eq!(stream.load(CHUNK, true), Ok(1));
                        stream.take(1).unwrap();
                        stream.set_aside(pool).unwrap();
                    }
                });
            });
        }
    }

    #[test]
    fn a_peek_shows_what_is_read_next() {
        let mut chance = random(7);
        for _ in 0..300 {
            with_stream(chance(40) as usize, |stream, pool| {
                let mut unread = Vec::new();
                let (mut next, mut token) = (0_u8, None);
                for _ in 0..80 {
                    match chance(10) {
                        0..=2 => {
                            let piece: Vec<u8> = (0..=chance(5))
                                .map(|at| next.wrapping_add(at as u8))
                                .collect();
                            next = next.wrapping_add(9);
                            unread.extend_from_slice(&piece);
                            stream.incoming.all().append_lone_copy(&piece);
                        }
                        3 => stream.incoming.all().append_flush(),
                        4 | 5 => {
                            let limit = chance(20) as usize;
                            let seen = stream.peek(limit, true).unwrap();
                            match unread.get(..limit) {
                                Some(first) => assert_eq!(seen.as_deref(), Some(first)),
                                None => assert_eq!(seen, None),
                            }
                            stream.unpeek();
                        }
                        6 if stream.look() == Some(BucketKind::Data) => {
                            let most = 1 + chance(4) as usize;
                            let loaded = stream.load(most, true).unwrap();
                            let length = 1 + chance(loaded as u32) as usize;
                            stream.take(length).unwrap();
                            unread.drain(..length);
                        }
                        7 if stream.look() == Some(BucketKind::Data) => {
                            let length = stream.incoming.all().front_length().unwrap();
                            if let Some(NextBucket::Data(new)) = stream.take_bucket() {
                                token = Some((new, unread.drain(..length).collect::<Vec<u8>>()));
                            }
                        }
                        8 => {
                            if let Some((old, bytes)) = token.take() {
                                if stream.put_back(&old) {
                                    unread.splice(..0, bytes);
                                }
                            }
                        }
                        _ => {
                            while stream.look() == Some(BucketKind::Flush) {
                                stream.take_flush();
                            }
                            stream.set_aside(pool).unwrap();
                        }
                    }
                }
            });
        }
    }
}
