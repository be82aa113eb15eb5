//! Parts of files that Python code names, read when they are sent.
//!
//! Other programs write these files. Filters map a FILE bucket of APR's into memory, and reading such
//! a page behind the end of a file that was cut since ends the process with SIGBUS; and several filters
//! take the end of a file that comes too early for the end of the body. So these buckets are never
//! mapped, and the connection is aborted when a part is not there any more: its client sees a cut
//! response. (FILE buckets are used where `EnableSendfile` is on, see `filter/file`.)

use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::bucket_type::{Type, answer_nothing, destroy};
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::log;
use crate::httpd::log::Level;
use crate::httpd::status::Error;

/// How many bytes one read takes at most.
const PORTION: usize = 64 * 1024;

/// An open file, parts of which are sent.
pub(in crate::httpd) struct SharedFile {
    pub(in crate::httpd) file: File,
    pub(in crate::httpd) path: Vec<u8>,
    /// Aborts the connection for which parts are sent. Called on any thread that reads a bucket of its allocator.
    give_up: Box<dyn Fn() + Send + Sync>,
}

impl SharedFile {
    pub(in crate::httpd) fn new(
        file: File,
        path: &[u8],
        give_up: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            file,
            path: path.to_vec(),
            give_up,
        }
    }

    /// Fills `target` with the file's bytes from `offset` on. `false`: the file is shorter, or cannot be read; that was
    /// logged, and the connection aborted.
    fn read(&self, target: &mut [u8], offset: u64) -> bool {
        match self.file.read_exact_at(target, offset) {
            Ok(()) => true,
            Err(error) => {
                let reason = match error.kind() {
                    ErrorKind::UnexpectedEof => "the file has become shorter".into(),
                    _ => error.to_string(),
                };
                let text = format!(
                    "{}: a part of it for a response cannot be read from byte {offset} on: {reason}: the \
                     response is cut",
                    String::from_utf8_lossy(&self.path)
                );
                // Not the connection's log: HTTP/2 reads buckets of its streams on another thread.
                log::main(Level::Error, &text);
                (self.give_up)();
                false
            }
        }
    }
}

/// A bucket over `length` bytes of a file from `offset` on, for the connection of `list`.
pub(in crate::httpd) fn part(
    file: &Arc<SharedFile>,
    offset: u64,
    length: usize,
    list: *mut ffi::apr_bucket_alloc_t,
) -> *mut ffi::apr_bucket {
    // SAFETY: `PART` is the type of buckets that own an `Arc<Named>`.
    unsafe { PART.bucket(file.clone(), offset, length, list) }
}

/// The file that a bucket is a part of; `None` for buckets of other types.
pub(in crate::httpd) fn named(bucket: &ffi::apr_bucket) -> Option<&Arc<SharedFile>> {
    // SAFETY: what the data of this type is.
    std::ptr::eq(bucket.type_, &raw const PART.0).then(|| unsafe { &*bucket.data.cast() })
}

/// Such a bucket owns its descriptor, through `SharedFile`.
static PART: Type = Type::owning::<Arc<SharedFile>>(c"FILE", read);

/// Reads the first portion of a part into memory, which becomes the bucket; the rest becomes a bucket behind it.
unsafe extern "C" fn read(
    bucket: *mut ffi::apr_bucket,
    data: *mut *const c_char,
    length: *mut ffi::apr_size_t,
    _block: ffi::apr_read_type_e,
) -> ffi::apr_status_t {
    // SAFETY: both are places given by the caller.
    unsafe { answer_nothing(data, length) };
    // SAFETY: APR calls this for live buckets of our type.
    let fields = unsafe { &mut *bucket };
    let result = guard("the read of a part of a file", Err(Error::GENERAL), || {
        let (whole, offset, list) = (fields.length, fields.start, fields.list);
        let size = whole.min(PORTION);
        // SAFETY: the list of a live connection; APR aborts rather than answer null.
        let memory: *mut u8 = unsafe { ffi::apr_bucket_alloc(size, list) }.cast();
        // SAFETY: fresh memory of this size, which no other code knows.
        unsafe { memory.write_bytes(0, size) };
        // SAFETY: as above.
        let target = unsafe { std::slice::from_raw_parts_mut(memory, size) };
        // SAFETY: what the data of this type is; the box stays until it is dropped below.
        let file = unsafe { &*fields.data.cast::<Arc<SharedFile>>() }.clone();
        if !file.read(target, offset as u64) {
            // SAFETY: allocated above.
            unsafe { ffi::apr_bucket_free(memory.cast()) };
            return Err(Error::GENERAL);
        }
        if size < whole {
            let rest = part(&file, offset as u64 + size as u64, whole - size, list);
            // SAFETY: `bucket` stands in a brigade, `rest` in none.
            unsafe { ffi::mp_bucket_insert_after(bucket, rest) };
        }
        // SAFETY: the old data, which the bucket does not refer to once it is made anew.
        unsafe { destroy::<Arc<SharedFile>>(fields.data) };
        let free = Some(ffi::apr_bucket_free as unsafe extern "C" fn(*mut c_void));
        // SAFETY: a live bucket, and memory of its own list, which it owns from now on.
        unsafe { ffi::apr_bucket_heap_make(bucket, memory.cast(), size, free) };
        // SAFETY: a place given by the caller.
        unsafe { data.write(memory.cast()) };
        // SAFETY: as above.
        unsafe { length.write(size) };
        Ok(())
    });
    Error::code(result)
}
