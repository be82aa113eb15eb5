//! Brigades: rings of buckets, in the order of the stream.

use std::cell::UnsafeCell;
use std::ptr::{NonNull, null_mut};

use bytes::Bytes;

use super::bucket;
use super::bucket::{Bucket, BucketKind};
use super::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// An `apr_bucket_brigade`.
#[repr(transparent)]
pub struct Brigade(UnsafeCell<ffi::apr_bucket_brigade>);

impl Brigade {
    /// # Safety
    /// `raw` points to a live brigade for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::apr_bucket_brigade) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::apr_bucket_brigade {
        self.0.get()
    }

    pub(in crate::httpd) fn list(&self) -> *mut ffi::apr_bucket_alloc_t {
        // SAFETY: a brigade keeps the allocator it was made with.
        unsafe { (*self.as_ptr()).bucket_alloc }
    }

    pub(in crate::httpd) fn first(&self) -> Option<NonNull<ffi::apr_bucket>> {
        // SAFETY: a live ring; null stands for its sentinel.
        NonNull::new(unsafe { ffi::mp_brigade_first(self.as_ptr()) })
    }

    pub(in crate::httpd) fn after(
        &self,
        bucket: NonNull<ffi::apr_bucket>,
    ) -> Option<NonNull<ffi::apr_bucket>> {
        #[cfg(test)]
        tests::visit();
        // SAFETY: a bucket of this ring; reading it may have put its rest behind it by now.
        NonNull::new(unsafe { ffi::mp_brigade_next(self.as_ptr(), bucket.as_ptr()) })
    }

    pub(in crate::httpd) fn before(
        &self,
        bucket: NonNull<ffi::apr_bucket>,
    ) -> Option<NonNull<ffi::apr_bucket>> {
        // SAFETY: a bucket of this ring; null stands for its sentinel.
        NonNull::new(unsafe { ffi::mp_brigade_prev(self.as_ptr(), bucket.as_ptr()) })
    }

    pub(in crate::httpd) fn last(&self) -> Option<NonNull<ffi::apr_bucket>> {
        // SAFETY: a live ring; null stands for its sentinel.
        NonNull::new(unsafe { ffi::mp_brigade_last(self.as_ptr()) })
    }

    /// Whether there is no bucket at all.
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// The kinds of all buckets, in order.
    pub fn kinds(&self) -> impl Iterator<Item = BucketKind> {
        let mut at = self.first();
        std::iter::from_fn(move || {
            let bucket = at?;
            at = self.after(bucket);
            // SAFETY: as above.
            Some(unsafe { bucket::kind_of(bucket.as_ptr()) })
        })
    }

    /// The kind of the first bucket that a filter's code would see: data, FLUSH, and, unless
    /// `on_connection`, EOS or ERROR; other metadata, and data of length 0, do not count.
    pub fn first_event(&self, on_connection: bool) -> Option<BucketKind> {
        let mut at = self.first();
        while let Some(bucket) = at {
            // SAFETY: a bucket of this ring.
            let kind = unsafe { bucket::kind_of(bucket.as_ptr()) };
            // SAFETY: as above.
            let length = unsafe { bucket::length(bucket.as_ptr()) };
            let counts = match kind {
                BucketKind::Metadata => false,
                BucketKind::Data => length != Some(0),
                BucketKind::Flush => true,
                BucketKind::End | BucketKind::Error => !on_connection,
            };
            if counts {
                return Some(kind);
            }
            at = self.after(bucket);
        }
        None
    }

    /// The kind of the first bucket.
    pub fn front(&self) -> Option<BucketKind> {
        // SAFETY: a bucket of this ring.
        self.first()
            .map(|first| unsafe { bucket::kind_of(first.as_ptr()) })
    }

    /// The length of the first bucket in bytes; `None` where only reading can tell.
    pub fn front_length(&self) -> Option<usize> {
        let first = self.first()?;
        // SAFETY: a bucket of this ring.
        unsafe { bucket::length(first.as_ptr()) }
    }

    /// Whether there is data whose length is known only when it is read: a pipe, a socket.
    pub(in crate::httpd) fn has_unknown_length(&self) -> bool {
        let mut at = self.first();
        while let Some(bucket) = at {
            // SAFETY: a bucket of this ring.
            let is_data = unsafe { bucket::kind_of(bucket.as_ptr()) } == BucketKind::Data;
            // SAFETY: as above.
            if is_data && unsafe { bucket::length(bucket.as_ptr()) }.is_none() {
                return true;
            }
            at = self.after(bucket);
        }
        false
    }

    /// The bytes of the first bucket; empty when there is none, or when a pipe has just ended. With `block` it waits
    /// for a pipe or socket, else the error is `AGAIN`. Valid until the bucket is changed or removed.
    pub fn read_front(&self, block: bool) -> Result<&[u8], Error> {
        match self.first() {
            // SAFETY: a bucket of this ring; it stays until it is removed through `&self`, and
            // the callers in this folder use the bytes before that.
            Some(first) => unsafe { bucket::read(first.as_ptr(), block) },
            None => Ok(&[]),
        }
    }

    /// Cuts the first bucket behind its first `point` bytes; the rest becomes the second bucket. An error if it is
    /// shorter, or cannot be cut.
    pub fn split_front(&self, point: usize) -> Result<(), Error> {
        let Some(first) = self.first() else {
            return Ok(());
        };
        // SAFETY: a bucket of this ring.
        Error::check(unsafe { ffi::mp_bucket_split(first.as_ptr(), point) })
    }

    /// Removes the first bucket and returns it.
    pub fn remove_front(&self) -> Option<Bucket> {
        let first = self.first()?;
        // SAFETY: a bucket of this ring.
        unsafe { ffi::mp_bucket_remove(first.as_ptr()) };
        // SAFETY: it stands in no brigade now.
        Some(unsafe { Bucket::from_raw(first) })
    }

    /// The kind of the last bucket.
    pub fn back(&self) -> Option<BucketKind> {
        let last = self.last()?;
        // SAFETY: a bucket of this ring.
        Some(unsafe { bucket::kind_of(last.as_ptr()) })
    }

    /// Removes the last bucket and returns it.
    pub fn remove_back(&self) -> Option<Bucket> {
        let last = self.last()?;
        // SAFETY: a bucket of this ring.
        unsafe { ffi::mp_bucket_remove(last.as_ptr()) };
        // SAFETY: it stands in no brigade now.
        Some(unsafe { Bucket::from_raw(last) })
    }

    /// Puts a bucket at the end.
    pub fn append(&self, bucket: Bucket) {
        self.append_raw(bucket.into_raw());
    }

    pub(in crate::httpd) fn append_raw(&self, bucket: *mut ffi::apr_bucket) {
        // SAFETY: a live bucket that stands in no brigade.
        unsafe { ffi::mp_brigade_insert_tail(self.as_ptr(), bucket) }
    }

    /// Moves all buckets of `other` to the end of this one.
    pub fn append_all(&self, other: &Brigade) {
        // SAFETY: two live rings of the same connection.
        unsafe { ffi::mp_brigade_concat(self.as_ptr(), other.as_ptr()) }
    }

    /// Moves all buckets of `other` to the front of this one.
    pub fn prepend_all(&self, other: &Brigade) {
        // SAFETY: two live rings of the same connection.
        unsafe { ffi::mp_brigade_prepend(self.as_ptr(), other.as_ptr()) }
    }

    /// Moves the first bucket of `other` to the end of this one.
    pub fn append_front_of(&self, other: &Brigade) {
        if let Some(bucket) = other.remove_front() {
            self.append(bucket);
        }
    }

    /// Appends bytes without copying them; the bucket owns them.
    pub fn append_bytes(&self, data: Bytes) {
        if !data.is_empty() {
            self.append_raw(bucket::owning(data, self.list()));
        }
    }

    /// Appends a copy of `data`; small pieces share a bucket of 8000 bytes. An error if there is no memory.
    pub fn append_copy(&self, data: &[u8]) -> Result<(), Error> {
        // SAFETY: APR copies `data`; without a flush function it only appends.
        Error::check(unsafe {
            ffi::apr_brigade_write(
                self.as_ptr(),
                None,
                null_mut(),
                data.as_ptr().cast(),
                data.len(),
            )
        })
    }

    /// Appends a copy of `data` in a bucket of its size: for pieces that will hardly be followed by
    /// others.
    pub fn append_lone_copy(&self, data: &[u8]) {
        // SAFETY: without a function to free it, APR copies `data`; the brigade's own list.
        let bucket = unsafe {
            ffi::apr_bucket_heap_create(data.as_ptr().cast(), data.len(), None, self.list())
        };
        self.append_raw(bucket);
    }

    /// Appends a FLUSH bucket.
    pub fn append_flush(&self) {
        self.append_raw(bucket::flush(self.list()));
    }

    /// Appends an EOS bucket.
    pub fn append_end(&self) {
        self.append_raw(bucket::end(self.list()));
    }

    /// Appends an ERROR bucket with an HTTP status.
    pub fn append_error(&self, status: i32, pool: &Pool) {
        // SAFETY: live pool and allocator; httpd copies the (absent) message.
        self.append_raw(unsafe {
            ffi::ap_bucket_error_create(status, std::ptr::null(), pool.as_ptr(), self.list())
        });
    }

    /// Destroys all buckets.
    pub fn clear(&self) {
        // SAFETY: a live ring; the brigade itself stays.
        unsafe { ffi::apr_brigade_cleanup(self.as_ptr().cast()) };
    }

    /// Destroys the buckets that hold data.
    pub fn drop_data(&self) {
        self.drop_from(self.first(), |kind| kind == BucketKind::Data);
    }

    /// Destroys the buckets of some kinds, from this one on. Returns how many bytes they held, as far as that is known.
    pub(in crate::httpd) fn drop_from(
        &self,
        mut at: Option<NonNull<ffi::apr_bucket>>,
        mut is_dropped: impl FnMut(BucketKind) -> bool,
    ) -> usize {
        let mut dropped = 0;
        while let Some(found) = at {
            at = self.after(found);
            // SAFETY: a bucket of this ring.
            if is_dropped(unsafe { bucket::kind_of(found.as_ptr()) }) {
                // SAFETY: as above; no other code uses it.
                let taken = unsafe { Bucket::from_ring(found) };
                dropped += taken.length().unwrap_or(0);
            }
        }
        dropped
    }
}

