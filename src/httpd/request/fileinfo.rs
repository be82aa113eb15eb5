//! Information about files: `apr_finfo_t`.

use std::ffi::CStr;

use super::Request;
use crate::httpd::apr::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// Information about a file: a copy, which does not hold the file open.
#[derive(Clone, Default)]
pub struct FileInfo {
    /// The path.
    pub path: Option<Vec<u8>>,
    /// Its name in its folder, as the file system spells it.
    pub name: Option<Vec<u8>>,
    /// Which of its fields are known (`APR_FINFO_*`).
    pub valid: i32,
    /// `apr_filetype_e`; 0 when there is no file.
    pub kind: u32,
    protection: i32,
    user: u32,
    group: u32,
    inode: u64,
    device: u64,
    links: i32,
    size: i64,
    stored: i64,
    accessed: i64,
    changed: i64,
    touched: i64,
}

/// A number in the information about a file.
#[derive(Clone, Copy)]
pub enum Field {
    /// Its permissions, as `apr_fileperms_t`: 0x644.
    Protection,
    /// Its number in its file system.
    Inode,
    /// The number of its file system.
    Device,
    /// How many hard links it has.
    Links,
    /// The number of its owner.
    User,
    /// The number of its group.
    Group,
    /// Its size in bytes.
    Size,
    /// When it was read last, in seconds since 1970.
    Accessed,
    /// When its content changed last, in seconds since 1970.
    Changed,
    /// When its content, owner or permissions changed last, in seconds since 1970.
    Touched,
}

/// The kind of a regular file.
const REGULAR: u32 = ffi::APR_REG;
/// The kind of a folder.
const DIRECTORY: u32 = ffi::APR_DIR;

impl FileInfo {
    /// The fields that `stat` asks for by default.
    pub const USUAL: i32 = ffi::APR_FINFO_NORM as i32;

    /// Asks the file system for the fields `wanted` (`APR_FINFO_*`). For a file that does not exist `kind` is 0.
    pub fn stat(path: &CStr, wanted: i32, pool: &Pool) -> Result<Self, Error> {
        let mut raw = std::mem::MaybeUninit::<ffi::apr_finfo_t>::zeroed();
        // SAFETY: a place for the answer; the path is NUL-terminated, the pool live.
        let status =
            unsafe { ffi::apr_stat(raw.as_mut_ptr(), path.as_ptr(), wanted, pool.as_ptr()) };
        let bytes = Some(path.to_bytes().to_vec());
        match Error::check(status) {
            Err(error) if error.is_not_found() => Ok(Self {
                path: bytes,
                ..Self::default()
            }),
            Err(error) if !error.is_incomplete() => Err(error),
            _ => {
                // SAFETY: zeroes are a valid value, and APR has filled in what it knows.
                let raw = unsafe { raw.assume_init() };
                // SAFETY: just filled; its texts live in the pool.
                Ok(unsafe { Self::of(&raw, bytes.as_deref()) })
            }
        }
    }

    /// What `raw` says of the file at `path`. httpd's walk through the folders leaves in it what was on the stack, but
    /// for the fields that APR has set: those that `valid` names, and `fname`, if there is a file.
    ///
    /// # Safety
    /// The texts of `raw` that APR has set are null or NUL-terminated.
    unsafe fn of(raw: &ffi::apr_finfo_t, path: Option<&[u8]>) -> Self {
        let exists = raw.filetype != 0;
        let own = match exists {
            // SAFETY: the caller's promise.
            true => unsafe { c_bytes(raw.fname) },
            false => None,
        };
        let name = match exists && raw.valid & ffi::APR_FINFO_NAME as i32 != 0 {
            // SAFETY: the caller's promise.
            true => unsafe { c_bytes(raw.name) },
            false => None,
        };
        Self {
            path: own.or(path).map(<[u8]>::to_vec),
            name: name.map(<[u8]>::to_vec),
            valid: raw.valid,
            kind: raw.filetype,
            protection: raw.protection,
            user: raw.user,
            group: raw.group,
            inode: raw.inode,
            device: raw.device,
            links: raw.nlink,
            size: raw.size,
            stored: raw.csize,
            accessed: raw.atime,
            changed: raw.mtime,
            touched: raw.ctime,
        }
    }

