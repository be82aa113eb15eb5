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
use crate::python::object::arguments::{boolean, none, required};
use crate::python::object::class;
use crate::python::object::class::{Answer, Arguments, Class, This, attributes, methods};
use crate::python::runtime::context;
use crate::python::runtime::context::{log_at, log_line, takes};
use crate::python::runtime::types::ClassId;
use crate::python::server::ServerObject;
use crate::python::text::{decode, encode, encode_c};
use crate::python::values::finfo::FileInfoObject;
use crate::python::values::log_entry::{log_level, loggable};

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
        server_root() = |this: &Me<'_, 'py>, _| decode(this.py(), process::server_root());
        /// What is known of a file: finfo, as of req.finfo. wanted: a mask of apache.APR_FINFO_*, of
        /// which not all need be known. A file that is not there has the filetype apache.APR_NOFILE.
        /// Raises OSError when the file system refuses to tell.
        stat(fname, wanted) = stat;
        /// What the MPM answers to one of apache.AP_MPMQ_*; 0 for what it does not know.
        mpm_query(code) = mpm_query;
        /// Whether httpd was started with -D name, or the configuration has Define name.
        exists_config_define(name) = exists_config_define;
        /// The configuration as a list: of each line (name, arguments), of each section also a list.
        config_tree() = |this: &Me<'_, 'py>, _| Ok(tree(this.py(), process::configuration())?.into_any());
        /// How many bytes of path are left when path_info is taken off its end.
        find_path_info(path, path_info) = find_path_info;
        /// A part of a file, for a streaming filter to yield: length bytes from offset, or all the rest
        /// of it. It is sent without being read.
        FileBucket(path; offset, length) = |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| {
            BucketObject::of_file(this.py(), this.interpreter(), a)
        };
        /// The values of each name in a query: a dict of lists. ";" separates, as "&" does.
        parse_qs(qs; keep_blank_values, strict_parsing) = |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| {
            parse(this, "parse_qs", a)
        };
        /// The names and values in a query, in their order: a list of tuples.
        parse_qsl(qs; keep_blank_values, strict_parsing) = |this: &Me<'_, 'py>, a: Arguments<'_, 'py>| {
            parse(this, "parse_qsl", a)
        };
        /// Waits for a lock that all children share: number index, or the one of the key (str, bytes or
        /// int). Raises ValueError if this request, connection or thread has it already.
        _global_lock(server, key; index) = global_lock::lock;
        /// Takes such a lock if it is free, and says whether it was.
        _global_trylock(server, key; index) = global_lock::try_lock;
        /// Gives such a lock back; another thread of the same child may. Raises ValueError if it is not held.
        _global_unlock(server, key; index) = global_lock::unlock;
        /// A value that another thread will give: await it, and call its set() there.
        _pending() = |this: &Me<'_, 'py>, _| class::make(this.py(), this.interpreter(), Future::default());
        /// Takes printed text: complete lines go to the error log.
        _print(is_error, text) = print;
        /// Whether an entry of a level, one of APLOG_*, would be logged now.
        _takes(level) = takes_level;
        /// Writes one entry, with the place in Python code that it comes from.
        _log(level, text, path, line) = log_entry;
    }
    attributes! { Functions: }
}

fn log_error<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    if let Some(server) = a[2].filter(|server| !server.is_none()) {
        if class::body::<ServerObject>(&server, this.interpreter()).is_none() {
            let kind = server.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "log_error() takes a server such as req.server, not {kind}"
            )));
        }
        return server.call_method1("log_error", (a[0], a[1]));
    }
    let level = log_level(a[1], Level::Error)?;
    if let Some(message) = a[0].filter(|message| !message.is_none()) {
        loggable(&message, |entry| log_line(level, entry))?;
    }
    none(this)
}

fn register_cleanup<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let data = a[1].as_deref();
    push_for_child(Cleanup::new(this.interpreter(), required(a, 0), data)?)?;
    none(this)
}

fn stat<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let name = encode_c(required(a, 0))?;
    let wanted = required(a, 1).extract()?;
    match FileInfo::stat(&name, wanted, &OwnPool::new()) {
        Ok(info) => class::make(this.py(), this.interpreter(), FileInfoObject(info)),
        Err(error) => Err(PyErr::from_type(
            this.py().get_type::<PyOSError>(),
            (
                error.errno(),
                error.to_string(),
                required(a, 0).clone().unbind(),
            ),
        )),
    }
}

fn mpm_query<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let answer = process::mpm_query(required(a, 0).extract()?).unwrap_or(0);
    Ok(answer.into_pyobject(this.py())?.into_any())
}

fn exists_config_define<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    boolean(this.py(), process::is_defined(&encode_c(required(a, 0))?))
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

fn find_path_info<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (path, info) = (encode_c(required(a, 0))?, encode_c(required(a, 1))?);
    let length = process::length_without_path_info(&path, &info);
    Ok(length.into_pyobject(this.py())?.into_any())
}

/// What a function of `mod_python._query` answers, whose library only those load who use it.
fn parse<'py>(this: &Me<'_, 'py>, name: &str, a: Arguments<'_, 'py>) -> Answer<'py> {
    let module = this.py().import("mod_python._query")?;
    module.call_method1(name, (required(a, 0), a[1], a[2]))
}

fn print<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    context::print(required(a, 0).is_truthy()?, &encode(required(a, 1))?);
    none(this)
}

fn takes_level<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    boolean(this.py(), takes(log_level(a[0], Level::Error)?))
}

fn log_entry<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let file = encode_c(required(a, 2))?;
    let line = required(a, 3).extract()?;
    let at = SourceLocation { file: &file, line };
    let text = encode(required(a, 1))?;
    log_at(at, log_level(a[0], Level::Error)?, &excerpt(&text));
    none(this)
}
