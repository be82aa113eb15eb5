//! `req.finfo`: what httpd found out about the file of a request; and what `apache.stat` does.

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

/// What a `finfo` holds: a copy, so it may be kept.
pub struct FileInfoObject(pub FileInfo);

type Me<'a, 'py> = This<'a, 'py, FileInfoObject>;

impl Class for FileInfoObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.FileInfo";
    const DOC: &'static std::ffi::CStr =
        c"What is known of a file (apr_finfo_t); also a sequence, in the order of apache.FINFO_*.";
    const ID: ClassId = ClassId::FileInfo;
    methods! { FileInfoObject: }
    attributes! { FileInfoObject:
        /// The path, or None.
        fname = fname;
        /// One of apache.APR_NOFILE, APR_REG, APR_DIR ...
        filetype = number(kind);
        /// Which attributes are known: a mask of apache.APR_FINFO_*.
        valid = number(valid);
        /// Who may do what, in APR's digits: 0x644 is 0o644 of Unix. None when it is not known.
        protection = field(Field::Protection);
        /// The number of its owner, or None.
        user = field(Field::User);
        /// The number of its group, or None.
        group = field(Field::Group);
        /// Its size in bytes; None when there is no file.
        size = field(Field::Size);
        /// Its number in its file system, or None.
        inode = field(Field::Inode);
        /// The number of its file system, or None.
        device = field(Field::Device);
        /// How many names it has, or None.
        nlink = field(Field::Links);
        /// When it was read last, in seconds since 1970 (int), or None.
        atime = field(Field::Accessed);
        /// When its content changed, in seconds since 1970 (int); None when there is no file.
        mtime = field(Field::Changed);
        /// When its content, owner or rights changed, in seconds since 1970 (int), or None.
        ctime = field(Field::Touched);
        /// Its name as the file system spells it, or None.
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
                "use apache.FINFO_*, which are 0 to 12",
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
