//! Bucket types of our own. The data of such a bucket is a boxed Rust value, which the bucket owns.
//!
//! httpd may read, copy, split and destroy a bucket on any thread that works on its connection.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use super::bucket::empty;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::status::Error;

/// What a bucket of a type answers when it is read: `Ok` with memory that the bucket keeps.
pub(super) type Read = unsafe extern "C" fn(
    *mut ffi::apr_bucket,
    *mut *const c_char,
    *mut ffi::apr_size_t,
    ffi::apr_read_type_e,
) -> ffi::apr_status_t;

/// A bucket type: its name, and APR's operations on it.
pub(super) struct Type(pub(super) ffi::apr_bucket_type_t);

// SAFETY: constant after construction.
unsafe impl Sync for Type {}

impl Type {
    /// The type of data buckets that own a `T`. Copies of a bucket share what the clone of a `T` shares.
    pub(super) const fn owning<T: Clone>(name: &'static std::ffi::CStr, read: Read) -> Self {
        Self(ffi::apr_bucket_type_t {
            name: name.as_ptr(),
            num_func: 5,
            is_metadata: ffi::APR_BUCKET_DATA,
            destroy: Some(destroy::<T>),
            read: Some(read),
            // Setting aside needs no copy: the bucket owns what it shows.
            setaside: Some(ffi::apr_bucket_setaside_noop),
            split: Some(split::<T>),
            copy: Some(copy::<T>),
        })
    }

    /// A bucket of this type, in no brigade, for the connection of `list`. It shows `length` bytes of its data from
    /// byte `start` on.
    ///
    /// # Safety
    /// The type was made by `owning::<T>`.
    pub(super) unsafe fn bucket<T>(
        &'static self,
        data: T,
        start: u64,
        length: usize,
        list: *mut ffi::apr_bucket_alloc_t,
    ) -> *mut ffi::apr_bucket {
        let bucket = empty(list);
        // SAFETY: made just now; all fields that `empty` left open are set here.
        let fields = unsafe { &mut *bucket };
        fields.type_ = &raw const self.0;
        fields.start = start as ffi::apr_off_t;
        fields.length = length;
        fields.data = Box::into_raw(Box::new(data)).cast();
        bucket
    }
}

/// Answers a read with no bytes. Some callers look at the answer even after an error.
///
/// # Safety
/// `data` and `length` are the places for the answer of a read.
pub(super) unsafe fn answer_nothing(data: *mut *const c_char, length: *mut ffi::apr_size_t) {
    // SAFETY: the caller's promise.
    unsafe { data.write(c"".as_ptr()) };
    // SAFETY: as above.
    unsafe { length.write(0) };
}

/// Drops what a bucket owns. APR calls it once, with the bucket's data.
///
/// # Safety
/// `data` is the box of a bucket that owns a `T`.
pub(super) unsafe extern "C" fn destroy<T>(data: *mut c_void) {
    guard("the end of a bucket", (), || {
        // SAFETY: the box that `Type::bucket` or `copy` put there; destroyed once.
        drop(unsafe { Box::from_raw(data.cast::<T>()) });
    });
}

/// Makes a second bucket over the same bytes, in no brigade.
unsafe extern "C" fn copy<T: Clone>(
    bucket: *mut ffi::apr_bucket,
    place: *mut *mut ffi::apr_bucket,
) -> ffi::apr_status_t {
    let copied = guard("the copy of a bucket", Err(Error::GENERAL), || {
        // SAFETY: APR calls this for live buckets of our type.
        let fields = unsafe { &*bucket };
        // SAFETY: the data of this type is a `T`.
        let data = unsafe { &*fields.data.cast::<T>() }.clone();
        // SAFETY: a live bucket, whose fields APR copies into a new one; a place given by the caller.
        Error::check(unsafe { ffi::apr_bucket_simple_copy(bucket, place) })?;
        // SAFETY: written by APR just now.
        let twin = unsafe { *place };
        // SAFETY: made by APR just now; no other code knows it.
        unsafe { (*twin).data = Box::into_raw(Box::new(data)).cast() };
        Ok(())
    });
    Error::code(copied)
}

/// Cuts a bucket behind its first `point` bytes: the rest becomes a bucket behind it.
unsafe extern "C" fn split<T: Clone>(
    bucket: *mut ffi::apr_bucket,
    point: ffi::apr_size_t,
) -> ffi::apr_status_t {
    let result = guard("the split of a bucket", Err(Error::GENERAL), || {
        // SAFETY: APR calls this for live buckets of our type.
        if point > unsafe { (*bucket).length } {
            return Err(Error(ffi::APR_EINVAL as ffi::apr_status_t));
        }
        let mut rest: *mut ffi::apr_bucket = null_mut();
        // SAFETY: as above, and a place for the answer.
        Error::check(unsafe { copy::<T>(bucket, &raw mut rest) })?;
        // SAFETY: made by `copy` just now.
        let tail = unsafe { &mut *rest };
        tail.start += point as ffi::apr_off_t;
        tail.length -= point;
        // SAFETY: a live bucket, no other reference to it here.
        unsafe { (*bucket).length = point };
        // SAFETY: `bucket` stands in a brigade, `rest` in none.
        unsafe { ffi::mp_bucket_insert_after(bucket, rest) };
        Ok(())
    });
    Error::code(result)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::httpd::apr::brigade::tests::with_brigade;

    /// A value whose use panics.
    struct Broken;

    thread_local! {
        static BREAKS: Cell<bool> = const { Cell::new(false) };
    }

    impl Clone for Broken {
        fn clone(&self) -> Self {
            panic!("no clone")
        }
    }

    impl Drop for Broken {
        fn drop(&mut self) {
            assert!(!BREAKS.get(), "no drop");
        }
    }

    unsafe extern "C" fn read(
        _bucket: *mut ffi::apr_bucket,
        _data: *mut *const c_char,
        _length: *mut ffi::apr_size_t,
        _block: ffi::apr_read_type_e,
    ) -> ffi::apr_status_t {
        0
    }

    static BROKEN: Type = Type::owning::<Broken>(c"BROKEN", read);

    #[test]
    fn a_panic_in_a_bucket_is_an_error_of_the_operation() {
        with_brigade(|brigade| {
            // SAFETY: `BROKEN` was made for `Broken`.
            brigade.append_raw(unsafe { BROKEN.bucket(Broken, 0, 10, brigade.list()) });
            assert_eq!(brigade.split_front(5), Err(Error::GENERAL));
            assert_eq!(brigade.front_length(), Some(10));
            BREAKS.set(true);
            brigade.clear();
            BREAKS.set(false);
        });
    }
}
