//! What input and output filters share: buckets at hand, buckets on their way, and the pieces of
//! data that an author takes from the one and puts into the other.
//!
//! The manners are here and in [`super::output`] and [`super::input`], out of an author's reach:
//! metadata keeps its place relative to what was written, a FLUSH and the end go on by themselves.

use super::Filter;
use super::file::OpenFile;
use super::queue::Queue;
use super::rollback::Rollback;
use super::stream_buckets::TakenBuckets;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::apr::owned_brigade::OwnedBrigade;
use crate::httpd::apr::pool::Pool;
use crate::httpd::status::Error;

/// The largest piece that is read at once; buckets reach megabytes.
pub const CHUNK: usize = 64 * 1024;

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

/// Bytes that went through an author's hands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Taken.
    pub taken: usize,
    /// Written.
    pub written: usize,
    /// Kept at most: not yet sent on, or to be given back.
    pub held: usize,
}

/// The two brigades of a filter, and where the author stands between them.
pub struct Stream {
    /// Arrived, not yet read.
    pub(in crate::httpd) incoming: Queue,
    /// Written, or passed by, not yet sent on.
    pub(in crate::httpd) outgoing: Queue,
    /// Bytes of data in `outgoing`, in buckets of known length.
    pub(in crate::httpd) buffered: usize,
    /// There are others in it, too.
    pub(in crate::httpd) unmeasured: bool,
    /// A FLUSH was read; it goes on once the author has answered it.
    pub(in crate::httpd) flush_owed: bool,
    /// EOS was taken from `incoming`.
    pub(in crate::httpd) end_seen: bool,
    /// The author said that the stream ends here.
    pub(in crate::httpd) end_said: bool,
    /// EOS was put into `outgoing`: nothing may follow.
    pub(in crate::httpd) closed: bool,
    /// An ERROR bucket went by: the response is somebody else's now.
    pub(in crate::httpd) error_seen: bool,
    /// Something was read or written: the body is not what it was.
    pub(in crate::httpd) touched: bool,
    /// What went through since the last count.
    pub(in crate::httpd) traffic: Traffic,
    /// The number of events (data, flush, end) the author has taken.
    pub(in crate::httpd) taken: u64,
    /// The bucket of the piece read last: written back unchanged, it goes on as it is.
    pub(in crate::httpd) last: Option<Bucket>,
    /// What a generator has read before it yielded.
    pub(in crate::httpd) rollback: Rollback,
    /// Peeked at in vain, as more must arrive: to be put back before anything else is.
    pub(in crate::httpd) ahead: Queue,
    /// Taken by the author as buckets.
    pub(in crate::httpd) taken_buckets: TakenBuckets,
    /// The file of which a part was written last.
    pub(in crate::httpd) file: Option<OpenFile>,
    author: Author,
    /// In the chain of a connection: ends of bodies and errors are metadata, and nothing is held.
    on_connection: bool,
}

/// A brigade for a value that the context of this filter keeps.
pub(in crate::httpd) fn held_by(filter: &Filter) -> OwnedBrigade {
    // SAFETY: the filter's pool owns its context, and drops it before the pool is cleared.
    #[expect(unsafe_code, reason = "a held brigade lives in the filter's pool")]
    let brigade = unsafe { OwnedBrigade::new(filter.pool(), filter.connection().bucket_list()) };
    brigade
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
    pub(in crate::httpd) fn new(filter: &Filter) -> Self {
        let brigade = || Queue::new(held_by(filter));
        Self::over(brigade, filter.request().is_none())
    }

    /// Over brigades that `brigade` makes; in the chain of a connection, if `on_connection`.
    pub(in crate::httpd) fn over(brigade: impl Fn() -> Queue, on_connection: bool) -> Self {
        Self {
            incoming: brigade(),
            outgoing: brigade(),
            buffered: 0,
            unmeasured: false,
            flush_owed: false,
            end_seen: false,
            end_said: false,
            closed: false,
            error_seen: false,
            touched: false,
            traffic: Traffic::default(),
            taken: 0,
            last: None,
            rollback: Rollback::free(brigade()),
            ahead: brigade(),
            taken_buckets: TakenBuckets::default(),
            file: None,
            author: Author::Function,
            on_connection,
        }
    }

    /// A generator starts: until it yields, `limit` bytes of what it reads are kept to give back.
    pub fn start_work(&mut self, limit: usize) {
        self.author = Author::Generator;
        if !self.on_connection {
            self.rollback.keep(limit);
        }
    }

    /// The generator has ended, or was closed.
    pub fn end_work(&mut self) {
        self.author = Author::Closed;
        self.unpeek();
    }

    /// Whether it is in the chain of a connection, where nothing but the core may hold data.
    pub fn is_on_connection(&self) -> bool {
        self.on_connection
    }

    /// What a bucket of this kind is here.
    pub(in crate::httpd) fn meaning(&self, kind: BucketKind) -> BucketKind {
        match kind {
            BucketKind::End | BucketKind::Error if self.on_connection => BucketKind::Metadata,
            kind => kind,
        }
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

    /// Whether the rollback was asked for too late: more was read than is kept.
    pub fn lost_rollback(&self) -> bool {
        self.rollback.are_lost()
    }

    /// Whether nothing was yielded yet, and all that was read can be given back.
    pub fn can_roll_back(&self) -> bool {
        self.rollback.are_kept()
    }

    /// The generator yields for the first time: what it read is not asked for any more.
    pub fn begin_yielding(&mut self) {
        if self.rollback.are_kept() {
            self.taken_buckets.forget_dropped();
            self.rollback.release(&self.outgoing, &self.taken_buckets);
        } else {
            self.rollback.free_for_good();
        }
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
        if self.rollback.are_kept() {
            self.taken_buckets.forget();
            self.rollback.restore(&self.incoming);
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

    /// Makes what stays outlive the call.
    pub(in crate::httpd) fn set_aside(&mut self, pool: &Pool) -> Result<(), Error> {
        self.outgoing.set_aside(pool)?;
        self.incoming.set_aside(pool)?;
        self.ahead.set_aside(pool)?;
        self.let_go_of_dropped();
        self.rollback.set_aside(pool)
    }

    /// A brigade that is sent instead, in place of all that was written.
    pub(in crate::httpd) fn outgoing(&self) -> &Brigade {
        self.outgoing.all()
    }
}
