//! `bucket`: a piece of a body as httpd has it, or a part of a file, for a streaming filter. All functions are called
//! with the GIL, and let go of it while they wait for a file or a slow source. No thread waits for a bucket's mutex: it
//! only refuses a second call while one is under way.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use bytes::Bytes;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::input_or_output::InputOrOutput;
use super::instance::Instance;
use super::object::with_io_of;
use crate::httpd::filter::stream::CHUNK;
use crate::httpd::filter::stream_buckets::{BucketProperties, NextBucket, Token};
use crate::httpd::{Error, Filter};
use crate::python::memory;
use crate::python::object::arguments::{boolean, integer, limit, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::runtime::interpreter::{Interpreter, release};
use crate::python::runtime::lease::{Lease, Lent};
use crate::python::runtime::types::ClassId;
use crate::python::text::{decode, decode_option};

/// The most bytes that one `read()` returns of a bucket: parts of files and pipes may be of any length.
const MOST: usize = 64 * 1024 * 1024;

/// What a `bucket` holds. A part of a file belongs to no filter: any thread may use it.
pub struct BucketObject(Mutex<Content>);

/// What a bucket is.
enum Content {
    /// Data of a stream.
    Data(OwningFilter, Token),
    /// The type of a metadata bucket, which itself keeps its place in the stream.
    Metadata(String),
    /// A part of a file, from `apache.FileBucket`: path, offset and length in bytes.
    File(Arc<PathBuf>, u64, usize),
}

/// The filter whose stream a bucket belongs to.
struct OwningFilter {
    instance: Lent<Instance>,
    filter: Lent<Filter>,
}

/// What is yielded.
pub enum Yielded {
    /// Data of a stream.
    Data(Token),
    /// Metadata, which httpd gets in its place in the stream.
    Metadata,
    /// A part of a file: path, offset and length in bytes.
    File(Arc<PathBuf>, u64, usize),
}

type Me<'a, 'py> = This<'a, 'py, BucketObject>;

impl BucketObject {
    /// The content, for one call at a time: a call may let go of the GIL while it waits.
    ///
    /// # Errors
    /// `RuntimeError` while another call has it.
    fn content(&self) -> PyResult<MutexGuard<'_, Content>> {
        match self.0.try_lock() {
            Ok(content) => Ok(content),
            Err(TryLockError::Poisoned(content)) => Ok(content.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "the bucket is in use in another call",
            )),
        }
    }

    /// What a filter has yielded when it yields this bucket.
    ///
    /// # Errors
    /// `RuntimeError` while another call has it.
    pub fn yielded(&self) -> PyResult<Yielded> {
        Ok(match &*self.content()? {
            Content::Data(_, token) => Yielded::Data(token.clone()),
            Content::Metadata(_) => Yielded::Metadata,
            Content::File(path, offset, length) => Yielded::File(path.clone(), *offset, *length),
        })
    }

    /// The next bucket of a stream as an object; `None` while there is none.
    pub fn next<'py>(
        py: Python<'py>,
        interpreter: &'static Interpreter,
        lease: &Arc<Lease>,
        instance: &Instance,
        filter: &Filter,
        next: NextBucket,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let content = match next {
            NextBucket::Pause => return Ok(None),
            NextBucket::Metadata(kind) => Content::Metadata(kind),
            NextBucket::Data(token) => {
                let instance = Lent::new(lease, instance);
                let filter = Lent::new(lease, filter);
                Content::Data(OwningFilter { instance, filter }, token)
            }
        };
        class::make(py, interpreter, Self(Mutex::new(content))).map(Some)
    }

    /// `apache.FileBucket(path, offset, length)`.
    ///
    /// # Errors
    /// `OSError` for a file that cannot be read, `ValueError` for a part that it does not have.
    pub fn of_file<'py, T>(
        this: &This<'_, 'py, T>,
        path: &Bound<'py, PyAny>,
        offset: Option<&Bound<'py, PyAny>>,
        length: Option<&Bound<'py, PyAny>>,
    ) -> Answer<'py> {
        let path: PathBuf = path.extract()?;
        let offset: u64 = integer(offset)?.unwrap_or(0);
        let length: Option<u64> = integer(length)?;
        let about = File::open(&path)
            .and_then(|file| file.metadata())
            .map_err(|error| {
                let path = path.to_string_lossy().into_owned();
                PyOSError::new_err((error.raw_os_error(), error.to_string(), path))
            })?;
        if !about.is_file() {
            return Err(PyValueError::new_err(format!(
                "{} is no regular file",
                path.display()
            )));
        }
        let rest = about.len().checked_sub(offset);
        let Some(length) = rest.and_then(|rest| match length {
            None => Some(rest),
            Some(length) => (length <= rest).then_some(length),
        }) else {
            let text = format!("{} has only {} bytes", path.display(), about.len());
            return Err(PyValueError::new_err(text));
        };
        let length = usize::try_from(length).map_err(PyErr::from)?;
        let content = Content::File(Arc::new(path), offset, length);
        class::make(this.py(), this.interpreter(), Self(Mutex::new(content)))
    }
}

