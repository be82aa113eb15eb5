//! `apache.table`: a table of httpd (`apr_table_t`) as a mapping.

use std::ffi::CStr;
use std::sync::Arc;

use pyo3::exceptions::{PyAttributeError, PyKeyError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping, PyString};

use super::entries::{TableEntry, entries_of, is_same, merge};
use super::framing_headers::Which;
use super::own_table::{OwnTable, TableContent, Target};
use crate::engine::text_table::{TextEntry, TextTable};
use crate::httpd::{Request, Table};
use crate::python::object::arguments::{boolean, none};
use crate::python::object::class;
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::object::slots::{
    Compared, Constructed, Mapping, Slot, comparison_slot, constructor_slots, mapping_slots,
};
use crate::python::runtime::interpreter::Interpreter;
use crate::python::runtime::lease::{Lease, Lent};
use crate::python::runtime::types::ClassId;
use crate::python::text::{c_text, decode, decode_option, encode, encode_value};

/// A table of a request or connection, which may be used while its lease is open, or a table of Python's own.
pub enum TableObject {
    /// A table of a connection.
    Lent(Lent<Table>),
    /// A table of a request. httpd replaces these tables when an error response begins or another request takes over
    /// (`DirectoryIndex`), so it is looked for at each use.
    OfRequest(Lent<Request>, Which),
    /// A table that Python code has made or copied.
    Own(OwnTable),
}

impl TableObject {
    /// The value for a table of a connection under its lease.
    pub fn new(lease: &Arc<Lease>, table: &Table) -> Self {
        Self::Lent(Lent::new(lease, table))
    }

    /// The table.
    ///
    /// # Errors
    /// `RuntimeError` when its request or connection is over, or not open on this thread.
    fn target(&self) -> PyResult<Target<'_>> {
        Ok(match self {
            Self::Lent(table) => Target::Httpd(table.get()?),
            Self::OfRequest(request, which) => Target::Httpd((which.table)(request.get()?)),
            Self::Own(table) => Target::Own(table),
        })
    }

    /// The content of the table.
    ///
    /// # Errors
    /// As for `target`.
    pub(super) fn get(&self) -> PyResult<TableContent<'_>> {
        Ok(self.target()?.read())
    }

    /// The table, of which the entries of a key, or all, are about to be removed or replaced.
    ///
    /// # Errors
    /// As for `target`; `RuntimeError` for options of a server that were passed on.
    fn to_reduce(&self, key: Option<&CStr>) -> PyResult<Target<'_>> {
        if let Self::OfRequest(request, which) = self {
            which.headers.are_to_lose(request.get()?, key);
        }
        match self {
            Self::Own(table) if table.is_passed_on() => Err(PyRuntimeError::new_err(
                "this table of server.get_options() has been passed on: code of PythonImport can write it while the \
                 child starts, and a copy() of it at any time",
            )),
            _ => self.target(),
        }
    }

    /// The table, which is about to get an entry: in addition to those of its key if `beside`, else in their place.
    ///
    /// # Errors
    /// `ValueError` for an entry that a response cannot have.
    fn to_add(&self, key: &CStr, value: &CStr, beside: bool) -> PyResult<Target<'_>> {
        let table = self.to_reduce(Some(key))?;
        if let Self::OfRequest(_, which) = self {
            let is_known = || beside && table.read().get(key).is_some();
            which.headers.may_get(key, value, is_known)?;
        }
        Ok(table)
    }
}

type Me<'a, 'py> = This<'a, 'py, TableObject>;

