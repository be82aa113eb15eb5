//! The brigades of a filter, kept over many calls. However many buckets one has, a call looks only at the
//! new ones: marks say up to which bucket all were set aside, up to which a line end was searched for, and
//! which bytes were peeked at.

use std::cell::Cell;
use std::ptr::NonNull;

use super::peeked::Peeked;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::apr::owned_brigade;
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::apr::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// The last of the first buckets that something was done to; `None`: to none. It stands in the ring: code that
/// removes a bucket moves the mark.
type Mark = Cell<Option<NonNull<ffi::apr_bucket>>>;

/// A kept brigade with its marks.
pub(in crate::httpd) struct Queue {
    held: OwnedBrigade,
    /// Up to here the buckets outlive the call that brought them.
    settled: Mark,
    /// Up to here the buckets hold no line end.
    lineless: Mark,
    /// How many bytes of the bucket behind `lineless` hold none: small pieces may still be written to that bucket.
    searched: Cell<usize>,
    /// The bytes that were looked at and stay unread.
    peeked: Peeked,
}

impl Queue {
    pub(in crate::httpd) fn new(held: OwnedBrigade) -> Self {
        Self {
            held,
            settled: Cell::new(None),
            lineless: Cell::new(None),
            searched: Cell::new(0),
            peeked: Peeked::default(),
        }
    }

    /// The brigade, to look at and append to. Buckets are removed by a method of this type or by [`Self::leaving`].
    pub(in crate::httpd) fn all(&self) -> &Brigade {
        &self.held
    }

    /// The brigade, to remove buckets from: the marks are forgotten.
    pub(in crate::httpd) fn leaving(&self) -> &Brigade {
        self.settled.set(None);
        self.peeked.forget();
        self.restart_search();
        &self.held
    }

    fn restart_search(&self) {
        self.lineless.set(None);
        self.searched.set(0);
    }

    /// The kind of the first bucket.
    pub(in crate::httpd) fn front(&self) -> Option<BucketKind> {
        self.held.front()
    }

    /// Whether there is no bucket at all.
    pub(in crate::httpd) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Appends a bucket.
    pub(in crate::httpd) fn append(&self, bucket: Bucket) {
        self.held.append(bucket);
    }

    /// Removes the first bucket and returns it.
    pub(in crate::httpd) fn remove_front(&self) -> Option<Bucket> {
        let first = self.held.first()?;
        self.peeked.front_leaves(first);
        self.pass_over(first);
        self.held.remove_front()
    }

    /// Removes the last bucket and returns it.
    pub(in crate::httpd) fn remove_back(&self) -> Option<Bucket> {
        self.peeked.forget();
        self.pass_over(self.held.last()?);
        self.held.remove_back()
    }

    /// Removes a bucket and returns it.
    ///
    /// # Safety
    /// It stands in this ring, and is not used by anybody else.
    pub(in crate::httpd) unsafe fn remove(&self, raw: NonNull<ffi::apr_bucket>) -> Bucket {
        self.peeked.forget();
        self.pass_over(raw);
        // SAFETY: the caller's promise.
        unsafe { Bucket::from_ring(raw) }
    }

    /// Cuts the first bucket behind its first `point` bytes.
    pub(in crate::httpd) fn split_front(&self, point: usize) -> Result<(), Error> {
        self.held.split_front(point)?;
        if let Some(first) = self.held.first() {
            self.peeked.was_split(first, self.held.after(first));
        }
        Ok(())
    }

    /// A copy of the first `limit` bytes of data, or of all up to EOS; they stay. `None`: so many are not there.
    pub(in crate::httpd) fn peek(
        &self,
        limit: usize,
        block: bool,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self.peeked.gather(&self.held, limit, block)? {
            true => self.peeked.copy(limit).map(Some),
            false => Ok(None),
        }
    }

    /// Moves the first bucket to the end of `target`.
    pub(in crate::httpd) fn move_front(&self, target: &Self) {
        if let Some(bucket) = self.remove_front() {
            target.append(bucket);
        }
    }

    /// Moves all buckets to the front of `target`.
    pub(in crate::httpd) fn move_before(&self, target: &Self) {
        let Some(last) = self.held.last() else {
            return;
        };
        let settled = self.settled.get();
        if settled != Some(last) {
            target.settled.set(settled);
        } else if target.settled.get().is_none() {
            target.settled.set(Some(last));
        }
        self.peeked.move_to(&target.peeked);
        target.restart_search();
        target.held.prepend_all(self.leaving());
    }

