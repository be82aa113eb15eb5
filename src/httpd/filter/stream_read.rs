//! The reading side of a stream: pieces of data at the front of what has arrived, and the metadata between.

use super::stream::Stream;
use crate::httpd::apr::bucket::{Bucket, BucketKind};
use crate::httpd::status::Error;

impl Stream {
    /// The kind of the first bucket in `incoming` that is an event; metadata before it is moved on. `None`: no bucket
    /// is left.
    pub(in crate::httpd) fn look(&mut self) -> Option<BucketKind> {
        loop {
            match self.meaning(self.incoming.front()?) {
                BucketKind::Data if self.incoming.all().front_length() == Some(0) => {
                    drop(self.incoming.remove_front());
                }
                kind @ (BucketKind::Data | BucketKind::Flush | BucketKind::End) => {
                    return Some(kind);
                }
                _ => self.take_mark(),
            }
        }
    }

    /// Removes a metadata bucket from the front and puts it into its place among the written buckets, or aside with the
    /// original buckets. The caller notes a FLUSH or EOS.
    pub(in crate::httpd) fn take_mark(&mut self) {
        let Some(kind) = self.incoming.front().map(|kind| self.meaning(kind)) else {
            return;
        };
        let Some(bucket) = self.incoming.remove_front() else {
            return;
        };
        self.error_seen |= kind == BucketKind::Error;
        if self.rollback.are_kept() {
            self.keep(bucket, 0);
        } else if !matches!(kind, BucketKind::Flush | BucketKind::End) {
            self.outgoing.append(bucket);
        }
    }

    /// Removes the FLUSH at the front, and notes it.
    pub(in crate::httpd) fn take_flush(&mut self) {
        self.take_mark();
        self.flush_owed = true;
        self.took();
    }

    /// Removes the EOS at the front, and notes it.
    pub(in crate::httpd) fn take_end(&mut self) {
        self.take_mark();
        self.end_seen = true;
        self.took();
    }

    /// Keeps a bucket that was read, with `length` bytes, so that it can be restored. Past the limit all of them are
    /// dropped.
    pub(in crate::httpd) fn keep(&mut self, bucket: Bucket, length: usize) {
        self.rollback.push(bucket, length);
        self.note_held();
        if self.rollback.are_too_many() {
            self.taken_buckets.forget_dropped();
            self.rollback.lose(&self.outgoing, &self.taken_buckets);
        }
    }

    /// Whether there is something the filter's code could be called for: data, a FLUSH or the end.
    pub fn has_event(&mut self) -> bool {
        let first = self.incoming.all().first_event(self.is_on_connection());
        while first.is_none() && self.has_data() {
            // Of length 0: an empty brigade is not passed on.
            drop(self.incoming.remove_front());
        }
        !self.error_seen && first.is_some_and(|kind| kind != BucketKind::Error)
    }

    /// Whether the first bucket is data.
    pub fn has_data(&self) -> bool {
        self.incoming.front() == Some(BucketKind::Data)
    }

    /// Makes the first bucket a piece of at most `limit` bytes in memory. Returns its length in bytes; 0
    /// when it turned out to be empty (a pipe that ended), and was removed.
    pub(in crate::httpd) fn load(&mut self, limit: usize, block: bool) -> Result<usize, Error> {
        let length = self.incoming.all().read_front(block)?.len();
        if length == 0 {
            drop(self.incoming.remove_front());
        } else if length > limit {
            self.incoming.split_front(limit)?;
        }
        Ok(length.min(limit))
    }

    /// The piece at hand, after [`Next::Data`](super::stream::Next::Data).
    pub fn chunk(&self) -> &[u8] {
        // It is in memory, so this neither blocks nor fails.
        self.incoming.all().read_front(true).unwrap_or_default()
    }

    /// Removes `length` bytes of the piece at hand; [`Self::write_back`] can send them on as they are.
    pub fn take(&mut self, length: usize) -> Result<(), Error> {
        if length < self.chunk().len() {
            self.incoming.split_front(length)?;
        }
        self.traffic.taken += length;
        self.last = self.incoming.remove_front();
        if self.rollback.are_kept() {
            if let Some(bucket) = self.last.take() {
                self.keep(bucket, length);
            }
        }
        self.took();
        Ok(())
    }

    /// A copy of the next `limit` bytes, which stay unread; fewer only at the end. `None`: so many have not arrived
    /// yet.
    pub(in crate::httpd) fn peek(
        &mut self,
        limit: usize,
        block: bool,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.unpeek();
        let seen = self.incoming.peek(limit, block)?;
        if seen.is_none() {
            // All of it was looked at: the filter's code is not called for it again before more has arrived.
            self.incoming.move_before(&self.ahead);
        }
        Ok(seen)
    }

    /// Puts back what was peeked at in vain.
    pub(in crate::httpd) fn unpeek(&mut self) {
        self.ahead.move_before(&self.incoming);
    }

    /// Notes an event that the filter's code has taken.
    pub(in crate::httpd) fn took(&mut self) {
        self.taken += 1;
        self.touched = true;
    }
}
