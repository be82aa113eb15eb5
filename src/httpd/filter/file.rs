//! Files that Python code names, and whose parts stand in a response.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use super::Filter;
use crate::httpd::apr::brigade::Brigade;
use crate::httpd::apr::file_part;
use crate::httpd::apr::file_part::SharedFile;
use crate::httpd::apr::pool::Pool;
use crate::httpd::connection::Connection;
use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::httpd::status::Error;

/// An open file.
pub struct OpenFile(SendMethod);

/// The way in which its parts are sent.
enum SendMethod {
    /// FILE buckets of APR's, by the kernel's sendfile (`EnableSendfile On`); the pool closes the file.
    Sendfile(Vec<u8>, NonNull<ffi::apr_file_t>),
    /// Buckets of `file_part`, which are read piece by piece.
    Read(Arc<SharedFile>),
}

impl OpenFile {
    pub(in crate::httpd) fn path(&self) -> &[u8] {
        match &self.0 {
            SendMethod::Sendfile(path, _) => path,
            SendMethod::Read(named) => &named.path,
        }
    }

    /// Its current length in bytes.
    pub fn size(&self) -> Result<u64, Error> {
        let raw = match &self.0 {
            SendMethod::Sendfile(_, raw) => raw.as_ptr(),
            SendMethod::Read(named) => return Ok(named.file.metadata().map_err(failed)?.len()),
        };
        let mut info = std::mem::MaybeUninit::<ffi::apr_finfo_t>::zeroed();
        let wanted = ffi::APR_FINFO_SIZE as i32;
        // SAFETY: a place for the answer, and an open file.
        Error::check(unsafe { ffi::apr_file_info_get(info.as_mut_ptr(), wanted, raw) })?;
        // SAFETY: zeroes are a valid value, and APR has filled in what was asked for.
        let info = unsafe { info.assume_init() };
        Ok(u64::try_from(info.size).unwrap_or(0))
    }
}

impl Request {
    /// Whether `EnableSendfile` is on for this request.
    fn may_use_sendfile(&self) -> bool {
        // SAFETY: the core's own data of this request's section.
        let core = unsafe { ffi::ap_get_core_module_config(self.raw().per_dir_config) };
        // SAFETY: as above.
        let core = unsafe { &*core.cast::<ffi::core_dir_config>() };
        core.enable_sendfile() == ffi::ENABLE_SENDFILE_ON
    }
}

impl Request {
    /// Opens a file for as long as the request lasts.
    pub fn open(&self, path: &[u8]) -> Result<OpenFile, Error> {
        OpenFile::open(
            path,
            self.may_use_sendfile(),
            self.pool(),
            self.connection(),
        )
    }
}

impl Request {
    /// A copy of an open descriptor of a regular file, for as long as the request lasts. `path` is its name in the log.
    ///
    /// # Errors
    /// The descriptor is not open, or there are too many.
    pub fn open_descriptor(&self, descriptor: i32, path: &[u8]) -> Result<OpenFile, Error> {
        // SAFETY: borrowed for this call only, in which it is copied; one that is not open is answered with EBADF.
        let lent = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let file = File::from(lent.try_clone_to_owned().map_err(failed)?);
        if !self.may_use_sendfile() {
            let shared = SharedFile::new(file, path, self.connection().give_up());
            return Ok(OpenFile(SendMethod::Read(Arc::new(shared))));
        }
        // The pool closes it.
        let mut number = self.pool().own(file).as_raw_fd();
        let flags = ffi::APR_FOPEN_READ | ffi::APR_FOPEN_BINARY | ffi::APR_FOPEN_SENDFILE_ENABLED;
        let mut raw = null_mut();
        let pool = self.pool().as_ptr();
        // SAFETY: places for the result and of the number, and a live pool, which owns the descriptor.
        Error::check(unsafe {
            ffi::apr_os_file_put(&raw mut raw, &raw mut number, flags as i32, pool)
        })?;
        let raw = NonNull::new(raw).ok_or(Error::GENERAL)?;
        Ok(OpenFile(SendMethod::Sendfile(path.to_vec(), raw)))
    }
}

impl Filter {
    /// Opens a file for as long as the filter's request, or connection, lasts.
    pub(in crate::httpd) fn open(&self, path: &[u8]) -> Result<OpenFile, Error> {
        let may_send = self.request().is_some_and(Request::may_use_sendfile);
        OpenFile::open(path, may_send, self.pool(), self.connection())
    }
}

impl OpenFile {
    fn open(path: &[u8], may_send: bool, pool: &Pool, c: &Connection) -> Result<Self, Error> {
        if !may_send {
            let file = File::open(OsStr::from_bytes(path)).map_err(failed)?;
            return Ok(Self(SendMethod::Read(Arc::new(SharedFile::new(
                file,
                path,
                c.give_up(),
            )))));
        }
        let text = CString::new(path).map_err(|_| Error::GENERAL)?;
        let flags = ffi::APR_FOPEN_READ | ffi::APR_FOPEN_BINARY | ffi::APR_FOPEN_SENDFILE_ENABLED;
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
        Ok(Self(SendMethod::Sendfile(path.to_vec(), raw)))
    }
}

fn failed(error: std::io::Error) -> Error {
    error.raw_os_error().map_or(Error::GENERAL, Error)
}

impl Brigade {
    /// Appends `length` bytes of a file from `offset` on. `pool` is the pool that closes the file, or one that is
    /// destroyed before.
    ///
    /// It is never mapped into memory, whatever `EnableMMAP` says: Python code names files that other programs
    /// write, and access to a page behind the end of a file that was cut since raises SIGBUS. A read finds the
    /// end instead.
    pub fn append_file(&self, file: &OpenFile, offset: u64, length: usize, pool: &Pool) {
        if length == 0 {
            return;
        }
        let raw = match &file.0 {
            SendMethod::Sendfile(_, raw) => raw.as_ptr(),
            SendMethod::Read(named) => {
                return self.append_raw(file_part::part(named, offset, length, self.list()));
            }
        };
        let (offset, pool) = (offset as ffi::apr_off_t, pool.as_ptr());
        // SAFETY: an open file, a live pool and allocator; APR aborts rather than answer null.
        let bucket = unsafe { ffi::apr_bucket_file_create(raw, offset, length, pool, self.list()) };
        // SAFETY: the bucket made above.
        unsafe { ffi::apr_bucket_file_enable_mmap(bucket, 0) };
        self.append_raw(bucket);
    }
}