    /// Destroys all buckets.
    pub(in crate::httpd) fn clear(&self) {
        self.leaving().clear();
    }

    /// Makes every bucket outlive the call that brought it.
    pub(in crate::httpd) fn set_aside(&self, pool: &Pool) -> Result<(), Error> {
        let mut at = self.after(&self.settled);
        while let Some(raw) = at {
            // SAFETY: a bucket of this ring.
            unsafe { owned_brigade::set_aside(raw.as_ptr(), pool) }?;
            self.settled.set(at);
            at = self.held.after(raw);
        }
        Ok(())
    }

    /// Whether there is a line end in the data.
    pub(in crate::httpd) fn holds_line(&self) -> bool {
        let mut at = self.after(&self.lineless);
        while let Some(raw) = at {
            // SAFETY: a bucket of this ring.
            if unsafe { bucket::kind_of(raw.as_ptr()) } == BucketKind::Data {
                // SAFETY: as above; the bytes are looked at before it changes.
                let data = unsafe { bucket::read(raw.as_ptr(), true) }.unwrap_or_default();
                let new = data.get(self.searched.get()..).unwrap_or(data);
                if memchr::memchr(b'\n', new).is_some() {
                    return true;
                }
                self.searched.set(data.len());
            }
            at = self.held.after(raw);
            if at.is_some() {
                self.lineless.set(Some(raw));
                self.searched.set(0);
            }
        }
        false
    }

    fn after(&self, mark: &Mark) -> Option<NonNull<ffi::apr_bucket>> {
        match mark.get() {
            Some(raw) => self.held.after(raw),
            None => self.held.first(),
        }
    }

    /// A bucket is about to leave: a mark at it goes to the one before it.
    fn pass_over(&self, raw: NonNull<ffi::apr_bucket>) {
        self.searched.set(0);
        for mark in [&self.settled, &self.lineless] {
            if mark.get() == Some(raw) {
                mark.set(self.held.before(raw));
            }
        }
    }
}

