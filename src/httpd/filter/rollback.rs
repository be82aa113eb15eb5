//! What a streaming filter has read before it yields anything: kept as it came, so that the filter
//! can still step out and nothing of the response has changed.

use super::queue::Queue;
use super::stream_buckets::TakenBuckets;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::apr::pool::Pool;
use crate::httpd::status::Error;

/// The buckets that were read, and whether they are still all there.
pub struct Rollback {
    buckets: Queue,
    bytes: usize,
    limit: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// All that was read is here.
    Kept,
    /// More was read than is kept; nothing was yielded yet.
    Lost,
    /// Something was yielded (or it is a plain function's filter): nobody asks for them any more.
    Free,
}

impl Rollback {
    /// For a filter that never gives back what it read.
    pub(in crate::httpd) fn free(buckets: Queue) -> Self {
        Self {
            buckets,
            bytes: 0,
            limit: 0,
            state: State::Free,
        }
    }

    /// From now on keeps what is read, up to `limit` bytes.
    pub fn keep(&mut self, limit: usize) {
        self.limit = limit;
        self.state = State::Kept;
    }

    /// Whether all that was read is here.
    pub fn are_kept(&self) -> bool {
        self.state == State::Kept
    }

    /// How many bytes are here.
    pub fn bytes(&self) -> usize {
        match self.state {
            State::Kept => self.bytes,
            State::Lost | State::Free => 0,
        }
    }

    /// Whether they could be asked for, but are gone.
    pub fn are_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Takes a bucket that was read, metadata too.
    pub fn push(&mut self, bucket: Bucket, length: usize) {
        self.buckets.append(bucket);
        self.bytes += length;
    }

    /// Whether more was read than is kept.
    pub fn are_too_many(&self) -> bool {
        self.state == State::Kept && self.bytes > self.limit
    }

    /// Gives up keeping: data is let go but for what the author holds, and metadata goes on to
    /// `target`.
    pub(in crate::httpd) fn lose(&mut self, target: &Queue, held: &TakenBuckets) {
        self.let_go(target, held);
        self.state = State::Lost;
    }

    /// Where they stand.
    pub(in crate::httpd) fn ring(&self) -> &Queue {
        &self.buckets
    }

    /// The piece that was read last, if nothing came behind it.
    pub fn pop(&mut self) -> Option<Bucket> {
        (self.buckets.all().back() == Some(BucketKind::Data)).then(|| self.buckets.remove_back())?
    }

    /// Something was yielded: data is let go but for what the author holds, metadata goes on to
    /// `target` in its order.
    pub(in crate::httpd) fn release(&mut self, target: &Queue, held: &TakenBuckets) {
        self.let_go(target, held);
        self.state = State::Free;
    }

    /// Something was yielded when they were let go already.
    pub fn free_for_good(&mut self) {
        self.state = State::Free;
    }

    /// Puts all of them back in front of what was not read.
    pub(in crate::httpd) fn restore(&mut self, unread: &Queue) {
        self.buckets.move_before(unread);
        self.bytes = 0;
        self.state = State::Free;
    }

    /// Makes them outlive the call that brought them.
    pub fn set_aside(&self, pool: &Pool) -> Result<(), Error> {
        self.buckets.set_aside(pool)
    }

    fn let_go(&mut self, target: &Queue, held: &TakenBuckets) {
        let held = held.buckets();
        let mut stay = Vec::new();
        while let Some(kind) = self.buckets.front() {
            let Some(bucket) = self.buckets.remove_front() else {
                break;
            };
            match kind {
                _ if held.contains(&bucket.raw()) => stay.push(bucket),
                BucketKind::Data | BucketKind::End => drop(bucket),
                _ => target.append(bucket),
            }
        }
        for bucket in stay {
            self.buckets.append(bucket);
        }
    }
}
