//! `_global_lock`, `_global_trylock`, `_global_unlock`: locks that all children share (`PythonOption
//! mod_python.mutex_locks`). The GIL is released while a thread waits for one.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};

use super::functions::Functions;
use crate::httpd::server::mutex;
use crate::httpd::server::mutex::{GlobalLock, LockRefusal, Owner};
use crate::python::object::arguments::{boolean, integer, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, This};
use crate::python::runtime::context;
use crate::python::runtime::interpreter::release;
use crate::python::server::ServerObject;
use crate::python::text::encode;

type Me<'a, 'py> = This<'a, 'py, Functions>;

/// Takes a lock; waits for it without the GIL.
pub fn lock<'py>(
    this: &Me<'_, 'py>,
    server: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
    index: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (index, lock) = chosen(this, server, key, index)?;
    let owner = owner();
    let taken = release(this.py(), || match lock.lock(owner) {
        // An earlier request of the connection may give it back in its cleanup (a session does).
        Err(LockRefusal::OwnLock) if context::end_earlier_requests() => lock.lock(owner),
        result => result,
    });
    taken.map_err(|refusal| refused(index, &refusal))?;
    none(this)
}

/// Takes a lock if it is free. Returns whether it was.
pub fn try_lock<'py>(
    this: &Me<'_, 'py>,
    server: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
    index: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (index, lock) = chosen(this, server, key, index)?;
    let taken = lock.try_lock(owner());
    boolean(
        this.py(),
        taken.map_err(|refusal| refused(index, &refusal))?,
    )
}

/// Releases a lock.
pub fn unlock<'py>(
    this: &Me<'_, 'py>,
    server: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
    index: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    let (index, lock) = chosen(this, server, key, index)?;
    lock.unlock().map_err(|refusal| refused(index, &refusal))?;
    none(this)
}

fn owner() -> Owner {
    context::connection().map_or_else(Owner::this_thread, Owner::Connection)
}

fn refused(index: usize, refusal: &LockRefusal) -> PyErr {
    PyValueError::new_err(format!("lock {index} {refusal}"))
}

/// The lock that the arguments `server, key[, index]` stand for, and its number.
fn chosen(
    this: &Me<'_, '_>,
    server: &Bound<'_, PyAny>,
    key: &Bound<'_, PyAny>,
    index: Option<&Bound<'_, PyAny>>,
) -> PyResult<(usize, &'static GlobalLock)> {
    let Some(server) = class::body::<ServerObject>(server, this.interpreter()) else {
        return Err(PyTypeError::new_err(format!(
            "a global lock takes a server first, such as req.server, not {}",
            server.get_type().name()?
        )));
    };
    let locks = mutex::all(server.server());
    let index = match integer::<i64>(index)?.unwrap_or(-1) {
        -1 => of_key(key, locks.len())?,
        index => usize::try_from(index).unwrap_or(usize::MAX),
    };
    let lock = locks.get(index).ok_or_else(|| {
        PyValueError::new_err(match locks.len() {
            0 => "there are no global locks: the error log says why, where httpd starts".into(),
            count => format!(
                "a global lock has an index from 0 to {}, or -1 to be chosen by its key: \
                 PythonOption mod_python.mutex_locks NUMBER makes more of them",
                count - 1
            ),
        })
    })?;
    Ok((index, lock))
}

fn of_key(key: &Bound<'_, PyAny>, count: usize) -> PyResult<usize> {
    if key.is_instance_of::<PyString>() || key.is_instance_of::<PyBytes>() {
        return Ok(mutex::of_key(&encode(key)?, count));
    }
    if key.is_instance_of::<PyInt>() {
        return Ok(mutex::of_key(&key.hash()?, count));
    }
    Err(PyTypeError::new_err(format!(
        "a global lock's key is a str, bytes or an int, which mean the same in all children, not {}: \
         write str(key), or give an index",
        key.get_type().name()?
    )))
}