#[cfg(test)]
pub(in crate::httpd) mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::httpd::apr::brigade::tests::{VISITS, with_brigade};
    use crate::httpd::filter::stream::{CHUNK, Stream};
    use crate::httpd::filter::stream_buckets::{NextBucket, Token};

    /// Pseudo-random numbers below what each call asks for: xorshift, the same in each run.
    pub(in crate::httpd) fn random(seed: u32) -> impl FnMut(u32) -> u32 {
        let mut state = seed;
        move |below| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % below
        }
    }

    /// Runs `test` with a stream of a generator that keeps `limit` bytes, and its pool.
    pub(in crate::httpd) fn with_stream(limit: usize, test: impl FnOnce(&mut Stream, &Pool)) {
        with_brigade(|brigade| {
            // SAFETY: a brigade keeps the pool it was made in.
            let pool = unsafe { (*brigade.as_ptr()).p };
            // SAFETY: the pool is live until `test` has returned.
            let pool = unsafe { Pool::from_raw(pool) };
            let mut stream = Stream::over(|| Queue::new(OwnedBrigade::beside(brigade)), false);
            stream.start_work(limit);
            test(&mut stream, pool);
        });
    }

    /// A byte that is lent for a call, as it comes from httpd.
    pub(in crate::httpd) fn arrive(stream: &Stream, byte: &'static [u8; 1]) {
        let all = stream.incoming.all();
        // SAFETY: the byte is static, and the list lives as long as the brigade.
        let lent = unsafe { ffi::apr_bucket_transient_create(byte.as_ptr().cast(), 1, all.list()) };
        all.append_raw(lent);
    }

    /// How many visits of buckets `work` makes, for each of `pieces`, over and above a few.
    fn visits(pieces: usize, work: impl FnOnce(usize)) -> usize {
        VISITS.set(0);
        work(pieces);
        VISITS.get() / pieces
    }

    pub(in crate::httpd) fn assert_linear(work: impl Fn(usize)) {
        for pieces in [1000, 10_000] {
            let each = visits(pieces, &work);
            assert!(each <= 8, "{each} visits for each of {pieces} pieces");
        }
    }

    pub(in crate::httpd) fn take_bucket(stream: &mut Stream) -> Token {
        match stream.take_bucket() {
            Some(NextBucket::Data(token)) => token,
            _ => panic!("no bucket of data"),
        }
    }

    #[test]
    fn reading_a_body_visits_each_piece_a_few_times() {
        for (limit, at_once) in [(0, 0), (100, 0), (1 << 20, 0), (0, 1), (1 << 20, 1)] {
            assert_linear(|pieces| {
                with_stream(limit, |stream, pool| {
                    (0..at_once * pieces).for_each(|_| arrive(stream, b"x"));
                    for _ in 0..pieces {
                        (at_once..1).for_each(|_| arrive(stream, b"x"));
                        assert_eq!(stream.load(CHUNK, true), Ok(1));
                        stream.take(1).unwrap();
                        stream.set_aside(pool).unwrap();
                    }
                });
            });
        }
    }

    #[test]
    fn keeping_buckets_visits_each_a_few_times() {
        for limit in [0, 1 << 20] {
            assert_linear(|pieces| {
                with_stream(limit, |stream, pool| {
                    let mut tokens = Vec::new();
                    for _ in 0..pieces {
                        arrive(stream, b"x");
                        tokens.push(take_bucket(stream));
                        stream.set_aside(pool).unwrap();
                    }
                    for token in tokens {
                        assert_eq!(&*stream.bytes_of(&token, 9).unwrap(), b"x");
                        assert!(stream.write_bucket(&token));
                        assert!(!stream.write_bucket(&token));
                    }
                    assert_eq!(stream.measure(), pieces);
                });
            });
        }
    }

    #[test]
    fn waiting_for_a_line_visits_each_piece_a_few_times() {
        assert_linear(|pieces| {
            with_stream(0, |stream, pool| {
                for _ in 0..pieces {
                    stream.outgoing.all().append_bytes(Bytes::from_static(b"x"));
                    assert!(!stream.outgoing.holds_line());
                    stream.set_aside(pool).unwrap();
                }
                stream
                    .outgoing
                    .all()
                    .append_bytes(Bytes::from_static(b"\n"));
                assert!(stream.outgoing.holds_line());
            });
        });
    }

    #[test]
    fn a_line_end_is_seen_wherever_it_is_written() {
        with_stream(0, |stream, _| {
            for piece in [&b"a"[..], b"b", b"c"] {
                stream.write_copy(piece).unwrap();
                assert!(!stream.outgoing.holds_line());
            }
            // Into the bucket that was searched already.
            stream.write_copy(b"\n").unwrap();
            assert_eq!(stream.outgoing.all().kinds().count(), 1);
            assert!(stream.outgoing.holds_line());
            assert!(stream.outgoing.holds_line());
            drop(stream.outgoing.remove_front());
            assert!(!stream.outgoing.holds_line());
            stream.write(Bytes::from(vec![b'x'; 5000])).unwrap();
            stream.write_copy(b"y").unwrap();
            assert!(!stream.outgoing.holds_line());
            drop(stream.outgoing.remove_front());
            stream.write_copy(b"z\n").unwrap();
            assert!(stream.outgoing.holds_line());
        });
    }

    #[test]
    fn nothing_that_was_lent_outlives_a_call() {
        let mut chance = random(1);
        for _ in 0..300 {
            with_stream(chance(40) as usize, |stream, pool| {
                let mut tokens = Vec::new();
                for _ in 0..60 {
                    match chance(9) {
                        0..=2 => arrive(stream, b"x"),
                        3 if stream.has_data() => {
                            stream.load(CHUNK, true).unwrap();
                            stream.take(1).unwrap();
                        }
                        4 => drop(stream.peek(chance(20) as usize, true).unwrap()),
                        5 if stream.has_data() => tokens.push(take_bucket(stream)),
                        6 if !tokens.is_empty() => {
                            let token = tokens.swap_remove(chance(tokens.len() as u32) as usize);
                            match chance(3) {
                                0 => assert!(stream.write_bucket(&token)),
                                1 => drop(stream.put_back(&token)),
                                _ => {}
                            }
                        }
                        7 => stream.unpeek(),
                        _ => {
                            stream.last = None;
                            stream.set_aside(pool).unwrap();
                            let rings = [
                                &stream.incoming,
                                &stream.outgoing,
                                &stream.ahead,
                                stream.rollback.ring(),
                            ];
                            for ring in rings {
                                let mut at = ring.all().first();
                                while let Some(raw) = at {
                                    // SAFETY: a bucket of this ring.
                                    let name = unsafe { bucket::name(raw.as_ptr()) };
                                    assert_ne!(name, "TRANSIENT");
                                    at = ring.all().after(raw);
                                }
                            }
                        }
                    }
                }
            });
        }
    }
}
