//! Buckets in the hands of the filter's code: taken from a stream one by one, to be read, or sent on as they are.

use std::collections::{HashMap, HashSet};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::stream::Stream;
use crate::httpd::apr::brigade_data;
use crate::httpd::apr::bucket;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// A handle by which the filter's code holds a bucket. When its last clone is dropped, on any thread, the bucket is
/// released by the next call of the filter.
#[derive(Clone)]
pub struct Token(Arc<Handle>);

struct Handle {
    number: u64,
    dropped: Dropped,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.push(self.number);
    }
}

/// The numbers of dropped tokens. Any thread may drop one; it locks the list for a few instructions.
type Dropped = Arc<Mutex<Vec<u64>>>;

/// The next bucket of a stream.
pub enum NextBucket {
    /// Data, in the hands of the filter's code now.
    Data(Token),
    /// Metadata of this type; it keeps its place and goes on by itself.
    Metadata(String),
    /// Nothing more for now.
    Pause,
}

/// The properties of a bucket.
pub struct BucketProperties {
    /// Its type: `HEAP`, `FILE` …
    pub kind: String,
    /// Its length in bytes; `None` if that is known only when it is read.
    pub length: Option<usize>,
    /// The path of its file, and the offset in bytes where the bucket begins.
    pub file: Option<(Vec<u8>, u64)>,
}

/// The buckets of one stream that are in the hands of the filter's code. They stand in the ring of the original
/// buckets, in the order of the stream, whether these are kept or not.
#[derive(Default)]
pub(in crate::httpd) struct TakenBuckets {
    /// The buckets by the numbers of their tokens; no number is used again.
    taken: HashMap<u64, NonNull<ffi::apr_bucket>>,
    dropped: Dropped,
    numbers: u64,
    /// The number of the last bucket in the ring, and the count of events when it was taken.
    newest: Option<(u64, u64)>,
}

impl TakenBuckets {
    fn new_token(&mut self) -> Token {
        self.numbers += 1;
        Token(Arc::new(Handle {
            number: self.numbers,
            dropped: self.dropped.clone(),
        }))
    }

    /// The bucket of a token, if it is of this stream and the filter's code still has it.
    fn bucket(&self, token: &Token) -> Option<NonNull<ffi::apr_bucket>> {
        if !Arc::ptr_eq(&token.0.dropped, &self.dropped) {
            return None;
        }
        self.taken.get(&token.0.number).copied()
    }

    /// The buckets that the filter's code holds.
    pub(in crate::httpd) fn buckets(&self) -> HashSet<NonNull<ffi::apr_bucket>> {
        self.taken.values().copied().collect()
    }

    /// Forgets the tokens that the filter's code dropped; returns their buckets.
    fn take_dropped(&mut self) -> Vec<NonNull<ffi::apr_bucket>> {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = &mut self.taken;
        dropped
            .drain(..)
            .filter_map(|number| taken.remove(&number))
            .collect()
    }

    /// Forgets the tokens that the filter's code dropped.
    pub(in crate::httpd) fn forget_dropped(&mut self) {
        self.take_dropped();
    }

    /// Forgets all tokens: their buckets go on with the original buckets.
    pub(in crate::httpd) fn forget(&mut self) {
        self.taken.clear();
    }
}

impl Stream {
    /// Takes the first bucket, of whatever kind. `None`: there is none.
    pub(in crate::httpd) fn take_bucket(&mut self) -> Option<NextBucket> {
        loop {
            let kind = self.meaning(self.incoming.front()?);
            if kind != BucketKind::Data {
                let name = self
                    .incoming
                    .all()
                    .first()
                    .map(bucket_name)
                    .unwrap_or_default();
                match kind {
                    BucketKind::Flush => self.take_flush(),
                    BucketKind::End => self.take_end(),
                    _ => self.take_mark(),
                }
                return Some(NextBucket::Metadata(name));
            }
            let bucket = self.incoming.remove_front()?;
            if bucket.length() == Some(0) {
                continue;
            }
            let token = self.taken_buckets.new_token();
            self.traffic.taken += bucket.length().unwrap_or(0);
            self.took();
            self.keep_taken(bucket, token.clone());
            return Some(NextBucket::Data(token));
        }
    }

