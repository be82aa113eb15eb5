//! What input and output filters share: buckets that have arrived, buckets that are about to go on, and
//! the pieces of data that the filter's code reads from the former and writes to the latter.
//!
//! The rules of httpd's filters are kept here and in [`super::output`] and [`super::input`], whatever the filter's code
//! does: metadata keeps its place relative to what was written, a FLUSH and the end go on by themselves.

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

/// The largest piece that a streaming filter is given at once, in bytes; buckets reach megabytes. What is written is
/// sent on when so much has come together.
pub const CHUNK: usize = 64 * 1024;

/// The next event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A piece of at most so many bytes as the reader asked for, which [`Stream::chunk`] returns.
    Data,
    /// Nothing more for now.
    Pause,
    /// The end; reported once.
    End,
}

/// How many bytes the filter's code has read and written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Bytes read.
    pub taken: usize,
    /// Bytes written.
    pub written: usize,
    /// The most bytes that were kept at a time: not yet sent on, or kept for a rollback.
    pub held: usize,
}

/// The two brigades of a filter, and where the filter's code stands between them.
pub struct Stream {
    /// Buckets that have arrived and are unread.
    pub(in crate::httpd) incoming: Queue,
    /// Buckets that were written or passed by, and not yet sent on.
    pub(in crate::httpd) outgoing: Queue,
    /// Bytes of data in `outgoing`, in buckets of known length.
    pub(in crate::httpd) buffered: usize,
    /// Whether `outgoing` has data of unknown length, too.
    pub(in crate::httpd) unmeasured: bool,
    /// A FLUSH was read; it goes on behind what the filter's code writes for it.
    pub(in crate::httpd) flush_owed: bool,
    /// EOS was taken from `incoming`.
    pub(in crate::httpd) end_seen: bool,
    /// The filter's code said that the stream ends here.
    pub(in crate::httpd) end_said: bool,
    /// EOS was put into `outgoing`: no data may follow.
    pub(in crate::httpd) closed: bool,
    /// An ERROR bucket went by: the response becomes an error page, or is cut.
    pub(in crate::httpd) error_seen: bool,
    /// Something was read or written: the body may have changed.
    pub(in crate::httpd) touched: bool,
    /// The traffic since the last count.
    pub(in crate::httpd) traffic: Traffic,
    /// The number of events (data, flush, end) the filter's code has taken.
    pub(in crate::httpd) taken: u64,
    /// The bucket of the piece read last: written back unchanged, it goes on as it is.
    pub(in crate::httpd) last: Option<Bucket>,
    /// The buckets that a generator has read before its first yield.
    pub(in crate::httpd) rollback: Rollback,
    /// Buckets that were peeked at in vain, as more must arrive. They are put back before any other operation.
    pub(in crate::httpd) ahead: Queue,
    /// The buckets that the filter's code holds.
    pub(in crate::httpd) taken_buckets: TakenBuckets,
    /// The file of which a part was written last.
    pub(in crate::httpd) file: Option<OpenFile>,
    code: FilterCode,
    /// In the chain of a connection: EOS and ERROR are plain metadata, and no data is held back.
    on_connection: bool,
}

/// A brigade that lives as long as this filter.
pub(in crate::httpd) fn held_by(filter: &Filter) -> OwnedBrigade {
    // SAFETY: the filter's pool owns its context, and drops it before the pool is cleared.
    #[expect(unsafe_code, reason = "a held brigade lives in the filter's pool")]
    let brigade = unsafe { OwnedBrigade::new(filter.pool(), filter.connection().bucket_list()) };
    brigade
}

/// The kind of code that reads and writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FilterCode {
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

    /// A stream with brigades that `brigade` makes; with `on_connection` it is in the chain of a
    /// connection.
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
            code: FilterCode::Function,
            on_connection,
        }
    }

    /// A generator starts: until it yields, up to `limit` bytes of what it reads are kept for a rollback.
    pub fn start_work(&mut self, limit: usize) {
        self.code = FilterCode::Generator;
        if !self.on_connection {
            self.rollback.keep(limit);
        }
    }

    /// The generator has ended, or was closed.
    pub fn end_work(&mut self) {
        self.code = FilterCode::Closed;
        self.unpeek();
    }

    /// Whether it is in the chain of a connection, where only httpd's core may hold data back.
    pub fn is_on_connection(&self) -> bool {
        self.on_connection
    }

    /// What a bucket of this kind means in this chain.
    pub(in crate::httpd) fn meaning(&self, kind: BucketKind) -> BucketKind {
        match kind {
            BucketKind::End | BucketKind::Error if self.on_connection => BucketKind::Metadata,
            kind => kind,
        }
    }

    /// Whether a generator is at work.
    pub fn is_working(&self) -> bool {
        self.code == FilterCode::Generator
    }

    /// Whether the filter's code is a generator, at work or not.
    pub fn is_generators(&self) -> bool {
        self.code != FilterCode::Function
    }

    /// Whether an ERROR bucket from further up went by.
    pub fn has_failed_above(&self) -> bool {
        self.error_seen
    }

    /// Whether EOS was read.
    pub fn is_at_end(&self) -> bool {
        self.end_seen
    }

    /// Whether the filter's code has neither read nor written.
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

    /// The generator yields for the first time: what it has read will not be restored.
    pub fn begin_yielding(&mut self) {
        if self.rollback.are_kept() {
            self.taken_buckets.forget_dropped();
            self.rollback.release(&self.outgoing, &self.taken_buckets);
        } else {
            self.rollback.free_for_good();
        }
    }

    /// The body was cut further up. Drops what the filter's code has read and not answered: it must not go on
    /// unfiltered, since it may be what the filter is there to hide.
    pub fn abandon(&mut self) {
        self.ahead.clear();
        self.begin_yielding();
    }

    /// Puts back all that was read, as if the filter had not been there. Nothing was yielded yet.
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

    /// A counter that moves with each event the filter's code takes.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the filter's code has read the end, or has ended the stream.
    pub fn is_over(&self) -> bool {
        (self.end_seen && !self.is_working()) || self.end_said || self.closed
    }

    /// Whether the filter's code may not write any more.
    pub fn is_closed(&self) -> bool {
        self.end_said || self.closed
    }

    /// Makes the buckets that stay outlive the call.
    pub(in crate::httpd) fn set_aside(&mut self, pool: &Pool) -> Result<(), Error> {
        self.outgoing.set_aside(pool)?;
        self.incoming.set_aside(pool)?;
        self.ahead.set_aside(pool)?;
        self.let_go_of_dropped();
        self.rollback.set_aside(pool)
    }

    /// The written buckets.
    pub(in crate::httpd) fn outgoing(&self) -> &Brigade {
        self.outgoing.all()
    }
}
