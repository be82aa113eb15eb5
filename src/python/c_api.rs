//! Python for other C modules: the functions of `include/mod_python.h`. A C module calls them on a thread of httpd;
//! between `acquire` and `release` that thread has the GIL.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::null_mut;

use pyo3::ffi;
use pyo3::prelude::*;

use super::connection::object::ConnectionObject;
use super::object::class;
use super::request::state::RequestState;
use super::runtime::attach::{Attached, Left, inside};
use super::runtime::context;
use super::runtime::context::{About, LogContext};
use super::runtime::interpreter::Interpreter;
use super::runtime::lease::Lease;
use super::server::ServerObject;
use crate::engine::interpreter_name::MAIN;
use crate::httpd::hooks::optional_functions::Lender;
use crate::httpd::log::Level;
use crate::httpd::{Connection, Request, Server};

thread_local! {
    /// The entries that C modules on this thread have begun and not ended, the last one innermost.
    static ENTRIES: RefCell<Vec<AcquiredInterpreter>> = const { RefCell::new(Vec::new()) };
}

/// An entry into an interpreter that lasts from one call of C to another.
struct AcquiredInterpreter {
    interpreter: &'static Interpreter,
    /// Objects whose pointers C has borrowed; dropped when the entry ends.
    lent: Vec<Py<PyAny>>,
    /// `None` if the thread was in this interpreter already.
    stay: Option<Stay>,
}

/// The GIL, the context, and the interpreter that was left; dropped in this order.
struct Stay {
    _held: Attached,
    _about: LogContext,
    _left: Left,
}

/// Lends Python to C modules.
pub struct Exports;

impl Lender for Exports {
    fn acquire(name: Option<&[u8]>) -> *mut c_void {
        let name = String::from_utf8_lossy(name.unwrap_or(MAIN.as_bytes()));
        let here = inside().filter(|inside| inside.name() == name);
        let (interpreter, stay) = match here {
            Some(interpreter) => (interpreter, None),
            None => {
                // `Interpreter::named` may wait for threads that need the GIL.
                let left = Left::begin();
                let interpreter = match Interpreter::named(&name) {
                    Ok(interpreter) => interpreter,
                    Err(reason) => {
                        reason.log(About::Nothing, Level::Error, "mp_acquire_interpreter");
                        return null_mut();
                    }
                };
                let about = context::begin(About::Nothing);
                let stay = Stay {
                    _held: Attached::take(interpreter),
                    _about: about,
                    _left: left,
                };
                (interpreter, Some(stay))
            }
        };
        let entry = AcquiredInterpreter {
            interpreter,
            lent: Vec::new(),
            stay,
        };
        ENTRIES.with_borrow_mut(|entries| entries.push(entry));
        interpreter.state().cast()
    }

    fn release() {
        let Some(entry) = ENTRIES.with_borrow_mut(Vec::pop) else {
            let text = "mp_release_interpreter without mp_acquire_interpreter";
            About::Nothing.log(Level::Error, text);
            return;
        };
        entry.interpreter.enter(About::Nothing, |py| {
            for object in entry.lent {
                drop(object.into_bound(py));
            }
        });
        drop(entry.stay);
    }

    fn request(r: &Request) -> *mut c_void {
        object(|py, interpreter| {
            let state = RequestState::of(r);
            state.lease.open_for_entry();
            context::go_on_with(About::Request(r));
            let object = state.object(py, interpreter, r)?;
            let pointer = object.as_ptr();
            ENTRIES.with_borrow_mut(|entries| {
                if let Some(entry) = entries.last_mut() {
                    entry.lent.push(object.unbind());
                }
            });
            Ok(pointer)
        })
    }

    fn server(s: &'static Server) -> *mut c_void {
        object(|py, interpreter| {
            let server = class::make(py, interpreter, ServerObject::new(s))?;
            Ok(server.into_ptr())
        })
    }

    fn connection(c: &Connection) -> *mut c_void {
        object(|py, interpreter| {
            // Nothing opens this lease again after the entry.
            let lease = Lease::new("connection");
            lease.open_for_entry();
            let connection = ConnectionObject::without_bytes(&lease, c);
            Ok(class::make(py, interpreter, connection)?.into_ptr())
        })
    }
}

/// The object that `make` makes in the interpreter that this thread is in; null with an exception set if `make` fails,
/// null if the thread is in none.
fn object(
    make: impl FnOnce(Python<'_>, &'static Interpreter) -> PyResult<*mut ffi::PyObject>,
) -> *mut c_void {
    let Some(interpreter) = inside() else {
        let text = "mp_get_..._object without mp_acquire_interpreter";
        About::Nothing.log(Level::Error, text);
        return null_mut();
    };
    interpreter.enter(About::Nothing, |py| match make(py, interpreter) {
        Ok(object) => object.cast(),
        Err(error) => {
            error.restore(py);
            null_mut()
        }
    })
}