    /// Keeps a bucket for the filter's code, behind all that are kept already.
    fn keep_taken(&mut self, bucket: Bucket, token: Token) {
        self.let_go_of_dropped();
        let number = token.0.number;
        self.taken_buckets.taken.insert(number, bucket.raw());
        self.taken_buckets.newest = Some((number, self.taken));
        let memory = bucket.memory();
        self.keep(bucket, memory);
    }

    /// Destroys the buckets that the filter's code took and dropped.
    pub(in crate::httpd) fn let_go_of_dropped(&mut self) {
        let kept = self.rollback.are_kept();
        for raw in self.taken_buckets.take_dropped() {
            if !kept {
                // SAFETY: it stands in the ring, and its token is gone.
                drop(unsafe { self.rollback.ring().remove(raw) });
            }
        }
    }

    /// The properties of a token's bucket. `None`: the filter's code does not have it any more.
    pub fn about(&self, token: &Token) -> Option<BucketProperties> {
        let raw = self.taken_buckets.bucket(token)?;
        Some(BucketProperties {
            kind: bucket_name(raw),
            // SAFETY: a live bucket of this stream.
            length: unsafe { bucket::length(raw.as_ptr()) },
            // SAFETY: as above.
            file: unsafe { bucket::file(raw.as_ptr()) },
        })
    }

    /// Puts the token's bucket back to the front of what is unread, if it was taken last: a long one, or
    /// one of unknown length, is then read piece by piece. `false`: others were taken since.
    pub fn put_back(&mut self, token: &Token) -> bool {
        let Some(raw) = self.taken_buckets.bucket(token) else {
            return false;
        };
        if self.taken_buckets.newest != Some((token.0.number, self.taken)) {
            return false;
        }
        self.taken_buckets.taken.remove(&token.0.number);
        // SAFETY: the buckets of the filter's code stand in this ring, and this one is not used any more.
        self.ahead
            .append(unsafe { self.rollback.ring().remove(raw) });
        self.unpeek();
        true
    }

    /// Takes the piece at hand as this token's bucket, after [`Self::put_back`] and a load that
    /// returned `length`.
    pub fn take_again(&mut self, token: &Token, length: usize) {
        let piece = match length {
            0 => Bucket::owning(Bytes::new(), self.incoming.all()),
            _ => match self.incoming.remove_front() {
                Some(piece) => piece,
                None => return,
            },
        };
        self.keep_taken(piece, token.clone());
    }

    /// The bytes of a whole bucket. Reads and waits for those that are not in memory. Empty if the filter's code does
    /// not have the bucket any more. The error `NO_MEMORY` means that it has more than `most` bytes, or more than there
    /// is memory for.
    pub fn bytes_of(&mut self, token: &Token, most: usize) -> Result<Bytes, Error> {
        let Some(raw) = self.taken_buckets.bucket(token) else {
            return Ok(Bytes::new());
        };
        // SAFETY: a live bucket of this stream.
        if unsafe { bucket::length(raw.as_ptr()) }.is_some_and(|length| length > most) {
            return Err(Error::NO_MEMORY);
        }
        let ring = self.rollback.ring();
        // A read leaves the rest of a long bucket behind it: a mark shows where the last rest ends.
        let mark = Bucket::flush(ring.all());
        let end = mark.insert_after(raw);
        let mut data = Vec::new();
        let mut at = Some(raw);
        let mut result = Ok(());
        while let Some(part) = at.filter(|part| *part != end && result.is_ok()) {
            // SAFETY: a bucket of this ring; the bytes are copied at once.
            result = unsafe { bucket::read(part.as_ptr(), true) }.and_then(|bytes| {
                match data.len() + bytes.len() <= most {
                    true => brigade_data::extend(&mut data, bytes),
                    false => Err(Error::NO_MEMORY),
                }
            });
            at = ring.all().after(part);
        }
        let data = Bytes::from(data);
        // After an error, the buckets that the read has made stay where they are: pass_on() can still send them.
        while let Some(part) = ring
            .all()
            .after(raw)
            .filter(|part| *part != end && result.is_ok())
        {
            // SAFETY: a part that reading has made; no other code knows it.
            drop(unsafe { ring.remove(part) });
        }
        if result.is_ok() {
            // SAFETY: a live bucket of this ring.
            let own = unsafe { bucket::length(raw.as_ptr()) };
            if own != Some(data.len()) {
                let whole = Bucket::owning(data.clone(), ring.all());
                let whole = whole.insert_after(raw);
                self.taken_buckets.taken.insert(token.0.number, whole);
                // SAFETY: its bytes are in the new one.
                drop(unsafe { ring.remove(raw) });
            }
        }
        // SAFETY: made above.
        drop(unsafe { ring.remove(end) });
        result.map(|()| data)
    }

