//! Tables that Python code has made or copied, and one form of access to these and to httpd's.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::sync::Arc;

use crate::engine::text_table::{TextEntry, TextTable};
use crate::httpd::Table;

/// An entry of either kind of table: key and value.
type EntryRef<'a> = (&'a [u8], Option<&'a [u8]>);

/// A table that Python code has made or copied. Copies share their entries until one of them is changed.
#[derive(Default)]
pub struct OwnTable {
    entries: RefCell<Arc<TextTable>>,
    /// Whether others have a copy in its place, so that what is written into it would be lost.
    is_passed_on: Cell<bool>,
}

impl OwnTable {
    /// A table with these entries.
    pub fn new(entries: Arc<TextTable>) -> Self {
        Self {
            entries: RefCell::new(entries),
            is_passed_on: Cell::new(false),
        }
    }

    /// A copy for others, which takes the place of this table: Python code cannot write into this one any more.
    pub fn pass_on(&self) -> Self {
        self.is_passed_on.set(true);
        self.copy()
    }

    /// Whether `pass_on` was called.
    pub(super) fn is_passed_on(&self) -> bool {
        self.is_passed_on.get()
    }

    /// A table with the same entries.
    pub fn copy(&self) -> Self {
        Self::new(self.entries())
    }

    /// The entries as they are now.
    fn entries(&self) -> Arc<TextTable> {
        self.entries.borrow().clone()
    }

    fn change<R>(&self, change: impl FnOnce(&mut TextTable) -> R) -> R {
        change(Arc::make_mut(&mut self.entries.borrow_mut()))
    }
}

/// A table to write to.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// A table of httpd.
    Httpd(&'a Table),
    /// A table of Python's own.
    Own(&'a OwnTable),
}

impl<'a> Target<'a> {
    /// The table's content. What is read of a table of Python's own stays the same while Python code that runs
    /// meanwhile (a finalizer) changes the table.
    pub(super) fn read(self) -> TableContent<'a> {
        match self {
            Self::Httpd(table) => TableContent::Httpd(table),
            Self::Own(table) => TableContent::Own(table.entries()),
        }
    }

    /// Replaces all entries of a key by one.
    pub(super) fn set(self, key: &CStr, value: &CStr) {
        match self {
            Self::Httpd(table) => table.set(key, value),
            Self::Own(table) => table.change(|entries| entries.set(key, value)),
        }
    }

    /// Adds an entry, keeping those of the same key.
    pub(super) fn add(self, key: &CStr, value: &CStr) {
        match self {
            Self::Httpd(table) => table.add(key, value),
            Self::Own(table) => table.change(|entries| entries.add(key, Some(value))),
        }
    }

    /// Removes all entries of a key.
    pub(super) fn unset(self, key: &CStr) {
        match self {
            Self::Httpd(table) => table.unset(key),
            Self::Own(table) => table.change(|entries| entries.unset(key)),
        }
    }

    /// Removes the last entry and returns it.
    pub(super) fn pop(self) -> Option<TextEntry> {
        let table = match self {
            Self::Httpd(table) => table,
            Self::Own(table) => return table.change(TextTable::pop),
        };
        let (key, value) = table.entry(table.len().checked_sub(1)?)?;
        let last = TextEntry::new(key, value);
        // APR removes all entries of a key: the others of this one are put back.
        let is_same = |key: &[u8]| key.eq_ignore_ascii_case(last.key());
        let same = table.entries().filter(|(key, _)| is_same(key));
        let same = same.map(|(key, value)| (c_string(key), c_string(value.unwrap_or_default())));
        let mut same: Vec<_> = same.collect();
        same.pop();
        table.unset(&c_string(last.key()));
        for (key, value) in &same {
            table.add(key, value);
        }
        Some(last)
    }

    /// Removes everything.
    pub(super) fn clear(self) {
        match self {
            Self::Httpd(table) => table.clear(),
            Self::Own(table) => *table.entries.borrow_mut() = Arc::default(),
        }
    }
}

/// The content of a table, to read.
pub(super) enum TableContent<'a> {
    /// That of a table of httpd, which shows each change.
    Httpd(&'a Table),
    /// The entries of a table of Python's own.
    Own(Arc<TextTable>),
}

impl TableContent<'_> {
    /// The first value of a key.
    pub(super) fn get(&self, key: &CStr) -> Option<&[u8]> {
        match self {
            Self::Httpd(table) => table.get(key),
            Self::Own(table) => table.get(key),
        }
    }

    /// The number of entries, repeated keys counted.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Httpd(table) => table.len(),
            Self::Own(table) => table.len(),
        }
    }

    /// All entries in order: key and value.
    pub(super) fn entries(&self) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_> {
        match self {
            Self::Httpd(table) => Box::new(table.entries()),
            Self::Own(table) => Box::new(table.entries()),
        }
    }

    /// A table of Python's own with the same entries.
    pub(super) fn copy(&self) -> OwnTable {
        OwnTable::new(match self {
            Self::Own(table) => table.clone(),
            Self::Httpd(table) => {
                let entries = table.entries();
                Arc::new(
                    entries
                        .map(|(key, value)| TextEntry::new(key, value))
                        .collect(),
                )
            }
        })
    }
}

fn c_string(text: &[u8]) -> CString {
    CString::new(text).expect("a C string ends at its NUL")
}
