//! The built-in module `mod_python._apache` of each interpreter: what `mod_python.apache` shows.
//! Names that begin with an underscore are for the module's own Python code; `_apache.pyi` has the types of all.

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::functions::Functions;
use crate::httpd::constants::{CONSTANTS, MAGIC_TYPES, STATUSES};
use crate::httpd::server;
use crate::python::cache::CacheStore;
use crate::python::connection::awaitable::Wait;
use crate::python::connection::future::Future;
use crate::python::connection::loop_event::LoopEvent;
use crate::python::connection::object::ConnectionObject;
use crate::python::filter::async_io::Flush;
use crate::python::filter::awaitable::Reader;
use crate::python::filter::bucket::BucketObject;
use crate::python::filter::object::FilterObject;
use crate::python::handlers::hlist::HandlerListObject;
use crate::python::object::class;
use crate::python::object::class::{Class, class_of, make_type};
use crate::python::object::members::MethodDef;
use crate::python::request::awaitable::RequestWait;
use crate::python::request::object::RequestObject;
use crate::python::request::offers::offered::OfferedRequest;
use crate::python::request::psp::pages::PageServer;
use crate::python::request::publisher::pages::Publisher;
use crate::python::runtime::initialize;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::types::{BuiltinModule, ClassId};
use crate::python::server::ServerObject;
use crate::python::ssi::ElementObject;
use crate::python::values::finfo::FileInfoObject;
use crate::python::values::log_origin::LogOrigin;
use crate::python::values::table::TableObject;

/// The name under which Python code imports it.
const NAME: &str = "mod_python._apache";

/// The module, for the runtime to give it to each interpreter.
pub const MODULE: BuiltinModule = BuiltinModule { classes, install };

/// Writes `classes()` for a list of classes, which must be in the order of [`ClassId`].
macro_rules! classes {
    ($($class:ty,)*) => {
        const _: () = {
            let ids = [$(<$class as Class>::ID as usize),*];
            assert!(ids.len() == ClassId::COUNT, "a class is missing in the list");
            let mut index = 0;
            while index < ids.len() {
                assert!(ids[index] == index, "the list is not in the order of ClassId");
                index += 1;
            }
        };

        fn classes(py: Python<'_>) -> PyResult<[Py<PyType>; ClassId::COUNT]> {
            Ok([$(make_type::<$class>(py)?),*])
        }
    };
}

classes! {
    RequestObject,
    TableObject,
    FileInfoObject,
    ServerObject,
    ConnectionObject,
    FilterObject,
    Functions,
    Reader,
    Flush,
    BucketObject,
    HandlerListObject,
    Wait,
    ElementObject,
    Future,
    LogOrigin,
    LoopEvent,
    CacheStore,
    RequestWait,
    OfferedRequest,
    Publisher,
    PageServer,
}

/// Makes the `_apache` of an interpreter and puts it into `sys.modules`. It is called with the GIL held, once for each
/// interpreter, before any other code of the module's is imported there.
fn install(py: Python<'_>, interpreter: &'static Interpreter) -> PyResult<()> {
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
    module.add("Flush", class_of::<Flush>(types))?;
    module.add("FLUSH", class::make(py, interpreter, Flush)?)?;
    module.add("Request", class_of::<RequestObject>(types))?;
    module.add("Connection", class_of::<ConnectionObject>(types))?;
    module.add("Server", class_of::<ServerObject>(types))?;
    module.add("SSIElement", class_of::<ElementObject>(types))?;
    module.add("Filter", class_of::<FilterObject>(types))?;
    module.add("HandlerList", class_of::<HandlerListObject>(types))?;
    module.add("Bucket", class_of::<BucketObject>(types))?;
    module.add("table", class_of::<TableObject>(types))?;
    module.add("FileInfo", class_of::<FileInfoObject>(types))?;
    module.add("PageServer", class_of::<PageServer>(types))?;
    module.add("Publisher", class_of::<Publisher>(types))?;
    module.add("interpreter", interpreter.name())?;
    module.add("_version", env!("CARGO_PKG_VERSION"))?;
    module.add("_main_thread", initialize::main_thread())?;
    if let Some(server) = server::main() {
        module.add(
            "main_server",
            class::make(py, interpreter, ServerObject::new(server))?,
        )?;
    }
    let modules = py.import("sys")?.getattr("modules")?;
    modules.set_item(NAME, &module)?;
    // Programs import it by the name that it had in mod_python 3, too.
    modules.set_item("_apache", &module)?;
    Ok(())
}
