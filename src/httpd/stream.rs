//! What input and output filters share: buckets at hand, buckets on their way, and the pieces of
//! data that an author takes from the one and puts into the other.
//!
//! The manners are here and in [`super::output`] and [`super::input`], out of an author's reach:
//! metadata keeps its place relative to what was written, a FLUSH and the end go on by themselves.

use bytes::Bytes;

use super::brigade::Brigade;
use super::bucket::{Bucket, Kind};
use super::held::Held;
use super::originals::Originals;
use super::{Error, Filter, Pool};

/// The largest piece that is read at once; buckets reach megabytes.
pub const CHUNK: usize = 64 * 1024;
/// Data written in smaller pieces is copied together into buckets of 8000 bytes.
const COPY_BELOW: usize = 1024;

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A piece of at most [`CHUNK`] bytes, to be looked at with [`Stream::chunk`].
    Data,
    /// Nothing more for now.
    Pause,
    /// The end; told once.
    End,
}

/// The two brigades of a filter, and where the author stands between them.
pub struct Stream {
    /// Arrived, not yet read.
    pub(super) incoming: Held,
    /// Written, or passed by, not yet sent on.
    pub(super) outgoing: Held,
    /// Bytes of data in `outgoing`.
    pub(super) pending: usize,
    /// A FLUSH was read; it goes on once the author has answered it.
    pub(super) flush_owed: bool,
    /// EOS was taken from `incoming`.
    pub(super) end_seen: bool,
    /// The author said that the stream ends here.
    pub(super) end_said: bool,
    /// EOS was put into `outgoing`: nothing may follow.
    pub(super) closed: bool,
    /// An ERROR bucket went by: the response is somebody else's now.
    pub(super) error_seen: bool,
    /// Something was read or written: the body is not what it was.
    pub(super) touched: bool,
    /// The number of events (data, flush, end) the author has taken.
    taken: u64,
    /// The bucket of the piece read last: written back unchanged, it goes on as it is.
    last: Option<Bucket>,
    /// What a generator has read before it yielded.
    originals: Originals,
    /// Peeked at: read from `incoming`, and to be put back before anything else is.
    ahead: Held,
    author: Author,
}

/// Who reads and writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// A plain function, called again and again.
    Function,
    /// A generator at work: the end of what it reads is not the end of what it yields.
    Generator,
    /// A generator that has ended, or is being closed.
    Closed,
}

impl Stream {
    pub(super) fn new(filter: &Filter) -> Self {
        let connection = filter.connection();
        // SAFETY: kept by the filter's context, which its pool owns and drops before it is cleared.
        #[expect(unsafe_code, reason = "a held brigade lives in the filter's pool")]
        let brigade = || unsafe { Held::new(filter.pool(), connection) };
        Self {
            incoming: brigade(),
            outgoing: brigade(),
            pending: 0,
            flush_owed: false,
            end_seen: false,
            end_said: false,
            closed: false,
            error_seen: false,
            touched: false,
            taken: 0,
            last: None,
            originals: Originals::free(brigade()),
            ahead: brigade(),
            author: Author::Function,
        }
    }

    /// A generator starts: until it yields, `limit` bytes of what it reads are kept to give back.
    pub fn start_work(&mut self, limit: usize) {
        self.author = Author::Generator;
        self.originals.keep(limit);
    }

    /// The generator has ended, or was closed.
    pub fn end_work(&mut self) {
        self.author = Author::Closed;
        self.unpeek();
    }

    /// Whether a generator is at work.
    pub fn is_working(&self) -> bool {
        self.author == Author::Generator
    }

    /// Whether a generator is the author, at work or not.
    pub fn is_generators(&self) -> bool {
        self.author != Author::Function
    }

    /// Whether an error from further up goes by.
    pub fn has_failed_above(&self) -> bool {
        self.error_seen
    }

    /// Whether the end was read.
    pub fn is_at_end(&self) -> bool {
        self.end_seen
    }

    /// Whether nothing was read, nor written.
    pub fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// Whether the originals were asked for too late: more was read than is kept.
    pub fn has_lost_originals(&self) -> bool {
        self.originals.are_lost()
    }