impl Class for TableObject {
    const NAME: &'static std::ffi::CStr = c"builtins.mp_table";
    const DOC: &'static std::ffi::CStr =
        c"A mapping of str to str in which a key may have several values (apr_table_t). Keys ignore the case \
        of ASCII letters. Keys and values may be given as str or bytes. A table of a request or connection \
        raises RuntimeError when that is over.";
    const ID: ClassId = ClassId::Table;
    const MADE_BY_USERS: bool = true;
    const DERIVED_BY_USERS: bool = true;
    methods! { TableObject:
        /// Returns the first value of key (str), or default (None if left out).
        get(key; default) = get;
        /// Returns all values of key, a list of str.
        get_all(key) = get_all;
        /// Adds an entry and keeps those of the same key. Raises ValueError for a key or value with NUL, in tables of
        /// headers for CR and LF, and in a response's headers for what httpd would refuse.
        add(key, value) = add;
        /// Returns the keys in the order of the entries, a list of str; a key with several values is repeated.
        keys() = keys;
        /// Returns the values in the order of the entries, a list of str.
        values() = values;
        /// Returns the entries in order, a list of tuples (key, value) of str.
        items() = items;
        /// Returns an iterator over keys().
        iterkeys() = iterator(keys);
        /// Returns an iterator over values().
        itervalues() = iterator(values);
        /// Returns an iterator over items().
        iteritems() = iterator(items);
        /// Removes all entries.
        clear() = clear;
        /// Replaces, for each key of other (a table, a mapping or an iterable of pairs), the entries of that key.
        /// Raises TypeError or ValueError for anything else, and for values as add() does.
        update(other) = update;
        /// Returns the first value of key (str). When there is none, sets it to default ('' if left out) and returns
        /// that as a str.
        setdefault(key; default) = setdefault;
        /// Removes all entries of key and returns the first value (str). When there is none, returns default, or raises
        /// KeyError if that is left out.
        pop(key; default) = pop;
        /// Removes the last entry and returns it as a tuple (key, value). Raises KeyError when the table is empty.
        popitem() = popitem;
        /// Returns True when there is an entry of key.
        has_key(key) = has_key;
        /// Returns a new table with the same entries, which lasts as long as Python keeps it.
        copy() = copy;
    }
    attributes! { TableObject: }

    fn slots() -> Vec<Slot> {
        let mut slots = mapping_slots::<Self>();
        slots.extend(constructor_slots::<Self>());
        slots.push(comparison_slot::<Self>());
        slots
    }
}

fn first<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let table = this.body().get()?;
    let value = table.get(&c_text(key)?);
    value
        .map(|value| decode_option(this.py(), Some(value)))
        .transpose()
}

fn matching<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let key = encode(key)?;
    let table = this.body().get()?;
    table
        .entries()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&key))
        .map(|(_, value)| decode_option(this.py(), value))
        .collect()
}

fn get<'py>(
    this: &Me<'_, 'py>,
    key: &Bound<'py, PyAny>,
    default: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    match (first(this, key)?, default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => none(this),
    }
}

fn get_all<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> Answer<'py> {
    Ok(PyList::new(this.py(), matching(this, key)?)?.into_any())
}

fn add<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> Answer<'py> {
    let (key, value) = (c_text(key)?, encode_value(value)?);
    this.body().to_add(&key, &value, true)?.add(&key, &value);
    none(this)
}

fn list<'py>(
    this: &Me<'_, 'py>,
    entry: impl Fn(&[u8], Option<&[u8]>) -> Answer<'py>,
) -> PyResult<Bound<'py, PyList>> {
    let table = this.body().get()?;
    let entries = table.entries().map(|(key, value)| entry(key, value));
    PyList::new(this.py(), entries.collect::<PyResult<Vec<_>>>()?)
}

fn keys<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(list(this, |key, _| decode_option(this.py(), Some(key)))?.into_any())
}

fn values<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(list(this, |_, value| decode_option(this.py(), value))?.into_any())
}

fn pairs<'py>(this: &Me<'_, 'py>) -> PyResult<Bound<'py, PyList>> {
    let py = this.py();
    list(this, |key, value| {
        let pair = (decode_option(py, Some(key))?, decode_option(py, value)?);
        Ok(pair.into_pyobject(py)?.into_any())
    })
}

fn items<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    Ok(pairs(this)?.into_any())
}

/// An iterator over what `list` returns.
fn iterator<'py>(
    this: &Me<'_, 'py>,
    list: impl FnOnce(&Me<'_, 'py>) -> Answer<'py>,
) -> Answer<'py> {
    Ok(list(this)?.try_iter()?.into_any())
}

fn clear<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    this.body().to_reduce(None)?.clear();
    none(this)
}

fn update<'py>(this: &Me<'_, 'py>, other: &Bound<'py, PyAny>) -> Answer<'py> {
    if other.is_none() {
        let text = "'NoneType' object has no attribute 'items'";
        return Err(PyAttributeError::new_err(text));
    }
    let entries = entries_of(other, this.interpreter())?;
    for (index, (key, value)) in entries.iter().enumerate() {
        let repeated = entries[..index].iter().any(|before| is_same(before, key));
        this.body().to_add(key, value, repeated)?;
    }
    merge(this.body().target()?, &entries);
    none(this)
}

