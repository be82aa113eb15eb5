//! Buckets: the pieces a brigade is made of, and our own type that owns a [`Bytes`].

use std::ffi::c_char;
use std::ptr::{NonNull, null_mut};

use bytes::Bytes;

use super::brigade::Brigade;
use super::bucket_type::{Type, answer_nothing};
use super::file_part;
use crate::httpd::cstr::bytes_of;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::status::Error;

/// What a bucket means to a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketKind {
    /// A piece of the body.
    Data,
    /// FLUSH: filters send what they hold back.
    Flush,
    /// EOS, the end of the stream.
    End,
    /// An HTTP status that replaces, or cuts, the response.
    Error,
    /// Any other metadata, which filters pass on in its place.
    Metadata,
}

/// The kind of a bucket.
///
/// # Safety
/// `bucket` is a live bucket.
pub(in crate::httpd) unsafe fn kind_of(bucket: *const ffi::apr_bucket) -> BucketKind {
    // SAFETY: the caller's promise.
    let kind = unsafe { (*bucket).type_ };
    if kind == &raw const ffi::apr_bucket_type_eos {
        return BucketKind::End;
    }
    if kind == &raw const ffi::apr_bucket_type_flush {
        return BucketKind::Flush;
    }
    // SAFETY: as above.
    if unsafe { ffi::mp_bucket_is_error(bucket) } != 0 {
        return BucketKind::Error;
    }
    // SAFETY: a bucket's type outlives the bucket.
    match unsafe { (*kind).is_metadata } {
        ffi::APR_BUCKET_METADATA => BucketKind::Metadata,
        _ => BucketKind::Data,
    }
}

/// A bucket that stands in no brigade and is ours alone; destroyed when dropped.
pub struct Bucket(NonNull<ffi::apr_bucket>);

impl Bucket {
    /// # Safety
    /// `raw` is live, removed from its brigade, and not used by anybody else.
    pub(in crate::httpd) unsafe fn from_raw(raw: NonNull<ffi::apr_bucket>) -> Self {
        Self(raw)
    }

    /// Takes a bucket out of the ring where it stands.
    ///
    /// # Safety
    /// It stands in a ring, and is not used by anybody else.
    pub(in crate::httpd) unsafe fn from_ring(raw: NonNull<ffi::apr_bucket>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { ffi::mp_bucket_remove(raw.as_ptr()) };
        Self(raw)
    }

    /// A bucket that owns `data`, for the connection of `brigade`.
    pub(in crate::httpd) fn owning(data: Bytes, brigade: &Brigade) -> Self {
        Self::new(owning(data, brigade.list()))
    }

    /// A FLUSH bucket, for the connection of `brigade`.
    pub(in crate::httpd) fn flush(brigade: &Brigade) -> Self {
        Self::new(flush(brigade.list()))
    }

    fn new(raw: *mut ffi::apr_bucket) -> Self {
        Self(super::allocated(raw))
    }

    pub(in crate::httpd) fn raw(&self) -> NonNull<ffi::apr_bucket> {
        self.0
    }

    /// Its length in bytes; `None` if that is known only when it is read.
    pub(in crate::httpd) fn length(&self) -> Option<usize> {
        // SAFETY: live and ours.
        unsafe { length(self.0.as_ptr()) }
    }

    /// How many bytes of memory its data takes as long as it is not read: none for files, pipes and sockets.
    pub(in crate::httpd) fn memory(&self) -> usize {
        // SAFETY: live and ours.
        match unsafe { name(self.0.as_ptr()) }.as_str() {
            "FILE" | "MMAP" | "PIPE" | "SOCKET" => 0,
            _ => self.length().unwrap_or(0),
        }
    }

    /// Inserts it into the ring of `before`, right behind that. Returns its address.
    pub(in crate::httpd) fn insert_after(
        self,
        before: NonNull<ffi::apr_bucket>,
    ) -> NonNull<ffi::apr_bucket> {
        let raw = self.0;
        // SAFETY: `before` stands in a ring, `self` in none.
        unsafe { ffi::mp_bucket_insert_after(before.as_ptr(), self.into_raw()) };
        raw
    }

