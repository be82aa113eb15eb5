//! The functions of `_apache`: those with an underscore are for our own Python code.

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::global_lock;
use crate::engine::log_text::excerpt;
use crate::httpd::apr::pool::OwnPool;
use crate::httpd::log::{Level, SourceLocation};
use crate::httpd::request::fileinfo::FileInfo;
use crate::httpd::server::process;
use crate::httpd::server::process::Node;
use crate::python::cleanup::{Cleanup, push_for_child};
use crate::python::connection::future::Future;
use crate::python::filter::bucket::BucketObject;
use crate::python::object::arguments::{boolean, given, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::runtime::context;
use crate::python::runtime::context::{log_at, log_line, takes};
use crate::python::runtime::interpreter::release;
use crate::python::runtime::types::ClassId;
use crate::python::server::ServerObject;
use crate::python::text::{decode, encode, encode_c};
use crate::python::values::finfo::FileInfoObject;
use crate::python::values::log_entry::{log_level, log_message};

/// The functions, as methods of one object.
pub struct Functions;

type Me<'a, 'py> = This<'a, 'py, Functions>;

impl Class for Functions {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.Functions";
    const DOC: &'static std::ffi::CStr = c"The functions of the module.";
    const ID: ClassId = ClassId::Functions;
    methods! { Functions:
        /// Writes an entry to the error log of what this thread works on, or of the server given.
        log_error(message; level, server) = log_error;
        /// Has function(data) called when this child ends; the last one first. Raises ValueError for
        /// what cannot be called.
        register_cleanup(function; data) = register_cleanup;
        /// ServerRoot.
        server_root() = server_root;
        /// What is known of a file: finfo, as of req.finfo. wanted: a mask of apache.APR_FINFO_*, of
        /// which not all need be known. A file that is not there has the filetype apache.APR_NOFILE.
        /// Raises OSError when the file system refuses to tell.
        stat(fname, wanted) = stat;
        /// What the MPM answers to one of apache.AP_MPMQ_*; 0 for what it does not know.
        mpm_query(code) = mpm_query;
        /// Whether httpd was started with -D name, or the configuration has Define name.
        exists_config_define(name) = exists_config_define;
        /// The configuration as a list: of each line (name, arguments), of each section also a list.
        config_tree() = config_tree;
        /// How many bytes of path are left when path_info is taken off its end.
        find_path_info(path, path_info) = find_path_info;
        /// A part of a file, for a streaming filter to yield: length bytes from offset, or all the rest
        /// of it. It is sent without being read.
        FileBucket(path; offset, length) = BucketObject::of_file;
        /// The values of each name in a query: a dict of lists. ";" separates, as "&" does.
        parse_qs(qs; keep_blank_values, strict_parsing) = parse("parse_qs");
        /// The names and values in a query, in their order: a list of tuples.
        parse_qsl(qs; keep_blank_values, strict_parsing) = parse("parse_qsl");
        /// Waits for a lock that all children share: number index, or the one of the key (str, bytes or
        /// int). Raises ValueError if this request, connection or thread has it already.
        _global_lock(server, key; index) = global_lock::lock;
        /// Takes such a lock if it is free, and says whether it was.
        _global_trylock(server, key; index) = global_lock::try_lock;
        /// Gives such a lock back; another thread of the same child may. Raises ValueError if it is not held.
        _global_unlock(server, key; index) = global_lock::unlock;
        /// A value that another thread will give: await it, and call its set() there.
        _pending() = pending;
        /// Takes printed text: complete lines go to the error log.
        _print(is_error, text) = print;
        /// Whether an entry of a level, one of APLOG_*, would be logged now.
        _takes(level) = takes_level;
        /// Writes one entry, with the place in Python code that it comes from.
        _log(level, text, path, line) = log_entry;
    }
    attributes! { Functions: }
}

fn log_error<'py>(
    this: &Me<'_, 'py>,
    message: &Bound<'py, PyAny>,
    level: Option<&Bound<'py, PyAny>>,
    server: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(server) = given(server) {
        if class::body::<ServerObject>(server, this.interpreter()).is_none() {
            let kind = server.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "log_error() takes a server such as req.server, not {kind}"
            )));
        }
        return server.call_method1("log_error", (message, level));
    }
    log_message(message, level, log_line)?;
    none(this)
}

