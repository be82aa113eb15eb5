//! Files: what is known of them (`apr_finfo_t`), and their content in buckets.

use std::ffi::CStr;

use super::{Brigade, Error, Pool, Request, c_bytes, ffi};

/// What is known of a file; a copy, without the file.
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

/// A number that may be known of a file.
#[derive(Clone, Copy)]
pub enum Field {
    /// Who may do what, as APR has it: 0x644.
    Protection,
    /// Its number in its file system.
    Inode,
    /// The number of its file system.
    Device,
    /// How many names it has.
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
    /// When its content, owner or rights changed last, in seconds since 1970.
    Touched,
}

/// The kind of a regular file.
const REGULAR: u32 = ffi::APR_REG;
/// The kind of a folder.
const DIRECTORY: u32 = ffi::APR_DIR;

impl FileInfo {
    /// What a look at a file asks for as a rule.
    pub const USUAL: i32 = ffi::APR_FINFO_NORM as i32;

    /// What the file system says. A file that is not there is no error: it has no `kind`.
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

    /// # Safety
    /// The texts of `raw` are null or NUL-terminated.
    unsafe fn of(raw: &ffi::apr_finfo_t, path: Option<&[u8]>) -> Self {
        // SAFETY: the caller's promise.
        let own = unsafe { c_bytes(raw.fname) };
        // SAFETY: the caller's promise.
        let name = unsafe { c_bytes(raw.name) };
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

    /// Whether there is such a file, or folder.
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

/// An open file; its pool closes it.
pub struct File(*mut ffi::apr_file_t);

impl File {
    /// Opens a file for reading, until the request ends.
    pub fn open(path: &CStr, r: &Request) -> Result<Self, Error> {
        let mut file = std::ptr::null_mut();
        let mut flags = ffi::APR_READ | ffi::APR_BINARY;
        if r.core_settings().enable_sendfile() == ffi::ENABLE_SENDFILE_ON {
            flags |= ffi::APR_SENDFILE_ENABLED;
        }
        // SAFETY: a place for the answer; the path is NUL-terminated, the pool live.
        Error::check(unsafe {
            ffi::apr_file_open(
                &raw mut file,
                path.as_ptr(),
                flags as i32,
                ffi::APR_OS_DEFAULT as i32,
                r.pool().as_ptr(),
            )
        })?;
        Ok(Self(file))
    }
}

impl Request {
    /// What httpd has found out about the request's file.
    pub fn file_info(&self) -> FileInfo {
        // SAFETY: its texts are null or live in the request's pool.
        unsafe { FileInfo::of(&self.raw().finfo, self.filename()) }
    }

    /// Tells httpd about the request's file.
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

    /// Appends a part of a file to a brigade of this request, as a file (`EnableSendfile`,
    /// `EnableMMAP`).
    pub fn append_file(&self, brigade: &Brigade, file: &File, offset: i64, length: i64) {
        // SAFETY: the file is open as long as the request's pool.
        let last = unsafe {
            ffi::apr_brigade_insert_file(
                brigade.as_ptr(),
                file.0,
                offset,
                length,
                self.pool().as_ptr(),
            )
        };
        if self.core_settings().enable_mmap() == ffi::ENABLE_MMAP_OFF {
            // SAFETY: a file bucket, made just now.
            unsafe { ffi::apr_bucket_file_enable_mmap(last, 0) };
        }
    }

    fn core_settings(&self) -> &ffi::core_dir_config {
        // SAFETY: the core is always there, and its settings live as long as the request.
        let settings = unsafe { ffi::ap_get_core_module_config(self.raw().per_dir_config) };
        // SAFETY: as above.
        unsafe { &*settings.cast() }
    }
}
