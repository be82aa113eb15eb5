//! The buckets that a streaming filter has read before its first yield. They are kept as they came, so that
//! the filter can still step out without having changed the response.

use super::queue::Queue;
use super::stream_buckets::TakenBuckets;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::apr::pool::Pool;
use crate::httpd::status::Error;

/// The buckets that were read, and whether all of them are still there.
pub struct Rollback {
    buckets: Queue,
    bytes: usize,
    limit: usize,
    state: RollbackState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RollbackState {
    /// All buckets that were read are here.
    Kept,
    /// More was read than is kept, so they were dropped; nothing was yielded yet.
    Lost,
    /// Something was yielded, or the filter is a plain function: a rollback is not needed any more.
    Free,
}

impl Rollback {
    /// A rollback for a filter that never needs one.
    pub(in crate::httpd) fn free(buckets: Queue) -> Self {
        Self {
            buckets,
            bytes: 0,
            limit: 0,
            state: RollbackState::Free,
        }
    }

    /// From now on keeps the buckets that are read, up to `limit` bytes.
    pub fn keep(&mut self, limit: usize) {
        self.limit = limit;
        self.state = RollbackState::Kept;
    }

    /// Whether all buckets that were read are here.
    pub fn are_kept(&self) -> bool {
        self.state == RollbackState::Kept
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> usize {
        match self.state {
            RollbackState::Kept => self.bytes,
            RollbackState::Lost | RollbackState::Free => 0,
        }
    }

    /// Whether a rollback would still be allowed, but the buckets were dropped.
    pub fn are_lost(&self) -> bool {
        self.state == RollbackState::Lost
    }

    /// Keeps a bucket that was read, with `length` bytes; metadata, too.
    pub fn push(&mut self, bucket: Bucket, length: usize) {
        self.buckets.append(bucket);
        self.bytes += length;
    }

    /// Whether more was read than is kept.
    pub fn are_too_many(&self) -> bool {
        self.state == RollbackState::Kept && self.bytes > self.limit
    }

    /// Keeps them no longer: data is dropped except for buckets that the filter's code holds, and metadata is moved to
    /// `target`.
    pub(in crate::httpd) fn lose(&mut self, target: &Queue, held: &TakenBuckets) {
        self.let_go(target, held);
        self.state = RollbackState::Lost;
    }

    /// The brigade of the kept buckets.
    pub(in crate::httpd) fn ring(&self) -> &Queue {
        &self.buckets
    }

    /// Removes the bucket that was read last, if nothing came behind it.
    pub fn pop(&mut self) -> Option<Bucket> {
        (self.buckets.all().back() == Some(BucketKind::Data)).then(|| self.buckets.remove_back())?
    }

    /// Something was yielded: data is dropped except for buckets that the filter's code holds, and metadata is moved to
    /// `target` in its order.
    pub(in crate::httpd) fn release(&mut self, target: &Queue, held: &TakenBuckets) {
        self.let_go(target, held);
        self.state = RollbackState::Free;
    }

    /// Something was yielded after they were dropped.
    pub fn free_for_good(&mut self) {
        self.state = RollbackState::Free;
    }

    /// Puts all of them back in front of what was not read.
    pub(in crate::httpd) fn restore(&mut self, unread: &Queue) {
        self.buckets.move_before(unread);
        self.bytes = 0;
        self.state = RollbackState::Free;
    }

    /// Makes the kept buckets outlive the call that brought them.
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