fn setdefault<'py>(
    this: &Me<'_, 'py>,
    key: &Bound<'py, PyAny>,
    default: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    if let Some(value) = first(this, key)? {
        return Ok(value);
    }
    let empty = || PyString::new(this.py(), "").into_any();
    let value = default.map_or_else(empty, Bound::clone);
    TableObject::set(this, key, Some(&value))?;
    // The value as the table has it is a str.
    Ok(first(this, key)?.unwrap_or(value))
}

fn pop<'py>(
    this: &Me<'_, 'py>,
    key: &Bound<'py, PyAny>,
    default: Option<&Bound<'py, PyAny>>,
) -> Answer<'py> {
    match (first(this, key)?, default) {
        (Some(value), _) => {
            TableObject::set(this, key, None)?;
            Ok(value)
        }
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(PyKeyError::new_err(key.clone().unbind())),
    }
}

fn has_key<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> Answer<'py> {
    boolean(this.py(), TableObject::contains(this, key)?)
}

fn popitem<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let (py, table) = (this.py(), this.body().to_reduce(None)?);
    let Some(last) = table.pop() else {
        return Err(PyKeyError::new_err("the table is empty"));
    };
    let pair = (decode(py, last.key())?, decode_option(py, last.value())?);
    Ok(pair.into_pyobject(py)?.into_any())
}

fn copy<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let own = TableObject::Own(this.body().get()?.copy());
    class::make(this.py(), this.interpreter(), own)
}

impl Constructed for TableObject {
    const PARAMETER: &'static str = "items";

    fn new(interpreter: &'static Interpreter, items: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(items) = items else {
            return Ok(Self::Own(OwnTable::default()));
        };
        if let Some(table) = class::body::<Self>(items, interpreter) {
            return Ok(Self::Own(table.get()?.copy()));
        }
        let entries = entries_of(items, interpreter)?;
        let entry =
            |(key, value): &TableEntry| TextEntry::new(key.as_bytes(), Some(value.as_bytes()));
        let table: TextTable = entries.iter().map(entry).collect();
        Ok(Self::Own(OwnTable::new(table.into())))
    }

    fn fill(this: &Me<'_, '_>, items: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        items.map_or(Ok(()), |items| update(this, items).map(drop))
    }
}

/// Two tables, or a table and another mapping, are equal if `dict()` of both is.
impl Compared for TableObject {
    fn eq(this: &Me<'_, '_>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        if other.cast::<PyMapping>().is_err() {
            return Ok(None);
        }
        let dict = |mapping: &Bound<'_, PyAny>| {
            let dict = PyDict::new(this.py());
            dict.call_method1("update", (mapping,)).map(|_| dict)
        };
        dict(this.object())?.eq(dict(other)?).map(Some)
    }
}

impl Mapping for TableObject {
    fn len(this: &Me<'_, '_>) -> PyResult<usize> {
        Ok(this.body().get()?.len())
    }

    /// The value of a key (str); a list of them where it has several, as in mod_python 3.5.
    fn get<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> Answer<'py> {
        let mut found = matching(this, key)?;
        match found.len() {
            0 => Err(PyKeyError::new_err(key.clone().unbind())),
            1 => Ok(found.remove(0)),
            _ => Ok(PyList::new(this.py(), found)?.into_any()),
        }
    }

    fn set(
        this: &Me<'_, '_>,
        key: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let key = c_text(key)?;
        match value {
            Some(value) => {
                let value = encode_value(value)?;
                this.body().to_add(&key, &value, false)?.set(&key, &value);
            }
            // As in mod_python 3.5, it is no error to delete a key that is not there.
            None => this.body().to_reduce(Some(&key))?.unset(&key),
        }
        Ok(())
    }

    fn contains(this: &Me<'_, '_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        match c_text(key) {
            Ok(key) => Ok(this.body().get()?.get(&key).is_some()),
            Err(error) if error.is_instance_of::<PyTypeError>(this.py()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn iter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        iterator(this, keys)
    }

    fn repr<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        let show = |text| decode_option(this.py(), text)?.repr();
        let mut parts = Vec::new();
        for (key, value) in this.body().get()?.entries() {
            parts.push(format!("{}: {}", show(Some(key))?, show(value)?));
        }
        Ok(PyString::new(this.py(), &format!("{{{}}}", parts.join(", "))).into_any())
    }
}
