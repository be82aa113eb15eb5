//! The functions of `_apache`. Names that begin with an underscore are for the module's own Python code.

use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{event_loop, global_lock, queries};
use crate::engine::log_text::excerpt;
use crate::engine::named_objects;
use crate::engine::settings::Settings;
use crate::httpd::apr::pool::OwnPool;
use crate::httpd::log::{Level, SourceLocation};
use crate::httpd::request::fileinfo::FileInfo;
use crate::httpd::server::config_tree::Node;
use crate::httpd::server::{config_tree, process};
use crate::python::cache::CacheStore;
use crate::python::cleanup::{Cleanup, push_for_child};
use crate::python::filter::bucket::BucketObject;
use crate::python::object::arguments::{boolean, given, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::request::wsgi::serve::serve;
use crate::python::runtime::context;
use crate::python::runtime::context::{About, log_at, log_line, takes};
use crate::python::runtime::extensions;
use crate::python::runtime::interpreter::release;
use crate::python::runtime::source_changes;
use crate::python::runtime::sub_interpreter;
use crate::python::runtime::types::ClassId;
use crate::python::server::ServerObject;
use crate::python::text::{decode, encode, encode_c, encode_for_log};
use crate::python::values::finfo::FileInfoObject;
use crate::python::values::log_entry::{log_level, log_message};
use crate::python::values::log_origin;
use crate::python::values::log_origin::with_origin;

/// The functions, as methods of one object.
pub struct Functions;

pub(super) type Me<'a, 'py> = This<'a, 'py, Functions>;

impl Class for Functions {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.Functions";
    const DOC: &'static std::ffi::CStr = c"The functions of the module.";
    const ID: ClassId = ClassId::Functions;
    methods! { Functions:
        /// Writes message (str or bytes; None is no entry) to the error log of the request, connection or server that
        /// this thread works on, or to that of server. level: one of apache.APLOG_* (APLOG_ERR if None or left out).
        /// Raises TypeError for arguments of other types.
        log_error(message; level, server) = log_error;
        /// Registers a function that is called as function(data) when this child process of httpd ends; the one
        /// registered last is called first. Raises ValueError when function is not callable.
        register_cleanup(function; data) = register_cleanup;
        /// Returns the path of ServerRoot (str).
        server_root() = server_root;
        /// Returns what is known of the file fname (str or bytes) as a FileInfo, like req.finfo. wanted is a mask (int)
        /// of apache.APR_FINFO_*; attributes that it does not name may be None. For a file that does not exist,
        /// filetype is apache.APR_NOFILE. Raises OSError when the file system refuses to tell (apr_stat).
        stat(fname, wanted) = stat;
        /// Returns what the MPM answers to code (int), one of apache.AP_MPMQ_* (ap_mpm_query), as int; 0 for what it
        /// does not know.
        mpm_query(code) = mpm_query;
        /// Returns True when httpd was started with -D name or configured with Define name (ap_exists_config_define).
        exists_config_define(name) = exists_config_define;
        /// Returns the configuration as a list: for each directive a tuple (name, arguments) of two str, and after the
        /// tuple of a section a list of the same form with what stands in it.
        config_tree() = config_tree;
        /// Returns how many bytes of path (int) are left when path_info is taken off its end (ap_find_path_info).
        find_path_info(path, path_info) = find_path_info;
        /// Returns a Bucket that stands for a part of the file at path, for a streaming filter to yield: length bytes
        /// from offset (both int; 0, and the rest of the file, if left out). The file is sent without being read into
        /// Python. Raises OSError when it cannot be opened, ValueError when it is no regular file or has no such part.
        FileBucket(path; offset, length) = BucketObject::of_file;
        /// Returns the values of each name in the query qs (str or bytes) as a dict of lists of the same type. ';'
        /// separates as '&' does. keep_blank_values: true to keep empty values. strict_parsing: true to raise
        /// ValueError for a field without '='. As urllib.parse.parse_qs.
        parse_qs(qs; keep_blank_values, strict_parsing) = queries::parse("parse_qs");
        /// Returns the names and values in the query qs (str or bytes) in their order, as a list of tuples. The
        /// parameters are those of parse_qs.
        parse_qsl(qs; keep_blank_values, strict_parsing) = queries::parse("parse_qsl");
        /// As parse_qsl for qs (str), without its checks; None for one that has other characters than those of ASCII.
        _query_fields(qs; keep_blank_values) = queries::query_fields;
        /// Returns the fields of the request req, if its query is all of its form, as a list of field (a class derived from
        /// str), each with its name. Returns None where there may be more, and for a query that is long, has other characters
        /// than those of ASCII or a limit of its own.
        _form_of_query(req, field, keep_blank_values) = queries::form_of_query;
        /// Returns a function that adds the text of its argument to pieces (a list), and calls write, which is req.write, if
        /// that is long: what pages of psp write values with.
        _value_writer(pieces, write) = queries::value_writer;
        /// Waits for a lock that all children share, and takes it; other Python threads run meanwhile. index: its
        /// number; -1, None or left out for the one that key (str, bytes or int) stands for. Raises ValueError if this
        /// request, connection or thread has the lock already, TypeError for a server or key of another type.
        _global_lock(server, key; index) = global_lock::lock;
        /// Takes a lock as _global_lock does if it is free, without waiting. Returns True when it was.
        _global_trylock(server, key; index) = global_lock::try_lock;
        /// Releases a lock that _global_lock took; any thread of the same child may. Raises ValueError if this child
        /// does not hold it.
        _global_unlock(server, key; index) = global_lock::unlock;
        /// Returns an object by which threads call an event loop of asyncio's, and which makes the futures that the loop
        /// fulfils. Raises OSError when there are no more descriptors.
        _loop_event() = event_loop::loop_event;
        /// Returns the cache of PythonCache's line with this name (str). Raises LookupError where there is none.
        _cache_store(name) = cache_store;
        /// Notes in the current context of contextvars for which request or connection this thread works. Log entries of
        /// other threads that run in a copy of the context have its client.
        _carry_origin() = carry_origin;
        /// Returns the id (str) by which httpd's logs call the request that this thread works for, or None where it works
        /// for none.
        _request_id() = request_id;
        /// Takes text (str) that was printed: complete lines go to the error log, at level error for is_error, else at
        /// notice.
        _print(is_error, text) = print;
        /// Returns how many Python interpreters the process has (int), those of other modules of httpd included.
        _interpreter_count() = interpreter_count;
        /// Notes that this interpreter has loaded the extension module whose file is at path (str).
        _extension_loaded(path) = extension_loaded;
        /// Returns the name (str) of the interpreter that was the first to load the extension module whose file is at
        /// path (str), or None.
        _extension_owner(path) = extension_owner;
        /// Returns how often files of modules have changed (int), as far as this process knows; -1 with PythonAutoReload
        /// Off for what this thread works on.
        _changes() = changes;
        /// Returns what handlers name as module::object: a list of tuples of the module's name, or the path of its file, and
        /// the object's name (str).
        _named_objects() = named_objects;
        /// Has the folder at path (str) watched for changes from now on.
        _watch(path) = watch;
        /// Notes that a module is about to be imported, which may import others whose files have changed meanwhile.
        _note_import() = note_import;
        /// Returns True while the file at path (str) is being written, False when it is not, and None where the kernel
        /// does not tell. is_empty (bool): whether nothing is in the file.
        _is_written(path, is_empty) = is_written;
        /// Serves the request req by its WSGI application: the one that PythonApplication mounts, or that of the
        /// PythonOption mod_python.wsgi.application. Returns apache.OK, or apache.DECLINED for a request that is not below
        /// the option's base_uri. Raises what the application raises.
        _serve_wsgi(req) = serve_wsgi;
        /// Has threads of httpd offer their requests for ASGI applications, and for handlers under apache.aio, to the event
        /// loop that event calls, which _loop_event() has returned. Raises TypeError for another object.
        _accept_requests(event) = event_loop::accept_requests;
        /// Ends that, if no further loop takes such requests. Raises TypeError for what is no such event.
        _refuse_requests(event) = event_loop::refuse_requests;
        /// Returns the requests that were offered since the last call, as a list.
        _offered_requests() = event_loop::offered_requests;
        /// Returns headers of a response as a list of pairs of bytes, and the length that they name (int or None), as a
        /// tuple. Returns None for headers that must be looked at more closely.
        _plain_headers(headers) = event_loop::plain_headers;
        /// Returns the time of PythonShutdownTimeout for this child, in seconds (float).
        _shutdown_time() = event_loop::shutdown_time;
        /// Returns the time of PythonGracefulTimeout for this child, in seconds (float).
        _graceful_time() = event_loop::graceful_time;
        /// Has event, which _loop_event() has returned, called when this child begins to stop, and when it is told to
        /// stop at once. Raises TypeError for another object.
        _tell_of_stop(event) = event_loop::tell_of_stop;
        /// Returns how far the stop of this child is (int): 0 if it has not begun, 1 while what was begun has time, 2
        /// when that is over, 3 if the child was told to stop at once.
        _stop_stage() = event_loop::stop_stage;
        /// Returns True when an entry of level (int, one of APLOG_*) would be logged now.
        _takes(level) = takes_level;
        /// Writes text (str) to the error log at level (int, one of APLOG_*), with path (str) and line (int) as its
        /// place in Python code.
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
    with_origin(this.py(), this.interpreter(), || {
        log_message(message, level, log_line)
    })?;
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

fn serve_wsgi<'py>(this: &Me<'_, 'py>, req: &Bound<'py, PyAny>) -> Answer<'py> {
    let status = serve(this.interpreter(), req)?;
    Ok(status.0.into_pyobject(this.py())?.into_any())
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
    Ok(tree(this.py(), config_tree::configuration())?.into_any())
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

fn cache_store<'py>(this: &Me<'_, 'py>, name: &Bound<'py, PyAny>) -> Answer<'py> {
    class::make(
        this.py(),
        this.interpreter(),
        CacheStore::of(name.extract()?)?,
    )
}

