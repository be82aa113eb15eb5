//! Brigades of ours that are kept over several calls of httpd's.

use std::ops::Deref;
use std::ptr::NonNull;

use super::brigade::Brigade;
use super::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// A brigade of ours that is kept over several calls. Its pool owns it.
pub struct OwnedBrigade(NonNull<ffi::apr_bucket_brigade>);

impl OwnedBrigade {
    /// # Safety
    /// The value is not used after the pool is cleared or the bucket allocator destroyed.
    pub(in crate::httpd) unsafe fn new(
        pool: &Pool,
        allocator: *mut ffi::apr_bucket_alloc_t,
    ) -> Self {
        // SAFETY: both live; APR aborts rather than answer null.
        let raw = unsafe { ffi::apr_brigade_create(pool.as_ptr(), allocator) };
        Self(super::allocated(raw))
    }

    /// Another, empty one in the pool of `other`.
    #[cfg(test)]
    pub(in crate::httpd) fn beside(other: &Brigade) -> Self {
        // SAFETY: a brigade keeps the pool it was made in.
        let pool = unsafe { (*other.as_ptr()).p };
        // SAFETY: both live.
        let raw = unsafe { ffi::apr_brigade_create(pool, other.list()) };
        Self(super::allocated(raw))
    }
}

impl Deref for OwnedBrigade {
    type Target = Brigade;

    fn deref(&self) -> &Brigade {
        // SAFETY: `new`'s promise: the pool is still there.
        unsafe { Brigade::from_raw(self.0.as_ptr()) }
    }
}

impl Brigade {
    /// Makes every bucket outlive the call that brought it: memory lent for a call is copied into `pool`.
    pub fn set_aside(&self, pool: &Pool) -> Result<(), Error> {
        let mut at = self.first();
        while let Some(bucket) = at {
            // SAFETY: a bucket of this ring.
            unsafe { set_aside(bucket.as_ptr(), pool) }?;
            at = self.after(bucket);
        }
        Ok(())
    }
}

/// Makes a bucket outlive the call that brought it: memory lent for a call is copied.
///
/// # Safety
/// `bucket` is live and stands in a brigade.
pub(in crate::httpd) unsafe fn set_aside(
    bucket: *mut ffi::apr_bucket,
    pool: &Pool,
) -> Result<(), Error> {
    #[cfg(test)]
    super::brigade::tests::visit();
    // SAFETY: the caller's promise.
    let status = unsafe { ffi::mp_bucket_setaside(bucket, pool.as_ptr()) };
    // Some types of metadata have nothing to keep.
    match status == ffi::APR_ENOTIMPL as ffi::apr_status_t {
        true => Ok(()),
        false => Error::check(status),
    }
}