impl Class for BucketObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Bucket";
    const DOC: &'static std::ffi::CStr =
        c"A bucket of httpd's (apr_bucket): a piece of a body, or metadata about it. A filter that yields it \
        passes it on unchanged. It raises RuntimeError once it has gone on.";
    const ID: ClassId = ClassId::Bucket;
    methods! { BucketObject:
        /// Returns the bytes of the bucket; waits until they are there, while other Python threads run. A bucket of a
        /// body that is longer than 64 KiB, or whose length is None, is cut first: it keeps the first part, and the
        /// rest is the next bucket, unless that was asked for already. Then, and for other buckets, raises MemoryError
        /// for more than 64 MiB (use split()), OSError when reading fails.
        read() = read;
        /// Cuts the bucket after n bytes (int): it keeps these, and the rest is returned as a new Bucket; None when
        /// there is no rest. Raises OSError when it cannot be cut, TypeError for a negative n.
        split(n) = split;
    }
    attributes! { BucketObject:
        /// The type of the bucket (str): 'HEAP', 'FILE', 'MMAP', 'PIPE', 'TRANSIENT', 'PYTHON' or another one for data,
        /// 'FLUSH', 'EOS', 'ERROR' or another one for metadata.
        r#type = kind;
        /// The number of its bytes (int); None where only read() can tell.
        length = length;
        /// True for metadata. It passes by itself, in its place among the data.
        is_metadata = is_metadata;
        /// The path of the file that the bucket is a part of (str), or None.
        path = path;
        /// The offset in that file at which it begins, in bytes (int), or None.
        offset = offset;
    }
}

/// `bucket.type`
fn kind<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    decode(this.py(), about(this)?.kind.as_bytes())
}

/// `bucket.length`
fn length<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    about(this)?.length.into_bound_py_any(this.py())
}

/// `bucket.is_metadata`
fn is_metadata<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let is_metadata = matches!(&*this.body().content()?, Content::Metadata(_));
    boolean(this.py(), is_metadata)
}

/// `bucket.path`
fn path<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let file = about(this)?.file;
    decode_option(this.py(), file.as_ref().map(|(path, _)| path.as_ref()))
}

/// `bucket.offset`
fn offset<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let file = about(this)?.file;
    file.map(|(_, offset)| offset).into_bound_py_any(this.py())
}

/// Calls `f` with the filter of a bucket, and its input or output side.
///
/// # Errors
/// What `f` raises; `RuntimeError` when the filter cannot be used now.
fn with_stream<R>(
    owner: &OwningFilter,
    f: impl FnOnce(&Filter, &mut InputOrOutput) -> PyResult<R>,
) -> PyResult<R> {
    with_io_of(owner.instance.get()?, owner.filter.get()?, f)
}

fn about_data(io: &mut InputOrOutput, token: &Token) -> PyResult<BucketProperties> {
    io.stream().about(token).ok_or_else(|| {
        PyRuntimeError::new_err("the bucket has gone on: it was yielded, or its filter stepped out")
    })
}

fn about(this: &Me<'_, '_>) -> PyResult<BucketProperties> {
    match &*this.body().content()? {
        Content::Data(owner, token) => with_stream(owner, |_, io| about_data(io, token)),
        Content::Metadata(kind) => Ok(BucketProperties {
            kind: kind.clone(),
            length: Some(0),
            file: None,
        }),
        Content::File(path, offset, length) => Ok(BucketProperties {
            kind: "FILE".into(),
            length: Some(*length),
            file: Some((path.as_os_str().as_bytes().to_vec(), *offset)),
        }),
    }
}

