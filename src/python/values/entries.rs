//! The entries that a table takes over from another table, a mapping, or an iterable of pairs.

use std::ffi::{CStr, CString};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::own_table::Target;
use super::table::TableObject;
use crate::python::object::class;
use crate::python::runtime::interpreter::Interpreter;
use crate::python::text::{encode_c, encode_value};

/// A key and a value for a table.
pub(super) type TableEntry = (CString, CString);

/// The entries of a table, a mapping, or an iterable of pairs.
///
/// # Errors
/// `TypeError` and `ValueError` for anything else, and for keys and values that are no texts for a header; what the
/// mapping or iterable raises.
pub(super) fn entries_of(
    source: &Bound<'_, PyAny>,
    interpreter: &'static Interpreter,
) -> PyResult<Vec<TableEntry>> {
    if let Some(table) = class::body::<TableObject>(source, interpreter) {
        let copy = |text: Option<&[u8]>| {
            CString::new(text.unwrap_or_default()).expect("a C string ends at its NUL")
        };
        let content = table.get()?;
        return Ok(content
            .entries()
            .map(|(key, value)| (copy(Some(key)), copy(value)))
            .collect());
    }
    if source.hasattr("keys")? {
        let keys = source.call_method0("keys")?;
        let entry = |key: PyResult<Bound<'_, PyAny>>| {
            let key = key?;
            let value = source.get_item(&key)?;
            Ok((encode_c(&key)?, encode_value(&value)?.into_owned()))
        };
        return keys.try_iter()?.map(entry).collect();
    }
    let wrong = "a table takes a mapping, or pairs of a key and a value";
    let pairs = source.try_iter().map_err(|_| PyTypeError::new_err(wrong))?;
    let entry = |pair: PyResult<Bound<'_, PyAny>>| {
        let pair = pair?.try_iter().map_err(|_| PyTypeError::new_err(wrong))?;
        let pair: Vec<_> = pair.collect::<PyResult<_>>()?;
        let [key, value] = &pair[..] else {
            return Err(PyValueError::new_err(wrong));
        };
        Ok((encode_c(key)?, encode_value(value)?.into_owned()))
    };
    pairs.map(entry).collect()
}

/// Whether an entry has a key; the case of ASCII letters does not count.
pub(super) fn is_same((before, _): &TableEntry, key: &CStr) -> bool {
    before.to_bytes().eq_ignore_ascii_case(key.to_bytes())
}

/// Replaces the entries that a table has of the keys of `entries`. A key that comes twice in `entries` gets both
/// values.
pub(super) fn merge(table: Target<'_>, entries: &[TableEntry]) {
    for (index, (key, value)) in entries.iter().enumerate() {
        if entries[..index].iter().any(|before| is_same(before, key)) {
            table.add(key, value);
        } else {
            table.set(key, value);
        }
    }
}
