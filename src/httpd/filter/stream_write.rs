//! The writing side of a stream: data behind data, metadata and the end in their places.

use bytes::Bytes;

use super::Filter;
use super::stream::{Stream, Traffic};
use crate::httpd::apr::bucket::BucketKind;
use crate::httpd::status::Error;

/// Pieces of data with fewer bytes than this are copied together into buckets of 8000 bytes.
const COPY_BELOW: usize = 1024;

impl Stream {
    /// Sends on the first `length` bytes of the piece taken last, as the bucket that it came in. `false` if that was
    /// done already.
    pub fn write_back(&mut self, length: usize) -> bool {
        let kept = self.rollback.are_kept();
        let bucket = if kept {
            self.rollback.pop()
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

    /// Appends bytes that the bucket owns; small pieces are copied together.
    pub fn write(&mut self, data: Bytes) -> Result<(), Error> {
        if data.len() < COPY_BELOW {
            return self.write_copy(&data);
        }
        self.wrote(data.len());
        self.outgoing.all().append_bytes(data);
        Ok(())
    }

    /// Appends a copy of `data`.
    pub fn write_copy(&mut self, data: &[u8]) -> Result<(), Error> {
        self.wrote(data.len());
        self.outgoing.all().append_copy(data)
    }

    /// Whether data of this length is better given as a slice to [`Self::write_copy`].
    pub fn prefers_copy(length: usize) -> bool {
        length < COPY_BELOW
    }

    /// Appends a part of a file, which is read when it is sent. The file stays open until the response is over; a
    /// further part of it does not open it again. The error `END_OF_FILE` means that the file has become shorter and
    /// does not have this part.
    pub fn write_file(
        &mut self,
        filter: &Filter,
        path: &[u8],
        offset: u64,
        length: usize,
    ) -> Result<(), Error> {
        let file = match self.file.take().filter(|file| file.path() == path) {
            Some(file) => file,
            None => filter.open(path)?,
        };
        if file.size()?.saturating_sub(offset) < length as u64 {
            return Err(Error::END_OF_FILE);
        }
        self.outgoing
            .all()
            .append_file(&file, offset, length, filter.pool());
        self.wrote(length);
        self.file = Some(file);
        Ok(())
    }

    /// How many written bytes wait in `outgoing`; buckets of unknown length are read for it.
    pub fn measure(&mut self) -> usize {
        if std::mem::take(&mut self.unmeasured) {
            self.buffered = self.outgoing.all().known_length();
        }
        self.buffered
    }

    pub(in crate::httpd) fn wrote(&mut self, length: usize) {
        self.buffered += length;
        self.traffic.written += length;
        self.note_held();
        self.touched = true;
    }

    /// Raises the most bytes that were kept at a time, if the stream keeps more now.
    pub(in crate::httpd) fn note_held(&mut self) {
        let held = self.buffered + self.rollback.bytes();
        self.traffic.held = self.traffic.held.max(held);
    }

    /// The traffic since the last call of this method.
    pub fn count_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// Drops what was written and not sent, and what is left to read.
    pub(in crate::httpd) fn drop_all(&mut self) {
        self.incoming.clear();
        self.forget_written();
    }

    /// Drops what was written and not sent, metadata too.
    pub(in crate::httpd) fn forget_written(&mut self) {
        self.last = None;
        self.outgoing.clear();
        self.buffered = 0;
        self.unmeasured = false;
    }

    /// Appends the FLUSH that was read behind what the filter's code wrote for it. Returns whether there was one.
    pub(in crate::httpd) fn pay_flush(&mut self) -> bool {
        let owed = std::mem::take(&mut self.flush_owed) && !self.rollback.are_kept();
        if owed {
            self.outgoing.all().append_flush();
        }
        owed
    }

    /// Puts EOS at the end, once.
    pub(in crate::httpd) fn append_end(&mut self) {
        if !self.closed {
            self.closed = true;
            self.outgoing.all().append_end();
        }
    }

    /// Drops data that was written and not sent; metadata stays.
    pub(in crate::httpd) fn drop_data(&mut self) {
        self.outgoing.move_before(&self.incoming);
        self.last = None;
        self.buffered = 0;
        self.unmeasured = false;
        while let Some(kind) = self.incoming.front() {
            if kind == BucketKind::Data {
                drop(self.incoming.remove_front());
            } else {
                self.incoming.move_front(&self.outgoing);
            }
        }
    }

    /// Drops data that was written and not sent; metadata, and what is left to read, stays.
    pub(in crate::httpd) fn drop_written(&mut self) {
        self.outgoing.leaving().drop_data();
        self.buffered = 0;
        self.unmeasured = false;
    }

    /// Moves what is unread to the written buckets, up to and with EOS.
    pub(in crate::httpd) fn move_rest(&mut self) {
        let rest = &self.incoming;
        while let Some(kind) = rest.front().map(|kind| self.meaning(kind)) {
            if self.closed && matches!(kind, BucketKind::Data | BucketKind::End) {
                drop(rest.remove_front());
                continue;
            }
            if kind == BucketKind::Data {
                let length = rest.all().front_length();
                self.buffered += length.unwrap_or(0);
                self.unmeasured |= length.is_none();
            }
            self.error_seen |= kind == BucketKind::Error;
            rest.move_front(&self.outgoing);
            if kind == BucketKind::End {
                self.closed = true;
                self.end_seen = true;
            }
        }
    }
}
