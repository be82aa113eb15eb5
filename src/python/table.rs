//! `apache.table`: httpd's tables as mappings.

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::class::{Answer, Arguments, Class, This, attributes, methods};
use super::lease::{Lease, Lent};
use super::slots::{Mapping, Slot, mapping_slots};
use super::text::{decode_option, encode, encode_c, encode_header};
use crate::httpd::Table;
use std::sync::Arc;

/// A table of a request, connection or server, live under its lease.
pub struct TableObject(Lent<Table>);

impl TableObject {
    /// Lends a table.
    pub fn new(lease: &Arc<Lease>, table: &Table) -> Self {
        Self(Lent::new(lease, table))
    }
}

type Me<'a, 'py> = This<'a, 'py, TableObject>;

impl Class for TableObject {
    const NAME: &'static std::ffi::CStr = c"mod_python.apache.table";
    const DOC: &'static std::ffi::CStr = c"A multi-map of strings (apr_table_t). Keys ignore case.";
    const ID: usize = 1;
    methods! { TableObject:
        /// The first value of a key (str), or default.
        get(key; default) = get;
        /// All values of a key, as a list of str.
        get_all(key) = get_all;
        /// Adds an entry, keeping those of the same key. CR and LF raise ValueError.
        add(key, value) = add;
        /// Keys in order, repeated ones repeated.
        keys() = keys;
        /// Values in order.
        values() = values;
        /// Pairs in order, repeated keys repeated.
        items() = items;
        /// Removes everything.
        clear() = clear;
        /// Replaces the entries of each key of a mapping, or of an iterable of pairs.
        update(other) = update;
        /// The first value of a key; sets it to default ('' if left out) when there is none.
        setdefault(key; default) = setdefault;
        /// Removes a key and gives its first value; default, or KeyError, when there is none.
        pop(key; default) = pop;
        /// Whether there is such a key.
        has_key(key) = has_key;
        /// A dict of the entries: the last value of each key.
        copy() = copy;
    }
    attributes! { TableObject: }

    fn slots() -> Vec<Slot> {
        mapping_slots::<Self>()
    }
}

fn argument<'a, 'py>(a: Arguments<'a, 'py>, index: usize) -> &'a Bound<'py, PyAny> {
    let place = a[index].as_ref();
    place.expect("the landing pad has checked required arguments")
}

fn none<'py>(this: &Me<'_, 'py>) -> Bound<'py, PyAny> {
    this.py().None().into_bound(this.py())
}

fn or_none<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>, index: usize) -> Bound<'py, PyAny> {
    a[index].map_or_else(|| none(this), |value| value.to_owned())
}

fn first<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let table = this.body().0.get()?;
    let value = table.get(&encode_c(key)?);
    value
        .map(|value| decode_option(this.py(), Some(value)))
        .transpose()
}

fn matching<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let key = encode(key)?;
    let table = this.body().0.get()?;
    table
        .entries()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&key))
        .map(|(_, value)| decode_option(this.py(), value))
        .collect()
}

fn get<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    Ok(first(this, argument(a, 0))?.unwrap_or_else(|| or_none(this, a, 1)))
}

fn get_all<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    Ok(PyList::new(this.py(), matching(this, argument(a, 0))?)?.into_any())
}

fn add<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let (key, value) = (
        encode_header(argument(a, 0))?,
        encode_header(argument(a, 1))?,
    );
    this.body().0.get()?.add(&key, &value);
    Ok(none(this))
}

fn list<'py>(
    this: &Me<'_, 'py>,
    entry: impl Fn(&[u8], Option<&[u8]>) -> Answer<'py>,
) -> PyResult<Bound<'py, PyList>> {
    let table = this.body().0.get()?;
    let entries: PyResult<Vec<_>> = table
        .entries()
        .map(|(key, value)| entry(key, value))
        .collect();
    PyList::new(this.py(), entries?)
}

fn keys<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    Ok(list(this, |key, _| decode_option(this.py(), Some(key)))?.into_any())
}

fn values<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    Ok(list(this, |_, value| decode_option(this.py(), value))?.into_any())
}

fn pairs<'py>(this: &Me<'_, 'py>) -> PyResult<Bound<'py, PyList>> {
    let py = this.py();
    list(this, |key, value| {
        let pair = (decode_option(py, Some(key))?, decode_option(py, value)?);
        Ok(pair.into_pyobject(py)?.into_any())
    })
}

fn items<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    Ok(pairs(this)?.into_any())
}

fn clear<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    this.body().0.get()?.clear();
    Ok(none(this))
}

fn update<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let dict = PyDict::new(this.py());
    dict.call_method1("update", (argument(a, 0),))?;
    for (key, value) in dict {
        TableObject::set(this, &key, Some(&value))?;
    }
    Ok(none(this))
}

fn setdefault<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let key = argument(a, 0);
    if let Some(value) = first(this, key)? {
        return Ok(value);
    }
    let empty = || PyString::new(this.py(), "").into_any();
    let value = a[1].map_or_else(empty, |value| value.to_owned());
    TableObject::set(this, key, Some(&value))?;
    Ok(value)
}

fn pop<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let key = argument(a, 0);
    match (first(this, key)?, a[1]) {
        (Some(value), _) => {
            TableObject::set(this, key, None)?;
            Ok(value)
        }
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(PyKeyError::new_err(key.clone().unbind())),
    }
}

fn has_key<'py>(this: &Me<'_, 'py>, a: Arguments<'_, 'py>) -> Answer<'py> {
    let has = TableObject::contains(this, argument(a, 0))?;
    Ok(has.into_pyobject(this.py())?.to_owned().into_any())
}

fn copy<'py>(this: &Me<'_, 'py>, _: Arguments<'_, 'py>) -> Answer<'py> {
    let dict = PyDict::new(this.py());
    dict.call_method1("update", (pairs(this)?,))?;
    Ok(dict.into_any())
}

impl Mapping for TableObject {
    fn len(this: &Me<'_, '_>) -> PyResult<usize> {
        Ok(this.body().0.get()?.len())
    }

    /// One entry: its value. Several: a list of them.
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
        let key = encode_header(key)?;
        match value {
            Some(value) => {
                let value = encode_header(value)?;
                this.body().0.get()?.set(&key, &value);
            }
            // A key that is not there may be deleted: mod_python's users rely on it.
            None => this.body().0.get()?.unset(&key),
        }
        Ok(())
    }

    fn contains(this: &Me<'_, '_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        match encode_c(key) {
            Ok(key) => Ok(this.body().0.get()?.get(&key).is_some()),
            Err(error) if error.is_instance_of::<PyTypeError>(this.py()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn iter<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        Ok(list(this, |key, _| decode_option(this.py(), Some(key)))?
            .try_iter()?
            .into_any())
    }

    fn repr<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
        let pairs = pairs(this)?.repr()?;
        Ok(PyString::new(this.py(), &format!("table({pairs})")).into_any())
    }
}
