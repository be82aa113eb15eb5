//! The methods of `filter` that a streaming filter awaits or iterates over. All functions are called by the filter's
//! own Python code, in a call of the filter, with the GIL.

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::awaitable::{ReadRequest, Reader};
use super::object::{FilterObject, with_io};
use crate::engine::replace::{ReplaceOptions, Replacer};
use crate::httpd::filter::stream::CHUNK;
use crate::python::object::arguments;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::AsyncIterable;
use crate::python::runtime::types::ClassId;
use crate::python::text::encode;

type Me<'a, 'py> = This<'a, 'py, FilterObject>;

impl AsyncIterable for FilterObject {
    fn aiter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        reader(this, ReadRequest::Chunks)
    }
}

/// The awaitable, or async iterator, that gives a streaming filter what `request` says.
///
/// # Errors
/// `RuntimeError` in a plain function, and for a filter of connections that asks for more than the next piece.
pub(in crate::python) fn reader<'py>(this: &Me<'_, 'py>, request: ReadRequest) -> Answer<'py> {
    with_io(this, |_, io| {
        let stream = io.stream();
        if stream.is_on_connection()
            && !matches!(request, ReadRequest::Chunks | ReadRequest::Buckets)
        {
            return Err(PyRuntimeError::new_err(
                "a filter of connections holds nothing back: it takes what comes, with 'async for \
                 chunk in filter' or filter.buckets()",
            ));
        }
        if stream.is_generators() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a plain function reads with filter.read(): streaming needs 'async def' with yield",
        ))
    })?;
    Reader::make(this.object(), this.interpreter(), request)
}

pub(in crate::python) fn lines<'py>(
    this: &Me<'_, 'py>,
    limit: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let most = arguments::limit(limit)?
        .filter(|most| *most > 0)
        .unwrap_or(CHUNK);
    reader(this, ReadRequest::Lines(most, Vec::new()))
}

pub(in crate::python) fn peek<'py>(this: &Me<'_, 'py>, n: &Bound<'py, PyAny>) -> Answer<'py> {
    let limit =
        arguments::limit(Some(n))?.ok_or_else(|| PyTypeError::new_err("peek() takes a length"))?;
    reader(this, ReadRequest::Peek(limit))
}

pub(in crate::python) fn body<'py>(
    this: &Me<'_, 'py>,
    limit: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    reader(
        this,
        ReadRequest::Body(arguments::limit(limit)?, Vec::new()),
    )
}

pub(in crate::python) fn replace<'py>(
    this: &Me<'_, 'py>,
    pairs: &Bound<'py, PyAny>,
    count: Option<&Bound<'py, PyAny>>,
    ignore_case: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let mut literals = Vec::new();
    for pair in pairs.call_method0("items")?.try_iter()? {
        let (old, new): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
        literals.push((encode(&old)?, encode(&new)?));
    }
    let options = ReplaceOptions {
        count: arguments::limit(count)?,
        ignore_case: arguments::flag(ignore_case, false)?,
    };
    let replacer = Replacer::new(literals, options).map_err(PyValueError::new_err)?;
    reader(
        this,
        ReadRequest::Replaced(Some(Box::new(replacer)), Vec::new()),
    )
}

pub(in crate::python) fn buckets<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    reader(this, ReadRequest::Buckets)
}

/// `apache.FLUSH`: a filter yields it to have sent what it has yielded before.
pub struct Flush;

impl Class for Flush {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.Flush";
    const DOC: &'static std::ffi::CStr = c"Yielded by a filter: send what there is.";
    const ID: ClassId = ClassId::Flush;
    methods! { Flush: }
    attributes! { Flush: }
}