    /// Cuts a bucket of known length behind `point` bytes; returns a token of its rest. `None`: there is
    /// no rest.
    pub fn split_bucket(&mut self, token: &Token, point: usize) -> Result<Option<Token>, Error> {
        let Some(raw) = self.taken_buckets.bucket(token) else {
            return Ok(None);
        };
        // SAFETY: a live bucket of this stream.
        if unsafe { bucket::length(raw.as_ptr()) }.is_some_and(|length| point >= length) {
            return Ok(None);
        }
        // SAFETY: as above.
        Error::check(unsafe { ffi::mp_bucket_split(raw.as_ptr(), point) })?;
        let Some(rest) = self.rollback.ring().all().after(raw) else {
            return Ok(None);
        };
        let new = self.taken_buckets.new_token();
        self.taken_buckets.taken.insert(new.0.number, rest);
        if let Some((newest, _)) = &mut self.taken_buckets.newest {
            if *newest == token.0.number {
                *newest = new.0.number;
            }
        }
        Ok(Some(new))
    }

    /// Writes a bucket as it is. `false`: the filter's code does not have it any more.
    pub fn write_bucket(&mut self, token: &Token) -> bool {
        if self.taken_buckets.bucket(token).is_none() {
            return false;
        }
        self.begin_yielding();
        let Some(raw) = self.taken_buckets.bucket(token) else {
            return false;
        };
        self.taken_buckets.taken.remove(&token.0.number);
        // SAFETY: a live bucket of this stream.
        let length = unsafe { bucket::length(raw.as_ptr()) };
        // SAFETY: it stands in this ring, and the filter's code has yielded it.
        self.outgoing
            .append(unsafe { self.rollback.ring().remove(raw) });
        self.wrote(length.unwrap_or(0));
        self.unmeasured |= length.is_none();
        true
    }
}

fn bucket_name(raw: NonNull<ffi::apr_bucket>) -> String {
    // SAFETY: a live bucket of a stream.
    unsafe { bucket::name(raw.as_ptr()) }
}

#[cfg(test)]
mod tests {
    use crate::httpd::filter::queue::tests::{arrive, take_bucket, with_stream};

    #[test]
    fn dropped_buckets_are_let_go_and_others_are_not() {
        with_stream(0, |stream, pool| {
            arrive(stream, b"a");
            let first = take_bucket(stream);
            stream.set_aside(pool).unwrap();
            for _ in 0..10 {
                arrive(stream, b"b");
                let other = take_bucket(stream);
                stream.set_aside(pool).unwrap();
                drop(other);
            }
            stream.set_aside(pool).unwrap();
            assert_eq!(stream.rollback.ring().all().kinds().count(), 1);
            assert_eq!(&*stream.bytes_of(&first, 9).unwrap(), b"a");
        });
    }
}
