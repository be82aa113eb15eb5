//! `req.finfo`: what httpd found out about the file of a request; and what `apache.stat` does.

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::httpd::request::fileinfo::{Field, FileInfo};
use crate::python::object::class::{Answer, Class, This, attributes, methods};
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
        fname = |this: &Me<'_, 'py>| decode_option(this.py(), this.body().0.path.as_deref());
        /// One of apache.APR_NOFILE, APR_REG, APR_DIR ...
        filetype = |this: &Me<'_, 'py>| integer(this, Some(this.body().0.kind.into()));
        /// Which attributes are known: a mask of apache.APR_FINFO_*.
        valid = |this: &Me<'_, 'py>| integer(this, Some(this.body().0.valid.into()));
        /// Who may do what, in APR's digits: 0x644 is 0o644 of Unix. None when it is not known.
        protection = |this: &Me<'_, 'py>| field(this, Field::Protection);
        /// The number of its owner, or None.
        user = |this: &Me<'_, 'py>| field(this, Field::User);
        /// The number of its group, or None.
        group = |this: &Me<'_, 'py>| field(this, Field::Group);
        /// Its size in bytes; None when there is no file.
        size = |this: &Me<'_, 'py>| field(this, Field::Size);
        /// Its number in its file system, or None.
        inode = |this: &Me<'_, 'py>| field(this, Field::Inode);
        /// The number of its file system, or None.
        device = |this: &Me<'_, 'py>| field(this, Field::Device);
        /// How many names it has, or None.
        nlink = |this: &Me<'_, 'py>| field(this, Field::Links);
        /// When it was read last, in seconds since 1970 (int), or None.
        atime = |this: &Me<'_, 'py>| field(this, Field::Accessed);
        /// When its content changed, in seconds since 1970 (int); None when there is no file.
        mtime = |this: &Me<'_, 'py>| field(this, Field::Changed);
        /// When its content, owner or rights changed, in seconds since 1970 (int), or None.
        ctime = |this: &Me<'_, 'py>| field(this, Field::Touched);
        /// Its name as the file system spells it, or None.
        name = |this: &Me<'_, 'py>| decode_option(this.py(), this.body().0.name.as_deref());
    }

    fn slots() -> Vec<Slot> {
        sequence_slots::<Self>()
    }
}

fn integer<'py>(this: &Me<'_, 'py>, value: Option<i64>) -> Answer<'py> {
    Ok(value.into_pyobject(this.py())?.into_any())
}

fn field<'py>(this: &Me<'_, 'py>, field: Field) -> Answer<'py> {
    integer(this, this.body().0.number(field))
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