#[cfg(test)]
pub(in crate::httpd) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How often a bucket was set aside, or gone on from to the next one, in this test.
        pub(in crate::httpd) static VISITS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in crate::httpd) fn visit() {
        VISITS.set(VISITS.get() + 1);
    }

    /// Runs `test` with an empty brigade in a pool of its own: APR only, no httpd.
    pub(in crate::httpd) fn with_brigade(test: impl FnOnce(&Brigade)) {
        let mut pool = null_mut();
        static APR: std::sync::Once = std::sync::Once::new();
        // SAFETY: once, before any other use of APR.
        APR.call_once(|| assert_eq!(unsafe { ffi::apr_initialize() }, 0));
        // SAFETY: `pool` is a place for the result; no parent, default abort and allocator.
        unsafe { ffi::apr_pool_create_ex(&raw mut pool, null_mut(), None, null_mut()) };
        // SAFETY: a live pool.
        let list = unsafe { ffi::apr_bucket_alloc_create(pool) };
        // SAFETY: both live.
        let brigade = unsafe { ffi::apr_brigade_create(pool, list) };
        // SAFETY: live until the pool is destroyed below.
        test(unsafe { Brigade::from_raw(brigade) });
        // SAFETY: nothing of the pool is used any more.
        unsafe { ffi::apr_pool_destroy(pool) };
    }

    fn text(brigade: &Brigade) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(kind) = brigade.front() {
            match kind {
                BucketKind::Data => all.extend_from_slice(brigade.read_front(true).unwrap()),
                BucketKind::Flush => all.push(b'|'),
                BucketKind::End => all.push(b'$'),
                _ => all.push(b'?'),
            }
            drop(brigade.remove_front());
        }
        all
    }

    #[test]
    fn prefixes_keep_metadata_in_its_place() {
        with_brigade(|brigade| {
            with_brigade(|target| {
                brigade.append_bytes(Bytes::from_static(b"abc"));
                brigade.append_flush();
                brigade.append_bytes(Bytes::from_static(b"defg"));
                brigade.append_end();
                assert!(!brigade.move_prefix(target, 5).unwrap());
                assert_eq!(text(target), b"abc|de");
                assert!(brigade.move_prefix(target, 5).unwrap());
                assert_eq!(text(target), b"fg$");
            });
        });
    }

    #[test]
    fn an_empty_bucket_hides_no_end() {
        with_brigade(|brigade| {
            with_brigade(|target| {
                brigade.append_bytes(Bytes::from_static(b"line\n"));
                brigade.append_end();
                brigade.move_line(target, 8192).unwrap();
                assert_eq!(text(target), b"line\n");
                assert!(brigade.move_prefix(target, 0).unwrap());
                assert_eq!(text(target), b"$");
            });
        });
    }

    #[test]
    fn copies_of_a_prefix_consume_nothing() {
        with_brigade(|brigade| {
            with_brigade(|target| {
                brigade.append_bytes(Bytes::from_static(b"ab"));
                brigade.append_bytes(Bytes::from_static(b"cd"));
                for _ in 0..2 {
                    brigade.copy_prefix(target, 3).unwrap();
                    assert_eq!(text(target), b"abc");
                }
                brigade.append_end();
                brigade.append_bytes(Bytes::from_static(b"none of it"));
                brigade.copy_prefix(target, 9).unwrap();
                assert_eq!(text(target), b"abcd$");
                assert_eq!(text(brigade), b"abcd$none of it");
            });
        });
    }

    #[test]
    fn lines_end_at_their_line_feed() {
        with_brigade(|brigade| {
            with_brigade(|target| {
                brigade.append_bytes(Bytes::from_static(b"one\ntw"));
                brigade.append_bytes(Bytes::from_static(b"o\nrest"));
                brigade.move_line(target, 8192).unwrap();
                assert_eq!(text(target), b"one\n");
                brigade.move_line(target, 8192).unwrap();
                assert_eq!(text(target), b"two\n");
                assert_eq!(text(brigade), b"rest");
            });
        });
    }
}
