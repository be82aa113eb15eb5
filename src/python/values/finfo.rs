//! `FileInfo`: what httpd knows of the file of a request (`req.finfo`), and what `apache.stat()` returns.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::httpd::request::fileinfo::{Field, FileInfo};
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::fields::{Shows, number};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{Sequence, Slot, sequence_slots};
use crate::python::runtime::types::ClassId;
use crate::python::text::decode_option;

/// The Rust value of a `FileInfo`. It is a copy, so Python code may keep it.
pub struct FileInfoObject(pub FileInfo);

type Me<'a, 'py> = This<'a, 'py, FileInfoObject>;

impl Class for FileInfoObject {
    const NAME: &'static std::ffi::CStr = c"builtins.mp_finfo";
    const DOC: &'static std::ffi::CStr =
        c"What is known of a file (apr_finfo_t). It is a copy and may be kept. It is also a sequence, whose \
        items are in the order of apache.FINFO_*.";
    const ID: ClassId = ClassId::FileInfo;
    methods! { FileInfoObject: }
    attributes! { FileInfoObject:
        /// The path of the file (str), or None.
        fname = fname;
        /// The type of the file: one of apache.APR_NOFILE, APR_REG, APR_DIR and so on (int).
        filetype = number(kind);
        /// Which attributes are known: a mask of apache.APR_FINFO_* (int).
        valid = number(valid);
        /// The permissions of the file in APR's form (int): 0x644 stands for 0o644. None when they are not known.
        protection = field(Field::Protection);
        /// The user id of the file's owner (int), or None.
        user = field(Field::User);
        /// The group id of the file (int), or None.
        group = field(Field::Group);
        /// The size of the file in bytes (int); None when there is no file.
        size = field(Field::Size);
        /// The inode number of the file (int), or None.
        inode = field(Field::Inode);
        /// The number of the device that the file is on (int), or None.
        device = field(Field::Device);
        /// The number of hard links to the file (int), or None.
        nlink = field(Field::Links);
        /// When the file was read last, in seconds since 1970 (int), or None.
        atime = field(Field::Accessed);
        /// When the content of the file has changed last, in seconds since 1970 (int); None when there is no file.
        mtime = field(Field::Changed);
        /// When the file's content, owner or permissions have changed last, in seconds since 1970 (int), or None.
        ctime = field(Field::Touched);
        /// The name of the file as the file system spells it (str), or None.
        name = name;
    }

    fn slots() -> Vec<Slot> {
        sequence_slots::<Self>()
    }
}

impl Shows for FileInfoObject {
    type Struct = FileInfo;

    fn shown(&self) -> PyResult<&FileInfo> {
        Ok(&self.0)
    }
}

fn fname<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    decode_option(this.py(), this.body().0.path.as_deref())
}

fn name<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    decode_option(this.py(), this.body().0.name.as_deref())
}

fn kind(info: &FileInfo) -> u32 {
    info.kind
}

fn valid(info: &FileInfo) -> i32 {
    info.valid
}

fn field<'py>(this: &Me<'_, 'py>, field: Field) -> Answer<'py> {
    Ok(this
        .body()
        .0
        .number(field)
        .into_pyobject(this.py())?
        .into_any())
}

/// The attributes in the order of `apache.FINFO_*`.
const ORDER: [&str; 13] = [
    "protection",
    "inode",
    "device",
    "nlink",
    "user",
    "group",
    "size",
    "atime",
    "mtime",
    "ctime",
    "fname",
    "name",
    "filetype",
];

impl Sequence for FileInfoObject {
    fn len(_: &Me<'_, '_>) -> PyResult<usize> {
        Ok(ORDER.len())
    }

    fn item<'py>(this: &Me<'_, 'py>, index: usize) -> Answer<'py> {
        match ORDER.get(index) {
            Some(name) => this.object().getattr(*name),
            None => Err(PyIndexError::new_err(
                "a FileInfo has the items 0 to 12: use apache.FINFO_*",
            )),
        }
    }

    fn repr<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        let dict = PyDict::new(this.py());
        for name in ORDER {
            dict.set_item(name, this.object().getattr(name)?)?;
        }
        let text = format!("FileInfo({})", dict.repr()?);
        Ok(PyString::new(this.py(), &text).into_any())
    }
}