    /// Gives the bucket away; the caller puts it into a brigade.
    pub(in crate::httpd) fn into_raw(self) -> *mut ffi::apr_bucket {
        let raw = self.0.as_ptr();
        std::mem::forget(self);
        raw
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // SAFETY: `from_raw`'s promise: live and ours alone.
        unsafe { ffi::mp_bucket_destroy(self.0.as_ptr()) }
    }
}

/// The length of a bucket in bytes; `None` if that is known only when it is read.
///
/// # Safety
/// `bucket` is a live bucket.
pub(in crate::httpd) unsafe fn length(bucket: *const ffi::apr_bucket) -> Option<usize> {
    // SAFETY: the caller's promise.
    let length = unsafe { (*bucket).length };
    (length != usize::MAX).then_some(length)
}

/// The name of a bucket's type.
///
/// # Safety
/// `bucket` is a live bucket.
pub(in crate::httpd) unsafe fn name(bucket: *const ffi::apr_bucket) -> String {
    // SAFETY: the caller's promise.
    let kind = unsafe { (*bucket).type_ };
    // SAFETY: a bucket's type outlives the bucket.
    let name = unsafe { (*kind).name };
    // SAFETY: NUL-terminated and static.
    let name = unsafe { crate::httpd::cstr::c_bytes(name) };
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// The path of a file bucket's file, and the offset in bytes where the bucket begins; `None` for other buckets.
///
/// # Safety
/// `bucket` is a live bucket.
pub(in crate::httpd) unsafe fn file(bucket: *const ffi::apr_bucket) -> Option<(Vec<u8>, u64)> {
    // SAFETY: the caller's promise.
    let bucket = unsafe { &*bucket };
    if let Some(file) = file_part::named(bucket) {
        return Some((file.path.clone(), bucket.start as u64));
    }
    if !std::ptr::eq(bucket.type_, &raw const ffi::apr_bucket_type_file) {
        return None;
    }
    // SAFETY: what a file bucket's data is.
    let file = unsafe { &*bucket.data.cast::<ffi::apr_bucket_file>() };
    let mut path = std::ptr::null();
    // SAFETY: an open file, and a place for the result.
    unsafe { ffi::apr_file_name_get(&raw mut path, file.fd) };
    // SAFETY: null or NUL-terminated, as long as the file is open.
    let path = unsafe { crate::httpd::cstr::c_bytes(path) }?.to_vec();
    Some((path, bucket.start as u64))
}

/// A FLUSH bucket.
pub(in crate::httpd) fn flush(list: *mut ffi::apr_bucket_alloc_t) -> *mut ffi::apr_bucket {
    // SAFETY: the list belongs to a live connection.
    unsafe { ffi::apr_bucket_flush_create(list) }
}

/// An EOS bucket.
pub(in crate::httpd) fn end(list: *mut ffi::apr_bucket_alloc_t) -> *mut ffi::apr_bucket {
    // SAFETY: the list belongs to a live connection.
    unsafe { ffi::apr_bucket_eos_create(list) }
}

/// A bucket without a type, for the connection of `list`.
pub(in crate::httpd) fn empty(list: *mut ffi::apr_bucket_alloc_t) -> *mut ffi::apr_bucket {
    // SAFETY: the list belongs to a live connection; APR aborts rather than answer null.
    let bucket: *mut ffi::apr_bucket =
        unsafe { ffi::apr_bucket_alloc(size_of::<ffi::apr_bucket>(), list) }.cast();
    // SAFETY: fresh memory of the right size.
    unsafe { ffi::mp_bucket_init(bucket, list) };
    bucket
}

/// A bucket over `data`, which is not copied: the thread that destroys the bucket drops the `Bytes`.
pub(in crate::httpd) fn owning(
    data: Bytes,
    list: *mut ffi::apr_bucket_alloc_t,
) -> *mut ffi::apr_bucket {
    let length = data.len();
    // SAFETY: `OWNING` is the type of buckets that own `Bytes`.
    unsafe { OWNING.bucket(data, 0, length, list) }
}

/// A metadata bucket without a meaning of its own: filters that collect small pieces (mod_ssl) send them before
/// they pass it on.
pub(in crate::httpd) fn push(list: *mut ffi::apr_bucket_alloc_t) -> *mut ffi::apr_bucket {
    let bucket = empty(list);
    // SAFETY: made just now; all fields that the init left open are set here.
    let fields = unsafe { &mut *bucket };
    fields.type_ = &raw const PUSH.0;
    fields.start = 0;
    fields.length = 0;
    fields.data = null_mut();
    bucket
}

static PUSH: Type = Type(ffi::apr_bucket_type_t {
    name: c"PUSH".as_ptr(),
    num_func: 5,
    is_metadata: ffi::APR_BUCKET_METADATA,
    destroy: Some(ffi::apr_bucket_destroy_noop),
    read: Some(push_read),
    setaside: Some(ffi::apr_bucket_setaside_noop),
    split: Some(ffi::apr_bucket_split_notimpl),
    copy: Some(ffi::apr_bucket_simple_copy),
});

/// Outside of `guard`: it only writes two constants.
unsafe extern "C" fn push_read(
    _bucket: *mut ffi::apr_bucket,
    data: *mut *const c_char,
    length: *mut ffi::apr_size_t,
    _block: ffi::apr_read_type_e,
) -> ffi::apr_status_t {
    // SAFETY: both are places given by the caller.
    unsafe { answer_nothing(data, length) };
    0
}

static OWNING: Type = Type::owning::<Bytes>(c"PYTHON", owning_read);

unsafe extern "C" fn owning_read(
    bucket: *mut ffi::apr_bucket,
    data: *mut *const c_char,
    length: *mut ffi::apr_size_t,
    _block: ffi::apr_read_type_e,
) -> ffi::apr_status_t {
    let part = guard("the read of a bucket", None, || {
        // SAFETY: APR calls this for live buckets of our type.
        let bucket = unsafe { &*bucket };
        // SAFETY: our type's data is a `Bytes`.
        let all = unsafe { &*bucket.data.cast::<Bytes>() };
        let start = bucket.start as usize;
        Some(&all[start..start + bucket.length])
    });
    let (read, part) = match part {
        Some(part) => (Ok(()), part),
        // Some callers look at the bytes even after an error.
        None => (Err(Error::GENERAL), &b""[..]),
    };
    // SAFETY: both are places given by the caller.
    unsafe { data.write(part.as_ptr().cast()) };
    // SAFETY: as above.
    unsafe { length.write(part.len()) };
    Error::code(read)
}

/// The bytes of a bucket. The first portion of a pipe, socket or file turns into memory here, and its rest into a new
/// bucket behind it. With `block` it waits for a pipe or socket, else the error is `AGAIN`.
///
/// # Safety
/// `bucket` is live and stands in a brigade; the bytes live as long as the bucket does.
pub(in crate::httpd) unsafe fn read<'a>(
    bucket: *mut ffi::apr_bucket,
    block: bool,
) -> Result<&'a [u8], Error> {
    let mut data: *const c_char = std::ptr::null();
    let mut length = 0;
    let block = if block {
        ffi::APR_BLOCK_READ
    } else {
        ffi::APR_NONBLOCK_READ
    };
    // SAFETY: the caller's promise; both places are ours.
    Error::check(unsafe { ffi::mp_bucket_read(bucket, &raw mut data, &raw mut length, block) })?;
    // SAFETY: the bucket type answers memory that the bucket keeps.
    Ok(unsafe { bytes_of(data, length) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::httpd::apr::brigade::tests::with_brigade;

    #[test]
    fn owning_buckets_show_split_and_copy_without_copying_bytes() {
        with_brigade(|brigade| {
            let data = Bytes::from(b"hello world".to_vec());
            let place = data.as_ptr();
            brigade.append_bytes(data);
            assert_eq!(brigade.read_front(true).unwrap().as_ptr(), place);
            brigade.split_front(5).unwrap();
            assert_eq!(brigade.read_front(true).unwrap(), b"hello");
            drop(brigade.remove_front());
            assert_eq!(brigade.read_front(true).unwrap(), b" world");
            assert_eq!(
                brigade.read_front(true).unwrap().as_ptr(),
                place.wrapping_add(5)
            );
        });
    }

    #[test]
    fn splitting_beyond_the_end_fails() {
        with_brigade(|brigade| {
            brigade.append_bytes(Bytes::from_static(b"abc"));
            assert!(brigade.split_front(4).is_err());
            brigade.split_front(3).unwrap();
            assert_eq!(brigade.read_front(true).unwrap(), b"abc");
        });
    }
}
