//! The classes and exceptions of one interpreter.

use pyo3::prelude::*;
use pyo3::types::PyType;

use super::contextvars::Variable;
use super::interpreter::Interpreter;

/// Our classes, numbered. The table of classes in `python/apache/module.rs` is checked by the compiler to be in this
/// order: the memory of an object is read by the class that its number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassId {
    /// `mod_python.apache.Request`
    Request,
    /// `mod_python.apache.table`
    Table,
    /// `mod_python.apache.FileInfo`
    FileInfo,
    /// `mod_python.apache.Server`
    Server,
    /// `mod_python.apache.Connection`
    Connection,
    /// `mod_python.apache.Filter`
    Filter,
    /// `mod_python._apache.Functions`
    Functions,
    /// `mod_python.apache.Reader`
    Reader,
    /// `mod_python.apache.Flush`
    Flush,
    /// `mod_python.apache.Bucket`
    Bucket,
    /// `mod_python.apache.HandlerList`
    HandlerList,
    /// `mod_python.apache.Wait`
    Wait,
    /// `mod_python.apache.SSIElement`
    SsiElement,
    /// `mod_python._apache.Future`
    Future,
    /// `mod_python._apache.LogOrigin`
    LogOrigin,
    /// `mod_python._apache.LoopEvent`
    LoopEvent,
    /// `mod_python._apache.CacheStore`
    CacheStore,
    /// `mod_python.apache.RequestWait`
    RequestWait,
    /// `mod_python._apache.OfferedRequest`
    OfferedRequest,
    /// `mod_python._apache.Publisher`
    Publisher,
    /// `mod_python._apache.PageServer`
    PageServer,
}

impl ClassId {
    /// How many classes there are.
    pub const COUNT: usize = Self::PageServer as usize + 1;
}

/// The built-in module of an interpreter, as the layer above the runtime makes it.
pub struct BuiltinModule {
    /// Makes the classes, in the order of [`ClassId`].
    pub classes: fn(Python<'_>) -> PyResult<[Py<PyType>; ClassId::COUNT]>,
    /// Puts the module into `sys.modules` of the interpreter, which is current.
    pub install: fn(Python<'_>, &'static Interpreter) -> PyResult<()>,
}

/// The classes and exceptions of one interpreter, and its variable of contextvars.
pub struct Types {
    classes: [Py<PyType>; ClassId::COUNT],
    /// `apache.SERVER_RETURN`.
    pub server_return: Py<PyType>,
    /// `apache.BodyTooLarge`.
    pub body_too_large: Py<PyType>,
    /// `apache.FilterLimit`.
    pub filter_limit: Py<PyType>,
    /// `apache.FilterTimeout`.
    pub filter_timeout: Py<PyType>,
    /// `apache.ShuttingDown`.
    pub shutting_down: Py<PyType>,
    /// The variable of contextvars that says for whom code works (`values::log_origin`).
    pub log_origin: Variable,
}

impl Types {
    /// Makes the classes and exceptions in the interpreter that is current now. Called with the GIL.
    ///
    /// # Errors
    /// What CPython raises, such as `MemoryError`.
    pub fn make(py: Python<'_>, module: &BuiltinModule) -> PyResult<Self> {
        let base = py
            .import("builtins")?
            .getattr("Exception")?
            .cast_into::<PyType>()?;
        let above = py
            .import("builtins")?
            .getattr("BaseException")?
            .cast_into::<PyType>()?;
        let exception = |name, doc| PyErr::new_type(py, name, Some(doc), Some(&base), None);
        Ok(Self {
            classes: (module.classes)(py)?,
            server_return: exception(
                c"mod_python.apache.SERVER_RETURN",
                c"Ends a handler with a result: SERVER_RETURN(result[, status]).",
            )?,
            body_too_large: exception(
                c"mod_python.apache.BodyTooLarge",
                c"A body is larger than the limit that its reader gave.",
            )?,
            filter_limit: exception(
                c"mod_python.apache.FilterLimit",
                c"A filter asks for more than it is allowed to hold: the original body, or the end of one that read() has cut.",
            )?,
            // A BaseException, so that `except Exception` in a filter does not catch it.
            filter_timeout: PyErr::new_type(
                py,
                c"mod_python.apache.FilterTimeout",
                Some(c"A step of a filter has taken longer than its time= allows."),
                Some(&above),
                None,
            )?,
            shutting_down: exception(
                c"mod_python.apache.ShuttingDown",
                c"The server stops or restarts, and the time for what was begun is over.",
            )?,
            log_origin: Variable::new(py, c"mod_python.log_origin")?,
        })
    }

    /// The type of a class.
    pub fn at(&self, id: ClassId) -> &Py<PyType> {
        &self.classes[id as usize]
    }

    /// Whether an object is of exactly this class.
    pub fn is(&self, id: ClassId, object: &Bound<'_, PyAny>) -> bool {
        object.get_type().is(self.at(id).bind(object.py()))
    }
}