    /// Whether nothing was yielded yet, and all that was read can be given back.
    pub fn keeps_originals(&self) -> bool {
        self.originals.are_kept()
    }

    /// The generator yields for the first time: what it read is not asked for any more.
    pub fn begin_yielding(&mut self) {
        self.originals.release(&self.outgoing);
    }

    /// The body was cut further up: what a filter has read and not answered must not go on as it is,
    /// for it may be what the filter is there to hide.
    pub fn abandon(&mut self) {
        self.ahead.clear();
        self.begin_yielding();
    }

    /// Puts back all that was read; as if nobody had been here. Nothing was yielded yet.
    pub fn restore(&mut self) {
        self.unpeek();
        if self.originals.are_kept() {
            self.originals.restore(&self.incoming);
            self.end_seen = false;
            self.flush_owed = false;
            self.touched = false;
        }
    }

    /// A counter that moves with each event the author takes.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the end was told to the author, or said by the author.
    pub fn is_over(&self) -> bool {
        (self.end_seen && !self.is_working()) || self.end_said || self.closed
    }

    /// Whether the author may not write any more.
    pub fn is_closed(&self) -> bool {
        self.end_said || self.closed
    }

    /// What stands first in `incoming`; metadata before it is moved on. `None`: nothing at all.
    pub(super) fn look(&mut self) -> Option<Kind> {
        loop {
            match self.incoming.front()? {
                Kind::Data if self.incoming.front_length() == Some(0) => {
                    drop(self.incoming.remove_front());
                }
                kind @ (Kind::Data | Kind::Flush | Kind::End) => return Some(kind),
                kind => {
                    self.error_seen |= kind == Kind::Error;
                    self.take_mark();
                }
            }
        }
    }

    /// Takes a metadata bucket off the front: into its place, or aside with the originals. FLUSH
    /// and EOS are remembered by the caller.
    fn take_mark(&mut self) {
        let Some(kind) = self.incoming.front() else {
            return;
        };
        let Some(bucket) = self.incoming.remove_front() else {
            return;
        };
        if self.originals.are_kept() {
            self.originals.push(bucket, 0, &self.outgoing);
        } else if !matches!(kind, Kind::Flush | Kind::End) {
            self.outgoing.append(bucket);
        }
    }

    /// Takes the FLUSH at the front.
    pub(super) fn take_flush(&mut self) {
        self.take_mark();
        self.flush_owed = true;
        self.took();
    }

    /// Takes the EOS at the front.
    pub(super) fn take_end(&mut self) {
        self.take_mark();
        self.end_seen = true;
        self.took();
    }

    /// Whether there is something an author could be called for.
    pub fn has_event(&mut self) -> bool {
        self.look().is_some() && !self.error_seen
    }

    /// Whether data is next, and no metadata before it.
    pub fn has_data(&self) -> bool {
        self.incoming.front() == Some(Kind::Data)
    }

    /// Makes the first bucket a piece of at most `limit` bytes in memory. Answers its length; 0
    /// when it turned out to hold nothing (a pipe that ended), and is gone.
    pub(super) fn load(&mut self, limit: usize, block: bool) -> Result<usize, Error> {
        let length = self.incoming.read_front(block)?.len();
        if length == 0 {
            drop(self.incoming.remove_front());
        } else if length > limit {
            self.incoming.split_front(limit)?;
        }
        Ok(length.min(limit))
    }

    /// The piece at hand, after [`Next::Data`].
    pub fn chunk(&self) -> &[u8] {
        // It is in memory, so this neither blocks nor fails.
        self.incoming.read_front(true).unwrap_or_default()
    }

    /// Takes `length` bytes of the piece at hand; [`Self::write_back`] can send them on as they are.
    pub fn take(&mut self, length: usize) -> Result<(), Error> {
        if length < self.chunk().len() {
            self.incoming.split_front(length)?;
        }
        self.last = self.incoming.remove_front();
        if self.originals.are_kept() {
            if let Some(bucket) = self.last.take() {
                self.originals.push(bucket, length, &self.outgoing);
            }
        }
        self.took();
        Ok(())
    }