fn carry_origin<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    log_origin::carry(this.py(), this.interpreter())?;
    none(this)
}

fn request_id<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let id = log_origin::request_id(this.py(), this.interpreter());
    let id = id.map(|id| String::from_utf8_lossy(&id).into_owned());
    Ok(id.into_pyobject(this.py())?.into_any())
}

fn print<'py>(
    this: &Me<'_, 'py>,
    is_error: &Bound<'py, PyAny>,
    text: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (is_error, text) = (is_error.is_truthy()?, encode_for_log(text)?);
    with_origin(this.py(), this.interpreter(), || {
        context::print(is_error, &text);
    });
    none(this)
}

fn interpreter_count<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(sub_interpreter::count(this.py())
        .into_pyobject(this.py())?
        .into_any())
}

fn extension_loaded<'py>(this: &Me<'_, 'py>, path: &Bound<'py, PyAny>) -> Answer<'py> {
    extensions::loaded(&text_of(path)?, this.interpreter());
    none(this)
}

fn extension_owner<'py>(this: &Me<'_, 'py>, path: &Bound<'py, PyAny>) -> Answer<'py> {
    match extensions::first(&text_of(path)?) {
        Some(interpreter) => decode(this.py(), interpreter.name().as_bytes()),
        None => none(this),
    }
}