fn register_cleanup<'py>(
    this: &Me<'_, 'py>,
    function: &Bound<'py, PyAny>,
    data: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    push_for_child(Cleanup::new(this.interpreter(), function, data)?)?;
    none(this)
}

fn stat<'py>(
    this: &Me<'_, 'py>,
    path: &Bound<'py, PyAny>,
    wanted: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let name = encode_c(path)?;
    let wanted = wanted.extract()?;
    match release(this.py(), || FileInfo::stat(&name, wanted, &OwnPool::new())) {
        Ok(info) => class::make(this.py(), this.interpreter(), FileInfoObject(info)),
        Err(error) => Err(PyErr::from_type(
            this.py().get_type::<PyOSError>(),
            (error.errno(), error.to_string(), path.clone().unbind()),
        )),
    }
}

fn mpm_query<'py>(this: &Me<'_, 'py>, code: &Bound<'py, PyAny>) -> Answer<'py> {
    let answer = process::mpm_query(code.extract()?).unwrap_or(0);
    Ok(answer.into_pyobject(this.py())?.into_any())
}

fn exists_config_define<'py>(this: &Me<'_, 'py>, name: &Bound<'py, PyAny>) -> Answer<'py> {
    boolean(this.py(), process::is_defined(&encode_c(name)?))
}

fn server_root<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    decode(this.py(), process::server_root())
}

fn config_tree<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(tree(this.py(), process::configuration())?.into_any())
}

fn tree<'py>(py: Python<'py>, nodes: Vec<Node>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for node in nodes {
        list.append((decode(py, node.name)?, decode(py, node.arguments)?))?;
        if let Some(children) = node.children {
            list.append(tree(py, children)?)?;
        }
    }
    Ok(list)
}

fn find_path_info<'py>(
    this: &Me<'_, 'py>,
    path: &Bound<'py, PyAny>,
    path_info: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (path, info) = (encode_c(path)?, encode_c(path_info)?);
    let length = process::length_without_path_info(&path, &info);
    Ok(length.into_pyobject(this.py())?.into_any())
}

/// What a function of `mod_python._query` returns. The module is imported when it is first needed.
fn parse<'py>(
    this: &Me<'_, 'py>,
    qs: &Bound<'py, PyAny>,
    keep_blank_values: Option<&Bound<'py, PyAny>>,
    strict_parsing: Option<&Bound<'py, PyAny>>,
    name: &str,
) -> Answer<'py> {
    let module = this.py().import("mod_python._query")?;
    module.call_method1(name, (qs, keep_blank_values, strict_parsing))
}

fn pending<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    class::make(this.py(), this.interpreter(), Future::default())
}

fn print<'py>(
    this: &Me<'_, 'py>,
    is_error: &Bound<'py, PyAny>,
    text: &Bound<'py, PyAny>,
) -> Answer<'py> {
    context::print(is_error.is_truthy()?, &encode(text)?);
    none(this)
}

fn takes_level<'py>(this: &Me<'_, 'py>, level: &Bound<'py, PyAny>) -> Answer<'py> {
    boolean(this.py(), takes(log_level(Some(level), Level::Error)?))
}

fn log_entry<'py>(
    this: &Me<'_, 'py>,
    level: &Bound<'py, PyAny>,
    text: &Bound<'py, PyAny>,
    path: &Bound<'py, PyAny>,
    line: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let file = encode_c(path)?;
    let line = line.extract()?;
    let at = SourceLocation { file: &file, line };
    let text = encode(text)?;
    log_at(at, log_level(Some(level), Level::Error)?, &excerpt(&text));
    none(this)
}