    /// What tells one version of the file from another, where all of it is known: when its content has changed, its
    /// size, inode and device, and when one of owner, permissions and content has. The times are in microseconds.
    pub fn stamp(&self) -> Option<(i64, i64, u64, u64, i64)> {
        let wanted = ffi::APR_FINFO_MTIME
            | ffi::APR_FINFO_CTIME
            | ffi::APR_FINFO_SIZE
            | ffi::APR_FINFO_IDENT;
        let is_known = self.is_regular() && self.valid & wanted as i32 == wanted as i32;
        is_known.then_some((
            self.changed,
            self.size,
            self.inode,
            self.device,
            self.touched,
        ))
    }

    /// Whether the file or folder exists.
    pub fn exists(&self) -> bool {
        self.kind != 0
    }

    /// A number, if it is known.
    pub fn number(&self, field: Field) -> Option<i64> {
        let seconds = |micros: i64| micros.div_euclid(1_000_000);
        let (bit, value) = match field {
            Field::Protection => (ffi::APR_FINFO_PROT, self.protection.into()),
            Field::Inode => (ffi::APR_FINFO_INODE, self.inode as i64),
            Field::Device => (ffi::APR_FINFO_DEV, self.device as i64),
            Field::Links => (ffi::APR_FINFO_NLINK, self.links.into()),
            Field::User => (ffi::APR_FINFO_USER, self.user.into()),
            Field::Group => (ffi::APR_FINFO_GROUP, self.group.into()),
            Field::Size => (ffi::APR_FINFO_SIZE, self.size),
            Field::Accessed => (ffi::APR_FINFO_ATIME, seconds(self.accessed)),
            Field::Changed => (ffi::APR_FINFO_MTIME, seconds(self.changed)),
            Field::Touched => (ffi::APR_FINFO_CTIME, seconds(self.touched)),
        };
        (self.exists() && self.valid & bit as i32 != 0).then_some(value)
    }

    /// Its size in bytes; 0 when there is none.
    pub fn size(&self) -> i64 {
        self.number(Field::Size).unwrap_or(0)
    }

    /// Whether it is a folder.
    pub fn is_directory(&self) -> bool {
        self.kind == DIRECTORY
    }

    /// Whether it is neither a folder nor a device, pipe or socket.
    pub fn is_regular(&self) -> bool {
        self.kind == REGULAR
    }
}

impl Request {
    /// httpd's information about the request's file.
    pub fn file_info(&self) -> FileInfo {
        // SAFETY: its texts are null or live in the request's pool.
        unsafe { FileInfo::of(&self.raw().finfo, self.filename()) }
    }

    /// What the request's file is, as `FileInfo::kind`.
    pub fn file_kind(&self) -> u32 {
        self.raw().finfo.filetype
    }

    /// Replaces httpd's information about the request's file.
    pub fn set_file_info(&self, info: &FileInfo) {
        let text = |text: &Option<Vec<u8>>| {
            text.as_ref()
                .map_or(std::ptr::null_mut(), |text| self.pool().copy_text(text))
        };
        let raw = ffi::apr_finfo_t {
            pool: self.pool().as_ptr(),
            valid: info.valid,
            protection: info.protection,
            filetype: info.kind,
            user: info.user,
            group: info.group,
            inode: info.inode,
            device: info.device,
            nlink: info.links,
            size: info.size,
            csize: info.stored,
            atime: info.accessed,
            mtime: info.changed,
            ctime: info.touched,
            fname: text(&info.path),
            name: text(&info.name),
            filehand: std::ptr::null_mut(),
        };
        // SAFETY: modules set this field on the request's own thread; the texts live in its pool.
        unsafe { (*self.as_ptr()).finfo = raw };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pointer as it may have been left on a stack.
    const LEFT: *const std::ffi::c_char = std::ptr::without_provenance(0xe);

    #[test]
    fn texts_that_were_not_set_are_not_read() {
        let raw = std::mem::MaybeUninit::<ffi::apr_finfo_t>::zeroed();
        // SAFETY: zeroes are a valid value.
        let mut raw = unsafe { raw.assume_init() };
        (raw.fname, raw.name) = (LEFT, LEFT);
        // SAFETY: APR has set neither of the texts.
        let missing = unsafe { FileInfo::of(&raw, Some(b"/a")) };
        assert_eq!(
            (missing.path.as_deref(), missing.name),
            (Some(&b"/a"[..]), None)
        );
        (raw.filetype, raw.fname) = (REGULAR, c"/b".as_ptr());
        // SAFETY: `fname` is set, and `valid` names no other text.
        let there = unsafe { FileInfo::of(&raw, None) };
        assert_eq!(
            (there.path.as_deref(), there.name),
            (Some(&b"/b"[..]), None)
        );
    }
}