fn changes<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let reloads = context::working_on(|about| match about {
        About::Request(r) => r.settings::<Settings>().reloads(),
        About::Connection(c) => c.base_server().settings::<Settings>().reloads(),
        About::Server(server) => server.settings::<Settings>().reloads(),
        About::Nothing => true,
    });
    let known = match reloads {
        true => this.interpreter().loader.changes.known(this.py()) as i64,
        false => -1,
    };
    Ok(known.into_pyobject(this.py())?.into_any())
}

fn named_objects<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(PyList::new(this.py(), named_objects::all())?.into_any())
}

fn watch<'py>(this: &Me<'_, 'py>, path: &Bound<'py, PyAny>) -> Answer<'py> {
    let path: PathBuf = path.extract()?;
    source_changes::watch(this.py(), &path);
    none(this)
}

fn note_import<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.interpreter().loader.changes.doubt();
    none(this)
}

fn is_written<'py>(
    this: &Me<'_, 'py>,
    path: &Bound<'py, PyAny>,
    is_empty: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let path: PathBuf = path.extract()?;
    match source_changes::is_written(this.py(), &path, is_empty.is_truthy()?) {
        Some(is_written) => boolean(this.py(), is_written),
        None => none(this),
    }
}

/// A path as text: for a key only.
fn text_of(path: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(String::from_utf8_lossy(&encode(path)?).into_owned())
}

fn takes_level<'py>(this: &Me<'_, 'py>, level: &Bound<'py, PyAny>) -> Answer<'py> {
    let level = log_level(Some(level), Level::Error)?;
    let takes = with_origin(this.py(), this.interpreter(), || takes(level));
    boolean(this.py(), takes)
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
    let text = encode_for_log(text)?;
    let level = log_level(Some(level), Level::Error)?;
    with_origin(this.py(), this.interpreter(), || {
        log_at(at, level, &excerpt(&text));
    });
    none(this)
}
