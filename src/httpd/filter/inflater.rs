//! The decoding of a gzip response for a filter of ours. mod_deflate's output filter `INFLATE` does it. It stands in no
//! chain: our filter has it decode a small piece at a time, and takes what comes out. So a byte that expands to a
//! thousand needs little memory, and what `INFLATE` takes for an error ends the response in a way that clients see.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::rc::Rc;

use bytes::Bytes;

use super::entry_point::{OutputEntry, register_output};
use super::native::NativeFilter;
use super::stream::{CHUNK, held_by};
use super::{Filter, handle};
use crate::filter_chain::Direction;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

const INFLATE: &CStr = c"INFLATE";
/// The filter that `INFLATE` calls.
const DECODED: &CStr = c"mod_python.decoded";
/// How many coded bytes `INFLATE` gets at a time: no more than 2 MiB come out.
const PIECE: usize = 2048;
/// The first bytes of gzip data (RFC 1952 §2.3.1): other data `INFLATE` would pass on as it is.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// How many of the coded bytes are kept: a length, and a part of `MAGIC`.
const KEPT: usize = 6;

/// Registers the filter that `INFLATE` calls.
pub(in crate::httpd) fn register() {
    register_output::<Decoded>(DECODED, ffi::AP_FTYPE_RESOURCE);
}

/// Why a response cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// It is not what gzip makes, or ends too early: mod_deflate logs what it has found.
    Damaged,
    /// It does not begin as gzip data does.
    NotGzip,
    /// Further bytes stand behind the end of the gzip data, which mod_deflate drops.
    Trailing,
    /// It expands by more than `DeflateInflateRatioLimit` allows.
    Ratio,
    /// It has more bytes than the filter allows.
    TooLong,
    /// Its source cannot be read.
    Unread(Error),
}

/// What `INFLATE` has passed on.
struct Decoded {
    brigade: OwnedBrigade,
    total: Cell<u64>,
    limit: u64,
}

/// The decoding of one response.
pub struct Inflater {
    inflate: NativeFilter,
    /// The filter that `inflate` calls.
    _collector: NativeFilter,
    decoded: Rc<Decoded>,
    feeding: OwnedBrigade,
    /// The number of coded bytes so far.
    fed: Cell<u64>,
    /// The last `KEPT` of them.
    last: RefCell<Vec<u8>>,
    /// A slow source has nothing at hand, and what came before is sent: the next read waits.
    blocks: Cell<bool>,
    /// Nothing is decoded any more.
    over: Cell<bool>,
}

impl Inflater {
    /// Begins to decode a gzip response for a filter, and corrects its headers: it is not coded any more, and loses its
    /// length, its digests, its ranges and a strong ETag. At most `limit` bytes may come out. `None`: mod_deflate is not
    /// there, or refuses.
    pub fn begin(filter: &Filter, limit: u64) -> Option<Self> {
        let r = filter.request()?;
        let inflate = NativeFilter::new(Direction::Output, INFLATE, r)?;
        let collector = NativeFilter::new(Direction::Output, DECODED, r)?;
        let decoded = Rc::new(Decoded {
            brigade: held_by(filter),
            total: Cell::new(0),
            limit,
        });
        // SAFETY: `decoded` keeps its address, and goes with the filter. It is what `Decoded::take` expects.
        unsafe { collector.set_context(Rc::as_ptr(&decoded).cast()) };
        // SAFETY: it keeps its address, and goes with `inflate`.
        unsafe { inflate.set_next(collector.as_ptr()) };
        let inflater = Self {
            inflate,
            _collector: collector,
            decoded,
            feeding: held_by(filter),
            fed: Cell::new(0),
            last: RefCell::default(),
            blocks: Cell::new(false),
            over: Cell::new(false),
        };
        inflater.take_over_headers(r).then_some(inflater)
    }