    /// Looks at up to `limit` bytes that stay unread. `None`: so many are not there yet.
    pub(super) fn peek(&mut self, limit: usize, block: bool) -> Result<Option<Vec<u8>>, Error> {
        let mut length = self.ahead.data_length();
        while length < limit {
            match self.incoming.front() {
                None => return Ok(None),
                Some(Kind::End) => break,
                Some(Kind::Data) => {
                    length += self.load(CHUNK, block)?;
                }
                Some(_) => {}
            }
            self.ahead.append_front_of(&self.incoming);
        }
        let mut seen = Vec::new();
        self.ahead.any_data(|data| {
            let room = limit - seen.len();
            seen.extend_from_slice(&data[..data.len().min(room)]);
            seen.len() == limit
        });
        self.unpeek();
        Ok(Some(seen))
    }

    /// Puts back what was peeked at.
    pub(super) fn unpeek(&mut self) {
        self.incoming.prepend_all(&self.ahead);
    }

    /// Notes an event that the author has taken.
    pub(super) fn took(&mut self) {
        self.taken += 1;
        self.touched = true;
    }

    /// Sends on the bucket of the piece taken last. `false` if it has been already.
    pub fn write_back(&mut self, length: usize) -> bool {
        let kept = self.originals.are_kept();
        let bucket = if kept {
            self.originals.pop()
        } else {
            self.last.take()
        };
        let Some(bucket) = bucket else {
            return false;
        };
        self.begin_yielding();
        self.outgoing.append(bucket);
        self.wrote(length);
        true
    }

    /// Appends bytes that the bucket owns; small ones are copied together.
    pub fn write(&mut self, data: Bytes) -> Result<(), Error> {
        if data.len() < COPY_BELOW {
            return self.write_copy(&data);
        }
        self.wrote(data.len());
        self.outgoing.append_bytes(data);
        Ok(())
    }

    /// Appends a copy.
    pub fn write_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        self.wrote(data.len());
        self.outgoing.append_copy(data)
    }

    /// Whether data of this length is better given as a slice to [`Self::write_copy`].
    pub fn prefers_copy(length: usize) -> bool {
        length < COPY_BELOW
    }

    fn wrote(&mut self, length: usize) {
        self.pending += length;
        self.touched = true;
    }

    /// Forgets what was written and not sent, and what is left to read.
    pub(super) fn drop_all(&mut self) {
        self.last = None;
        self.incoming.clear();
        self.outgoing.clear();
        self.pending = 0;
    }

    /// The FLUSH that was read takes its place behind what the author wrote for it.
    pub(super) fn pay_flush(&mut self) -> bool {
        let owed = std::mem::take(&mut self.flush_owed) && !self.originals.are_kept();
        if owed {
            self.outgoing.append_flush();
        }
        owed
    }

    /// Puts EOS at the end, once.
    pub(super) fn append_end(&mut self) {
        if !self.closed {
            self.closed = true;
            self.outgoing.append_end();
        }
    }

    /// Moves what is left unread on, up to and with EOS.
    pub(super) fn move_rest(&mut self) {
        let rest = &self.incoming;
        while let Some(kind) = rest.front() {
            if self.closed && matches!(kind, Kind::Data | Kind::End) {
                drop(rest.remove_front());
                continue;
            }
            self.pending += match kind {
                Kind::Data => rest.front_length().unwrap_or(0),
                _ => 0,
            };
            self.error_seen |= kind == Kind::Error;
            self.outgoing.append_front_of(rest);
            if kind == Kind::End {
                self.closed = true;
                self.end_seen = true;
            }
        }
    }

    /// Makes what stays outlive the call.
    pub(super) fn set_aside(&mut self, pool: &Pool) -> Result<(), Error> {
        self.outgoing.set_aside(pool)?;
        self.incoming.set_aside(pool)?;
        self.ahead.set_aside(pool)?;
        self.originals.set_aside(pool)
    }

    /// A brigade that is sent instead, in place of all that was written.
    pub(super) fn outgoing(&self) -> &Brigade {
        &self.outgoing
    }
}
