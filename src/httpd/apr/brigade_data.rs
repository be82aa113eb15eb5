//! The data in a brigade: taken, moved or copied by length and by line.

use std::ptr::NonNull;

use super::brigade::Brigade;
use super::bucket;
use super::bucket::BucketKind;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// Appends a copy of `data`. The error is `NO_MEMORY`, in place of an abort, since a client chooses the length.
pub(in crate::httpd) fn extend(target: &mut Vec<u8>, data: &[u8]) -> Result<(), Error> {
    target
        .try_reserve(data.len())
        .map_err(|_| Error::NO_MEMORY)?;
    target.extend_from_slice(data);
    Ok(())
}

impl Brigade {
    /// Moves data of the first bucket, which is in memory, to `target`: at most `limit` bytes, and with `line` at most
    /// one line, its LF included. After `NO_MEMORY` the data is still in the bucket.
    pub fn take_data(&self, limit: usize, line: bool, target: &mut Vec<u8>) -> Result<(), Error> {
        let data = self.read_front(true).unwrap_or_default();
        let mut length = data.len().min(limit);
        if line {
            length = memchr::memchr(b'\n', &data[..length]).map_or(length, |at| at + 1);
        }
        self.give_data(length, |data| extend(target, data))
    }

    /// Gives at most `limit` bytes of the first bucket, which is in memory, to `take`, and removes them. If `take`
    /// returns an error, they are still in the bucket.
    pub fn give_data<E>(
        &self,
        limit: usize,
        take: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let data = self.read_front(true).unwrap_or_default();
        let length = data.len().min(limit);
        take(&data[..length])?;
        if length < data.len() {
            // Memory splits at any point within. (At its end it would leave an empty bucket.)
            let _ = self.split_front(length);
        }
        drop(self.remove_front());
        Ok(())
    }

    /// Moves at most `limit` bytes of data, and the metadata before their end, to `target`; stops behind EOS. Returns
    /// whether EOS was moved.
    pub fn move_prefix(&self, target: &Brigade, limit: usize) -> Result<bool, Error> {
        let mut left = limit;
        while let Some(kind) = self.front() {
            if kind == BucketKind::Data && self.front_length() != Some(0) {
                if left == 0 {
                    break;
                }
                let length = self.read_front(true)?.len();
                if length > left {
                    self.split_front(left)?;
                }
                left -= length.min(left);
            }
            target.append_front_of(self);
            if kind == BucketKind::End {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As `move_prefix`, but reads nothing: files stay files. Data of unknown length is moved as a whole.
    pub fn move_slice(&self, target: &Brigade, limit: usize) -> Result<(), Error> {
        let mut left = limit;
        while let Some(kind) = self.front() {
            let length = self.front_length().unwrap_or(left.max(1));
            if kind == BucketKind::Data && length > left {
                if left == 0 {
                    break;
                }
                self.split_front(left)?;
            }
            left -= length.min(left);
            target.append_front_of(self);
        }
        Ok(())
    }

    /// Moves one line, its LF included, to `target`; at most `limit` bytes.
    pub fn move_line(&self, target: &Brigade, limit: usize) -> Result<(), Error> {
        // SAFETY: two live rings of one connection.
        Error::check(unsafe {
            ffi::apr_brigade_split_line(
                target.as_ptr(),
                self.as_ptr(),
                ffi::APR_BLOCK_READ,
                limit as ffi::apr_off_t,
            )
        })
    }

    /// How many bytes of data stand behind the bucket `mark` (`None`: in the whole brigade), as far as that is known, and
    /// whether EOS does.
    pub(in crate::httpd) fn since(&self, mark: Option<NonNull<ffi::apr_bucket>>) -> (usize, bool) {
        let mut at = match mark {
            Some(mark) => self.after(mark),
            None => self.first(),
        };
        let (mut total, mut ended) = (0, false);
        while let Some(bucket) = at {
            // SAFETY: a bucket of this ring.
            match unsafe { bucket::kind_of(bucket.as_ptr()) } {
                BucketKind::Data => {
                    // SAFETY: as above.
                    total += unsafe { bucket::length(bucket.as_ptr()) }.unwrap_or(0);
                }
                BucketKind::End => ended = true,
                _ => {}
            }
            at = self.after(bucket);
        }
        (total, ended)
    }

    /// Whether `test` returns true for a piece of the data. The data is read; what cannot be read counts as empty.
    pub(in crate::httpd) fn any_data(&self, mut test: impl FnMut(&[u8]) -> bool) -> bool {
        let mut at = self.first();
        while let Some(bucket) = at {
            // SAFETY: a bucket of this ring.
            if unsafe { bucket::kind_of(bucket.as_ptr()) } == BucketKind::Data {
                // SAFETY: a bucket of this ring; the bytes are looked at before it changes.
                let data = unsafe { bucket::read(bucket.as_ptr(), true) }.unwrap_or_default();
                if test(data) {
                    return true;
                }
            }
            at = self.after(bucket);
        }
        false
    }

    /// How many bytes of data all buckets hold; data of unknown length is read.
    pub(in crate::httpd) fn data_length(&self) -> usize {
        let mut total = 0;
        self.any_data(|data| {
            total += data.len();
            false
        });
        total
    }

    /// How many bytes of data all buckets hold; only data of unknown length is read.
    pub fn known_length(&self) -> usize {
        let mut total = 0;
        let mut at = self.first();
        while let Some(bucket) = at {
            // SAFETY: a bucket of this ring.
            if unsafe { bucket::kind_of(bucket.as_ptr()) } == BucketKind::Data {
                // SAFETY: as above.
                total += unsafe { bucket::length(bucket.as_ptr()) }.unwrap_or_else(|| {
                    // SAFETY: as above; its rest is behind it now.
                    unsafe { bucket::read(bucket.as_ptr(), true) }.map_or(0, <[u8]>::len)
                });
            }
            at = self.after(bucket);
        }
        total
    }

    /// Copies at most `limit` bytes of the data at the front to `target`, and EOS if it comes before that. The brigade
    /// stays as it is.
    pub fn copy_prefix(&self, target: &Brigade, limit: usize) -> Result<(), Error> {
        let mut left = limit;
        let mut at = self.first();
        while let Some(bucket) = at.filter(|_| left > 0) {
            // SAFETY: a bucket of this ring.
            match unsafe { bucket::kind_of(bucket.as_ptr()) } {
                BucketKind::Data => {
                    // SAFETY: a bucket of this ring; the bytes are copied at once.
                    let data = unsafe { bucket::read(bucket.as_ptr(), true) }?;
                    let part = &data[..data.len().min(left)];
                    target.append_copy(part)?;
                    left -= part.len();
                }
                BucketKind::End => {
                    target.append_end();
                    break;
                }
                _ => {}
            }
            at = self.after(bucket);
        }
        Ok(())
    }
}