    /// Has `INFLATE` look at the headers and change them, before it gets data. Its suffix of the ETag goes: the body of
    /// a weak tag may be coded or not. `DeflateAlterETag Remove` stays in force.
    fn take_over_headers(&self, r: &Request) -> bool {
        let coding = r
            .response_coding()
            .and_then(|coding| CString::new(coding).ok());
        let tag = r
            .headers_out()
            .get(c"ETag")
            .and_then(|tag| CString::new(tag).ok());
        r.forget_coding();
        r.headers_out().set(c"Content-Encoding", c"gzip");
        self.feeding
            .append(Bucket::owning(Bytes::new(), &self.feeding));
        let begun = r.as_initial(|| self.inflate.pass(&self.feeding));
        self.feeding.clear();
        if begun.is_err() || !self.inflate.has_begun() {
            r.forget_coding();
            if let Some(coding) = coding {
                r.headers_out().set(c"Content-Encoding", &coding);
            }
            return false;
        }
        if let (Some(tag), true) = (tag, r.headers_out().get(c"ETag").is_some()) {
            r.headers_out().set(c"ETag", &tag);
        }
        r.forget_representation();
        true
    }

    /// What was decoded and is not taken yet.
    pub fn decoded(&self) -> &Brigade {
        &self.decoded.brigade
    }

    /// From now on buckets pass by as they are.
    pub fn end(&self) {
        self.over.set(true);
    }

