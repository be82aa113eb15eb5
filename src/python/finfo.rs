//! `req.finfo`: what httpd found out about the file of a request.

use pyo3::prelude::*;

use super::class::{Answer, Class, This, attributes, methods};
use super::text::decode_option;
use crate::httpd::Request;

/// What a `finfo` holds: a copy, so it may be kept.
pub struct FileInfo {
    name: Option<Vec<u8>>,
    kind: u32,
    size: i64,
    changed: i64,
}

type Me<'a, 'py> = This<'a, 'py, FileInfo>;

impl FileInfo {
    /// Of the request's file.
    pub fn of(r: &Request) -> Self {
        let (kind, size, changed) = r.file_info();
        Self {
            name: r.filename().map(<[u8]>::to_vec),
            kind,
            size,
            changed,
        }
    }

    fn exists(&self) -> bool {
        self.kind != 0
    }
}

impl Class for FileInfo {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.FileInfo";
    const DOC: &'static std::ffi::CStr = c"What httpd knows of a file (apr_finfo_t).";
    const ID: usize = 2;
    methods! { FileInfo: }
    attributes! { FileInfo:
        /// The path, or None.
        fname = |this: &Me<'_, 'py>| decode_option(this.py(), this.body().name.as_deref());
        /// One of apache.APR_NOFILE, APR_REG, APR_DIR ...
        filetype = |this: &Me<'_, 'py>| integer(this, Some(this.body().kind.into()));
        /// Its size in bytes; None when there is no file.
        size = |this: &Me<'_, 'py>| integer(this, this.body().exists().then_some(this.body().size));
        /// When its content changed, in seconds since 1970 (int); None when there is no file.
        mtime = |this: &Me<'_, 'py>| {
            let me = this.body();
            integer(this, me.exists().then_some(me.changed / 1_000_000))
        };
    }
}

fn integer<'py>(this: &Me<'_, 'py>, value: Option<i64>) -> Answer<'py> {
    Ok(value.into_pyobject(this.py())?.into_any())
}
