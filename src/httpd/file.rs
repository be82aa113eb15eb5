//! Files that are sent without being read.

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};

use super::{Brigade, Error, Filter, Pool, Request, ffi};

/// A file that its pool closes.
pub struct OpenFile {
    path: Vec<u8>,
    raw: NonNull<ffi::apr_file_t>,
    may_map: bool,
}

impl OpenFile {
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }
}

impl Request {
    /// What the section says: `EnableSendfile On`, and not `EnableMMAP Off`.
    fn file_options(&self) -> (bool, bool) {
        // SAFETY: the core's own data of this request's section.
        let core = unsafe { ffi::ap_get_core_module_config(self.raw().per_dir_config) };
        // SAFETY: as above.
        let core = unsafe { &*core.cast::<ffi::core_dir_config>() };
        (
            core.enable_sendfile() == ffi::ENABLE_SENDFILE_ON,
            core.enable_mmap() != ffi::ENABLE_MMAP_OFF,
        )
    }
}

impl Request {
    /// Opens a file for as long as the request lasts.
    pub fn open(&self, path: &[u8]) -> Result<OpenFile, Error> {
        OpenFile::open(path, self.file_options(), self.pool())
    }
}

impl Filter {
    /// Opens a file for as long as the filter's request, or connection, lasts.
    pub(super) fn open(&self, path: &[u8]) -> Result<OpenFile, Error> {
        let options = self.request().map_or((false, true), Request::file_options);
        OpenFile::open(path, options, self.pool())
    }
}

impl OpenFile {
    fn open(path: &[u8], options: (bool, bool), pool: &Pool) -> Result<Self, Error> {
        let (may_send, may_map) = options;
        let text = CString::new(path).map_err(|_| Error::GENERAL)?;
        let mut flags = ffi::APR_FOPEN_READ | ffi::APR_FOPEN_BINARY;
        if may_send {
            flags |= ffi::APR_FOPEN_SENDFILE_ENABLED;
        }
        let mut file = null_mut();
        // SAFETY: a place for the result, a NUL-terminated path, a live pool.
        Error::check(unsafe {
            ffi::apr_file_open(
                &raw mut file,
                text.as_ptr(),
                flags as i32,
                ffi::APR_FPROT_OS_DEFAULT as i32,
                pool.as_ptr(),
            )
        })?;
        let raw = NonNull::new(file).ok_or(Error::GENERAL)?;
        Ok(Self {
            path: path.to_vec(),
            raw,
            may_map,
        })
    }
}

impl Brigade {
    /// Appends a part of a file. The pool is that which closes the file, or one that goes before.
    pub fn append_file(&self, file: &OpenFile, offset: u64, length: usize, pool: &Pool) {
        if length == 0 {
            return;
        }
        let offset = offset as ffi::apr_off_t;
        let (raw, pool) = (file.raw.as_ptr(), pool.as_ptr());
        // SAFETY: an open file, a live pool and allocator; APR aborts rather than answer null.
        let bucket = unsafe { ffi::apr_bucket_file_create(raw, offset, length, pool, self.list()) };
        if !file.may_map {
            // SAFETY: the bucket made above.
            unsafe { ffi::apr_bucket_file_enable_mmap(bucket, 0) };
        }
        self.append_raw(bucket);
    }
}
