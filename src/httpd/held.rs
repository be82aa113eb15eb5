//! Brigades that are kept.

use std::ops::Deref;
use std::ptr::NonNull;

use super::{Brigade, Connection, Pool, ffi};

/// A brigade of ours that is kept over several calls. Its pool owns it.
pub struct Held(NonNull<ffi::apr_bucket_brigade>);

impl Held {
    /// # Safety
    /// The value is not used after the pool is cleared or the connection gone.
    pub(super) unsafe fn new(pool: &Pool, connection: &Connection) -> Self {
        let list = connection.bucket_list();
        // SAFETY: both live; APR aborts rather than answer null.
        let raw = unsafe { ffi::apr_brigade_create(pool.as_ptr(), list) };
        Self(NonNull::new(raw).expect("APR aborts when memory is out"))
    }
}

impl Deref for Held {
    type Target = Brigade;

    fn deref(&self) -> &Brigade {
        // SAFETY: `new`'s promise: the pool is still there.
        unsafe { Brigade::from_raw(self.0.as_ptr()) }
    }
}
