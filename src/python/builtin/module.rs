//! The built-in module `mod_python._apache` of each interpreter: what `mod_python.apache` shows.
//! Names with an underscore are for our own Python code; `_apache.pyi` tells type checkers of all.

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::functions::Functions;
use crate::engine::lines::in_pieces;
use crate::httpd::constants::{CONSTANTS, MAGIC_TYPES, STATUSES};
use crate::httpd::log::Level;
use crate::python::connection::object::ConnectionObject;
use crate::python::connection::pending::Pending;
use crate::python::connection::waits::Wait;
use crate::python::filter::bucket::BucketObject;
use crate::python::filter::object::FilterObject;
use crate::python::filter::reader::Reader;
use crate::python::filter::streaming::Flush;
use crate::python::interpreters::interpreter::{Interpreter, main_server};
use crate::python::object::class::{self, Class, MethodDef, make_type};
use crate::python::request::finfo::FileInfoObject;
use crate::python::request::hlist::HandlerListObject;
use crate::python::request::object::RequestObject;
use crate::python::server::ServerObject;
use crate::python::ssi::ElementObject;
use crate::python::table::TableObject;
use crate::python::text::encode;

/// Under which Python code imports it.
const NAME: &str = "mod_python._apache";

/// Makes the classes, in the order of their numbers.
pub fn classes(py: Python<'_>) -> PyResult<Vec<Py<PyType>>> {
    Ok(vec![
        make_type::<RequestObject>(py)?,
        make_type::<TableObject>(py)?,
        make_type::<FileInfoObject>(py)?,
        make_type::<ServerObject>(py)?,
        make_type::<ConnectionObject>(py)?,
        make_type::<FilterObject>(py)?,
        make_type::<Functions>(py)?,
        make_type::<Reader>(py)?,
        make_type::<Flush>(py)?,
        make_type::<BucketObject>(py)?,
        make_type::<HandlerListObject>(py)?,
        make_type::<Wait>(py)?,
        make_type::<ElementObject>(py)?,
        make_type::<Pending>(py)?,
    ])
}

/// Gives an interpreter its `_apache`.
pub fn install(py: Python<'_>, interpreter: &'static Interpreter) -> PyResult<()> {
    let module = PyModule::new(py, NAME)?;
    for (name, value) in CONSTANTS.iter().chain(STATUSES) {
        module.add(&*name.to_string_lossy(), *value)?;
    }
    for (name, text) in MAGIC_TYPES {
        module.add(*name, &*text.to_string_lossy())?;
    }
    let functions = class::make(py, interpreter, Functions)?;
    for name in Functions::METHODS.iter().filter_map(MethodDef::name) {
        let name = &*name.to_string_lossy();
        module.add(name, functions.getattr(name)?)?;
    }
    let types = &interpreter.types;
    module.add("SERVER_RETURN", &types.server_return)?;
    module.add("BodyTooLarge", &types.body_too_large)?;
    module.add("FilterLimit", &types.filter_limit)?;
    module.add("FilterTimeout", &types.filter_timeout)?;
    module.add("ShuttingDown", &types.shutting_down)?;
    module.add("Flush", types.of::<Flush>())?;
    module.add("FLUSH", class::make(py, interpreter, Flush)?)?;
    module.add("Request", types.of::<RequestObject>())?;
    module.add("Connection", types.of::<ConnectionObject>())?;
    module.add("Server", types.of::<ServerObject>())?;
    module.add("SSIElement", types.of::<ElementObject>())?;
    module.add("Filter", types.of::<FilterObject>())?;
    module.add("HandlerList", types.of::<HandlerListObject>())?;
    module.add("Bucket", types.of::<BucketObject>())?;
    module.add("table", types.of::<TableObject>())?;
    module.add("FileInfo", types.of::<FileInfoObject>())?;
    module.add("interpreter", interpreter.name())?;
    module.add("_version", env!("CARGO_PKG_VERSION"))?;
    if let Some(server) = main_server() {
        module.add(
            "main_server",
            class::make(py, interpreter, ServerObject::new(server))?,
        )?;
    }
    py.import("sys")?
        .getattr("modules")?
        .set_item(NAME, &module)?;
    Ok(())
}

/// A log level argument; 0, None or left out for the default.
pub fn log_level(value: Option<Borrowed<'_, '_, PyAny>>, default: Level) -> PyResult<Level> {
    match value.filter(|value| !value.is_none()) {
        None => Ok(default),
        Some(value) => match value.extract::<i64>()? {
            0 => Ok(default),
            number => Ok(Level::from_number(number)),
        },
    }
}

/// Gives `log` a message, whatever bytes it came from: as one entry, unless it is too long for that.
///
/// # Errors
/// `TypeError` for what is no text.
pub fn loggable(message: &Bound<'_, PyAny>, log: impl FnMut(&[u8])) -> PyResult<()> {
    let text = encode(message)?;
    in_pieces(text.strip_suffix(b"\n").unwrap_or(&text), log);
    Ok(())
}