    /// Decodes the first buckets of a brigade, until there is enough to go on with or the brigade is empty.
    ///
    /// # Errors
    /// The response cannot be decoded: what has come out since the last call is not to be sent.
    pub fn decode(&self, coded: &Brigade) -> Result<(), Undecodable> {
        while let Some(kind) = coded.front() {
            if self.over.get() {
                self.decoded().append_all(coded);
                return Ok(());
            }
            match kind {
                BucketKind::Data => self.feed_data(coded)?,
                BucketKind::End => self.feed_end(coded)?,
                BucketKind::Error => {
                    // What is decoded so far goes before it.
                    self.feed(Bucket::flush(coded))?;
                    self.end();
                }
                BucketKind::Flush | BucketKind::Metadata => {
                    if let Some(bucket) = coded.remove_front() {
                        self.feed(bucket)?;
                    }
                }
            }
            if kind == BucketKind::Flush
                || self.blocks.get()
                || self.decoded().known_length() >= CHUNK
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn feed_data(&self, coded: &Brigade) -> Result<(), Undecodable> {
        let blocks = self.blocks.replace(false);
        let data = match coded.read_front(blocks) {
            Err(error) if error.is_again() && !blocks => {
                self.blocks.set(true);
                return self.feed(Bucket::flush(coded));
            }
            other => other.map_err(Undecodable::Unread)?,
        };
        let piece = &data[..data.len().min(PIECE)];
        let ends = self.look_at(piece)?;
        if piece.len() < data.len() {
            coded.split_front(PIECE).map_err(Undecodable::Unread)?;
        }
        if let Some(bucket) = coded.remove_front() {
            self.feed(bucket)?;
        }
        match ends.is_empty() || !self.has_ended_as(&ends)? {
            true => Ok(()),
            false => Err(Undecodable::Trailing),
        }
    }

    /// Looks at coded bytes before `INFLATE` gets them. Where another member seems to begin (RFC 1952 §2.2), which
    /// `INFLATE` would drop, the four bytes before it are the length of the data so far: returns these.
    fn look_at(&self, piece: &[u8]) -> Result<Vec<u32>, Undecodable> {
        let at = usize::try_from(self.fed.get()).unwrap_or(usize::MAX);
        let expected = MAGIC.get(at..).unwrap_or_default();
        let pairs = piece.iter().zip(expected);
        if pairs.into_iter().any(|(found, expected)| found != expected) {
            return Err(Undecodable::NotGzip);
        }
        self.fed.set(self.fed.get() + piece.len() as u64);
        let mut seen = self.last.borrow_mut();
        seen.extend_from_slice(piece);
        let ends = member_ends(&seen);
        let more = seen.len().saturating_sub(KEPT);
        seen.drain(..more);
        Ok(ends)
    }

    /// Whether one of these is the length of what `INFLATE` has made of all that it got.
    fn has_ended_as(&self, lengths: &[u32]) -> Result<bool, Undecodable> {
        self.feed(Bucket::flush(&self.feeding))?;
        if self.decoded().back() == Some(BucketKind::Flush) {
            drop(self.decoded().remove_back());
        }
        Ok(lengths.contains(&self.decoded.length()))
    }

    /// Gives the end to `INFLATE`, unless there was nothing before it: an empty body is none of gzip's, but servers send it.
    fn feed_end(&self, coded: &Brigade) -> Result<(), Undecodable> {
        let Some(end) = coded.remove_front() else {
            return Ok(());
        };
        self.end();
        if self.fed.get() == 0 {
            self.decoded().append(end);
            return Ok(());
        }
        self.feed(end)?;
        // The last four bytes of gzip data are its length as `INFLATE` has checked it (RFC 1952 §2.3.1).
        match self
            .last
            .borrow()
            .ends_with(&self.decoded.length().to_le_bytes())
        {
            true => Ok(()),
            false => Err(Undecodable::Trailing),
        }
    }

    fn feed(&self, bucket: Bucket) -> Result<(), Undecodable> {
        self.feeding.append(bucket);
        let result = self.inflate.pass(&self.feeding);
        self.feeding.clear();
        result.map_err(|error| match error {
            _ if self.decoded.is_too_long() => Undecodable::TooLong,
            error if error.errno() == Some(libc::EINVAL) => Undecodable::Ratio,
            _ => Undecodable::Damaged,
        })
    }
}

impl Decoded {
    fn is_too_long(&self) -> bool {
        self.total.get() > self.limit
    }

    /// The number of bytes as gzip data has it, modulo 2^32.
    fn length(&self) -> u32 {
        self.total.get() as u32
    }

    fn collect(&self, brigade: &Brigade) -> Result<(), Error> {
        self.total
            .set(self.total.get() + brigade.known_length() as u64);
        if self.is_too_long() {
            brigade.clear();
            return Err(Error::NO_SPACE);
        }
        self.brigade.append_all(brigade);
        Ok(())
    }
}

impl OutputEntry for Decoded {
    const WHAT: &'static str = "the filter behind INFLATE";

    fn take(filter: &Filter, brigade: &Brigade) -> Result<(), Error> {
        match filter.kept::<Self>() {
            Some(decoded) => decoded.collect(brigade),
            // The configuration has put it into a chain by its name.
            None => filter.step_out(brigade),
        }
    }
}

/// Whether mod_deflate has the filters that decode bodies for filters of this direction.
pub fn can_decode(direction: Direction) -> bool {
    let has = |direction, name| !handle(direction, name).is_null();
    match direction {
        Direction::Output => has(direction, INFLATE) && has(direction, c"DEFLATE"),
        Direction::Input => has(direction, c"DEFLATE"),
    }
}

/// The lengths that stand before each `MAGIC`.
fn member_ends(data: &[u8]) -> Vec<u32> {
    memchr::memchr_iter(MAGIC[0], data)
        .filter(|at| data[*at..].starts_with(&MAGIC))
        .filter_map(|at| data[..at].last_chunk().copied())
        .map(u32::from_le_bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_member_follows_a_length() {
        assert_eq!(member_ends(b"\x05\0\0\0\x1f\x8b\x08"), [5]);
        assert_eq!(
            member_ends(b"xx\x05\0\0\x01\x1f\x8b\x08\x1f\x8b\x08"),
            [0x0100_0005, 0x088b_1f01]
        );
        for none in [&b"\0\0\0\x1f\x8b\x08"[..], b"\0\0\0\0\x1f\x8b", b""] {
            assert!(member_ends(none).is_empty(), "{none:?}");
        }
    }
}
