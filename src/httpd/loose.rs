//! Buckets in the author's hands: taken from a stream one by one, to be read, or sent on as they are.

use std::ptr::NonNull;
use std::sync::Arc;

use bytes::Bytes;

use super::bucket::{self, Bucket, Kind};
use super::data;
use super::stream::Stream;
use super::{Error, ffi};

/// What an author holds of a bucket. Once nobody has it any more, the bucket is let go.
#[derive(Clone, Default)]
pub struct Token(Arc<()>);

/// What comes next in a stream, bucket by bucket.
pub enum NextBucket {
    /// Data, in the author's hands now.
    Data(Token),
    /// Metadata of this type; it keeps its place and goes on by itself.
    Metadata(String),
    /// Nothing more for now.
    Pause,
}

/// What a bucket says of itself.
pub struct About {
    /// Its type: `HEAP`, `FILE` …
    pub kind: String,
    /// Bytes; None where only reading can tell.
    pub length: Option<usize>,
    /// The path of its file, and where in it the bucket begins.
    pub file: Option<(Vec<u8>, u64)>,
}

/// The buckets of one stream that are in the author's hands, in the order of the stream. They stand
/// in the ring of the originals, whether these are kept or not.
#[derive(Default)]
pub(super) struct Loose {
    taken: Vec<(Token, NonNull<ffi::apr_bucket>)>,
    /// The count of events when the newest was taken.
    newest: u64,
}

impl Loose {
    fn position(&self, token: &Token) -> Option<usize> {
        let same = |(other, _): &(Token, _)| Arc::ptr_eq(&other.0, &token.0);
        self.taken.iter().position(same)
    }

    /// Whether the author holds this bucket.
    pub(super) fn holds(&self, bucket: &Bucket) -> bool {
        let raw = bucket.raw();
        let same = |(token, other): &(Token, _)| *other == raw && Arc::strong_count(&token.0) > 1;
        self.taken.iter().any(same)
    }

    /// Forgets what the author dropped.
    pub(super) fn forget_dropped(&mut self) {
        self.taken
            .retain(|(token, _)| Arc::strong_count(&token.0) > 1);
    }

    /// All of them go on with the originals: the author has none any more.
    pub(super) fn forget(&mut self) {
        self.taken.clear();
    }
}

impl Stream {
    /// Takes what stands at the front, whatever it is. `None`: nothing does.
    pub(super) fn take_bucket(&mut self) -> Option<NextBucket> {
        loop {
            let kind = self.meaning(self.incoming.front()?);
            if kind != Kind::Data {
                let name = self.incoming.first().map(bucket_name).unwrap_or_default();
                match kind {
                    Kind::Flush => self.take_flush(),
                    Kind::End => self.take_end(),
                    _ => self.take_mark(),
                }
                return Some(NextBucket::Metadata(name));
            }
            let bucket = self.incoming.remove_front()?;
            if bucket.length() == Some(0) {
                continue;
            }
            let token = Token::default();
            self.traffic.taken += bucket.length().unwrap_or(0);
            self.took();
            self.hold(bucket, token.clone());
            return Some(NextBucket::Data(token));
        }
    }

    /// Keeps a bucket for the author, behind all others that are.
    fn hold(&mut self, bucket: Bucket, token: Token) {
        self.let_go_of_dropped();
        self.loose.taken.push((token, bucket.raw()));
        self.loose.newest = self.taken;
        let memory = bucket.memory();
        self.keep(bucket, memory);
    }

    /// Destroys what the author took, and dropped.
    pub(super) fn let_go_of_dropped(&mut self) {
        let kept = self.originals.are_kept();
        self.loose.taken.retain(|(token, raw)| {
            let held = Arc::strong_count(&token.0) > 1;
            if !held && !kept {
                // SAFETY: it stands in the ring, and nobody has its token.
                drop(unsafe { Bucket::from_ring(*raw) });
            }
            held
        });
    }

    /// What a bucket says of itself. `None`: it is not in the author's hands any more.
    pub fn about(&self, token: &Token) -> Option<About> {
        let (_, raw) = self.loose.taken[self.loose.position(token)?];
        Some(About {
            kind: bucket_name(raw),
            // SAFETY: a live bucket of this stream.
            length: unsafe { bucket::length(raw.as_ptr()) },
            // SAFETY: as above.
            file: unsafe { bucket::file(raw.as_ptr()) },
        })
    }

    /// Puts the newest bucket back to the front of what is unread, if it is that: a long one, or
    /// one of unknown length, is then read piece by piece. `false`: others were taken since.
    pub fn put_back(&mut self, token: &Token) -> bool {
        let last = self.loose.taken.len().wrapping_sub(1);
        if self.loose.position(token) != Some(last) || self.loose.newest != self.taken {
            return false;
        }
        if let Some((_, raw)) = self.loose.taken.pop() {
            // SAFETY: a bucket of one of this stream's rings.
            unsafe { ffi::mp_bucket_remove(raw.as_ptr()) };
            // SAFETY: it stands in no brigade now.
            self.ahead.append(unsafe { Bucket::from_raw(raw) });
            self.unpeek();
        }
        true
    }

