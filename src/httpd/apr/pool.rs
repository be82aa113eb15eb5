//! Pools: httpd's arenas. What a pool owns lives until the pool is cleared.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::ops::Deref;
use std::ptr::NonNull;

use crate::httpd::ffi;
use crate::httpd::guard::guard;

/// An `apr_pool_t`. Always behind a reference whose lifetime is that of httpd's call.
#[repr(transparent)]
pub struct Pool(UnsafeCell<ffi::apr_pool_t>);

impl Pool {
    /// # Safety
    /// `raw` points to a live pool for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::apr_pool_t) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::apr_pool_t {
        self.0.get()
    }

    /// Gives a value to the pool: dropped when the pool is cleared, in reverse order of giving.
    pub fn own<T: 'static>(&self, value: T) -> &T {
        let value = Box::into_raw(Box::new(value));
        // SAFETY: `drop_box::<T>` matches the pointer; APR calls it once.
        unsafe {
            ffi::apr_pool_cleanup_register(
                self.as_ptr(),
                value.cast(),
                Some(drop_box::<T>),
                Some(ffi::apr_pool_cleanup_null),
            );
        }
        // SAFETY: the box lives until the pool is cleared, which outlives `&self`.
        unsafe { &*value }
    }

    /// Like `own`, but dropped before sub-pools and other cleanups go: what it refers to still lives.
    pub fn own_first<T: 'static>(&self, value: T) -> &T {
        let value = Box::into_raw(Box::new(value));
        // SAFETY: `drop_box::<T>` matches the pointer; APR calls it once.
        unsafe {
            ffi::apr_pool_pre_cleanup_register(self.as_ptr(), value.cast(), Some(drop_box::<T>));
        }
        // SAFETY: the box lives until the pool is cleared, which outlives `&self`.
        unsafe { &*value }
    }

    /// The pool's own `T` under this key, made by `make` when there is none yet. One key stands for one type.
    pub fn keyed<T: 'static>(&self, key: &'static CStr, make: impl FnOnce() -> T) -> &T {
        let mut found: *mut c_void = std::ptr::null_mut();
        // SAFETY: the key is NUL-terminated, `found` is a place for one pointer.
        unsafe { ffi::apr_pool_userdata_get(&raw mut found, key.as_ptr(), self.as_ptr()) };
        if found.is_null() {
            let value: *const T = self.own(make());
            // SAFETY: the key is static; the value dies by its own cleanup.
            unsafe {
                ffi::apr_pool_userdata_setn(value.cast(), key.as_ptr(), None, self.as_ptr());
            }
            found = value.cast_mut().cast();
        }
        // SAFETY: under one key there is always one type, given to the pool by `own` above.
        unsafe { &*found.cast::<T>() }
    }

    /// A NUL-terminated copy of `text` that lives as long as the pool.
    pub(in crate::httpd) fn copy_text(&self, text: &[u8]) -> *mut c_char {
        // SAFETY: `text` is valid for its length; APR appends the NUL.
        unsafe { ffi::apr_pstrmemdup(self.as_ptr(), text.as_ptr().cast(), text.len()) }
    }
}

/// A pool of our own, outside of httpd's tree of pools: any thread may destroy it.
pub struct OwnPool(NonNull<ffi::apr_pool_t>);

impl OwnPool {
    /// An empty pool.
    pub fn new() -> Self {
        let mut raw = std::ptr::null_mut();
        // SAFETY: a place for the pool; no parent, and an allocator of its own.
        let status =
            unsafe { ffi::apr_pool_create_unmanaged_ex(&raw mut raw, None, std::ptr::null_mut()) };
        assert_eq!(status, 0, "out of memory");
        Self(NonNull::new(raw).expect("a pool that was made"))
    }
}

impl Default for OwnPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for OwnPool {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        // SAFETY: ours until we drop it.
        unsafe { Pool::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for OwnPool {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and nothing of it is used any more.
        unsafe { ffi::apr_pool_destroy(self.0.as_ptr()) };
    }
}

unsafe extern "C" fn drop_box<T>(value: *mut c_void) -> ffi::apr_status_t {
    guard("a pool cleanup", (), || {
        // SAFETY: registered with the pointer of a `Box<T>`, called once by APR.
        drop(unsafe { Box::from_raw(value.cast::<T>()) });
    });
    0
}