fn read<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let py = this.py();
    let data = match &*this.body().content()? {
        Content::Data(owner, token) => {
            let data = with_stream(owner, |filter, io| read_data(py, filter, io, token))?;
            memory::bytes(py, &data)?
        }
        Content::Metadata(_) => PyBytes::new(py, b""),
        Content::File(path, offset, length) => read_file(py, path, *offset, *length)?,
    };
    Ok(data.into_any())
}

/// Reads a part of a file.
///
/// # Errors
/// `OSError` if the file is shorter now or cannot be read; `MemoryError` for more than [`MOST`] bytes.
fn read_file<'py>(
    py: Python<'py>,
    path: &Path,
    offset: u64,
    length: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    if length > MOST {
        return Err(too_long(Some(length)));
    }
    let file = release(py, || File::open(path))?;
    let has = release(py, || file.metadata())?.len();
    if has.saturating_sub(offset) < length as u64 {
        return Err(has_shrunk(path));
    }
    PyBytes::new_with(py, length, |data| {
        match release(py, || file.read_exact_at(data, offset)) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(has_shrunk(path)),
            result => Ok(result?),
        }
    })
}

/// `MemoryError` for a bucket that is too long for one `read()`; `length` is `None` where it is not known.
fn too_long(length: Option<usize>) -> PyErr {
    let has = length.map_or_else(|| "more".to_owned(), |length| length.to_string());
    PyMemoryError::new_err(format!(
        "read() gives at most {MOST} bytes of a bucket, and this one has {has}: split() it and read \
         the parts"
    ))
}

/// `OSError` for a part of a file that the file no longer has.
pub(in crate::python) fn has_shrunk(path: &Path) -> PyErr {
    PyOSError::new_err(format!(
        "{} has become shorter than the part of it that this FileBucket names",
        path.display()
    ))
}

fn read_data(
    py: Python<'_>,
    filter: &Filter,
    io: &mut InputOrOutput,
    token: &Token,
) -> PyResult<Bytes> {
    let about = about_data(io, token)?;
    let failed = |error| match error {
        Error::NO_MEMORY => too_long(about.length),
        error => PyOSError::new_err(format!("the bucket could not be read: {error}")),
    };
    let is_long = about.length.is_none_or(|length| length > CHUNK);
    if is_long && io.stream().put_back(token) {
        let length = io.load(py, filter, CHUNK).map_err(failed)?;
        io.stream().take_again(token, length);
    }
    release(py, || io.stream().bytes_of(token, MOST)).map_err(failed)
}

fn split<'py>(this: &Me<'_, 'py>, n: &Bound<'py, PyAny>) -> Answer<'py> {
    let py = this.py();
    let point = limit(Some(n))?.ok_or_else(|| PyTypeError::new_err("split() takes a length"))?;
    let mut content = this.body().content()?;
    let rest = match &mut *content {
        Content::Data(owner, token) => {
            let rest = with_stream(owner, |filter, io| {
                if about_data(io, token)?.length.is_none() {
                    read_data(py, filter, io, token)?;
                }
                let rest = io.stream().split_bucket(token, point);
                rest.map_err(|error| {
                    PyOSError::new_err(format!("the bucket cannot be cut: {error}"))
                })
            })?;
            let (lease, instance, filter) = (
                owner.instance.lease(),
                owner.instance.get()?,
                owner.filter.get()?,
            );
            rest.map(|token| {
                let instance = Lent::new(lease, instance);
                let filter = Lent::new(lease, filter);
                Content::Data(OwningFilter { instance, filter }, token)
            })
        }
        Content::File(path, offset, length) if point < *length => {
            let rest = Content::File(path.clone(), *offset + point as u64, *length - point);
            *length = point;
            Some(rest)
        }
        Content::Metadata(_) | Content::File(..) => None,
    };
    match rest {
        Some(rest) => class::make(py, this.interpreter(), BucketObject(Mutex::new(rest))),
        None => none(this),
    }
}