    /// Takes the piece at hand as this token's bucket, after [`Self::put_back`] and a load that
    /// came to `length` bytes.
    pub fn take_again(&mut self, token: &Token, length: usize) {
        let piece = match length {
            0 => Bucket::owning(Bytes::new(), &self.incoming),
            _ => match self.incoming.remove_front() {
                Some(piece) => piece,
                None => return,
            },
        };
        self.hold(piece, token.clone());
    }

    /// The bytes of a bucket that is in memory, or whose all is to be read. Waits for them. Empty
    /// if it is not in the author's hands any more. `NO_MEMORY`: it has more than `most`, or more
    /// than there is memory for.
    pub fn bytes_of(&mut self, token: &Token, most: usize) -> Result<Bytes, Error> {
        let Some(position) = self.loose.position(token) else {
            return Ok(Bytes::new());
        };
        let (_, raw) = self.loose.taken[position];
        // SAFETY: a live bucket of this stream.
        if unsafe { bucket::length(raw.as_ptr()) }.is_some_and(|length| length > most) {
            return Err(Error::NO_MEMORY);
        }
        let ring = self.originals.ring();
        // Reading leaves the rest of a long one behind it: a mark shows where its own ends.
        let mark = Bucket::flush(ring);
        let end = mark.insert_behind(raw);
        let mut data = Vec::new();
        let mut at = Some(raw);
        let mut result = Ok(());
        while let Some(part) = at.filter(|part| *part != end && result.is_ok()) {
            // SAFETY: a bucket of this ring; the bytes are copied at once.
            result = unsafe { bucket::read(part.as_ptr(), true) }.and_then(|bytes| {
                match data.len() + bytes.len() <= most {
                    true => data::extend(&mut data, bytes),
                    false => Err(Error::NO_MEMORY),
                }
            });
            at = ring.after(part);
        }
        let data = Bytes::from(data);
        // Without all of it, what reading has made stays where it is: pass_on() can still send it.
        while let Some(part) = ring
            .after(raw)
            .filter(|part| *part != end && result.is_ok())
        {
            // SAFETY: a part that reading has made; nobody else knows of it.
            unsafe { Bucket::from_ring(part) };
        }
        if result.is_ok() {
            // SAFETY: a live bucket of this ring.
            let own = unsafe { bucket::length(raw.as_ptr()) };
            if own != Some(data.len()) {
                let whole = Bucket::owning(data.clone(), ring);
                self.loose.taken[position].1 = whole.insert_behind(raw);
                // SAFETY: its bytes are in the new one.
                unsafe { Bucket::from_ring(raw) };
            }
        }
        // SAFETY: made above.
        unsafe { Bucket::from_ring(end) };
        result.map(|()| data)
    }

    /// Cuts a bucket of known length after `point` bytes; the token of its rest. `None`: there is
    /// no rest.
    pub fn split_bucket(&mut self, token: &Token, point: usize) -> Result<Option<Token>, Error> {
        let Some(position) = self.loose.position(token) else {
            return Ok(None);
        };
        let (_, raw) = self.loose.taken[position];
        // SAFETY: a live bucket of this stream.
        if unsafe { bucket::length(raw.as_ptr()) }.is_some_and(|length| point >= length) {
            return Ok(None);
        }
        // SAFETY: as above.
        Error::check(unsafe { ffi::mp_bucket_split(raw.as_ptr(), point) })?;
        let ring = self.originals.ring();
        let Some(rest) = ring.after(raw) else {
            return Ok(None);
        };
        let token = Token::default();
        self.loose.taken.insert(position + 1, (token.clone(), rest));
        Ok(Some(token))
    }

    /// Writes a bucket as it is. `false`: it is not in the author's hands any more.
    pub fn write_bucket(&mut self, token: &Token) -> bool {
        if self.loose.position(token).is_none() {
            return false;
        }
        self.begin_yielding();
        let Some(position) = self.loose.position(token) else {
            return false;
        };
        let (_, raw) = self.loose.taken.remove(position);
        // SAFETY: a live bucket of this stream.
        let length = unsafe { bucket::length(raw.as_ptr()) };
        // SAFETY: a bucket of the own ring.
        unsafe { ffi::mp_bucket_remove(raw.as_ptr()) };
        // SAFETY: it stands in no brigade now.
        self.outgoing.append(unsafe { Bucket::from_raw(raw) });
        self.wrote(length.unwrap_or(0));
        true
    }
}

fn bucket_name(raw: NonNull<ffi::apr_bucket>) -> String {
    // SAFETY: a live bucket of a stream.
    unsafe { bucket::name(raw.as_ptr()) }
}
