//! Tables: httpd's multi-maps of strings (headers, notes, environment). Keys ignore case.

use std::cell::UnsafeCell;
use std::ffi::CStr;

use super::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// An `apr_table_t`, live: httpd and other modules see each change.
#[repr(transparent)]
pub struct Table(UnsafeCell<ffi::apr_table_t>);

impl Table {
    /// # Safety
    /// `raw` points to a live table for all of `'a`.
    pub(in crate::httpd) unsafe fn from_raw<'a>(raw: *mut ffi::apr_table_t) -> &'a Self {
        // SAFETY: repr(transparent); liveness is the caller's promise.
        unsafe { &*raw.cast() }
    }

    pub(in crate::httpd) fn as_ptr(&self) -> *mut ffi::apr_table_t {
        self.0.get()
    }

    /// The first value of a key.
    pub fn get(&self, key: &CStr) -> Option<&[u8]> {
        // SAFETY: the table is live; the value lives at least as long as the table's entry.
        let value = unsafe { ffi::apr_table_get(self.as_ptr(), key.as_ptr()) };
        // SAFETY: a value of a table is null or NUL-terminated.
        unsafe { c_bytes(value) }
    }

    /// The value of a key; several are joined with commas, in memory of the pool.
    pub(in crate::httpd) fn joined<'a>(&'a self, key: &CStr, pool: &'a Pool) -> Option<&'a [u8]> {
        // SAFETY: live; the value lives at least as long as the table's entry, or the pool.
        let value = unsafe { ffi::apr_table_getm(pool.as_ptr(), self.as_ptr(), key.as_ptr()) };
        // SAFETY: null or NUL-terminated.
        unsafe { c_bytes(value) }
    }

    /// Replaces all entries of a key by one.
    pub fn set(&self, key: &CStr, value: &CStr) {
        // SAFETY: APR copies both.
        unsafe { ffi::apr_table_set(self.as_ptr(), key.as_ptr(), value.as_ptr()) }
    }

    /// As `set`, with a value that is written into memory of the table's pool, from these parts, which have no NUL.
    pub(in crate::httpd) fn set_parts(&self, key: &'static CStr, parts: [&[u8]; 2], pool: &Pool) {
        let value = pool.copy_text(&parts.concat());
        // SAFETY: the key lives longer than any table, the value as long as the pool.
        unsafe { ffi::apr_table_setn(self.as_ptr(), key.as_ptr(), value) }
    }

    /// Adds an entry, keeping those of the same key. Both texts, which have no NUL, are copied into `pool`, which is that
    /// of the table.
    pub fn add_text(&self, key: &[u8], value: &[u8], pool: &Pool) {
        let (key, value) = (pool.copy_text(key), pool.copy_text(value));
        // SAFETY: both live as long as the table's pool.
        unsafe { ffi::apr_table_addn(self.as_ptr(), key, value) }
    }

    /// As `set`, with texts that need no copy.
    pub(in crate::httpd) fn set_static(&self, key: &'static CStr, value: &'static CStr) {
        // SAFETY: both live longer than any table.
        unsafe { ffi::apr_table_setn(self.as_ptr(), key.as_ptr(), value.as_ptr()) }
    }

    /// Adds an entry, keeping those of the same key.
    pub fn add(&self, key: &CStr, value: &CStr) {
        // SAFETY: APR copies both.
        unsafe { ffi::apr_table_add(self.as_ptr(), key.as_ptr(), value.as_ptr()) }
    }

    /// Removes all entries of a key.
    pub fn unset(&self, key: &CStr) {
        // SAFETY: the table is live.
        unsafe { ffi::apr_table_unset(self.as_ptr(), key.as_ptr()) }
    }

    /// Takes the first value of a key to another table, where it replaces all entries of another key. Removes what else
    /// the key had. Does nothing without a value.
    pub(in crate::httpd) fn move_to(&self, key: &CStr, target: &Self, target_key: &CStr) {
        // SAFETY: the table is live.
        let value = unsafe { ffi::apr_table_get(self.as_ptr(), key.as_ptr()) };
        if !value.is_null() {
            // SAFETY: live; APR copies both.
            unsafe { ffi::apr_table_set(target.as_ptr(), target_key.as_ptr(), value) };
            self.unset(key);
        }
    }

    /// Removes everything.
    pub fn clear(&self) {
        // SAFETY: the table is live.
        unsafe { ffi::apr_table_clear(self.as_ptr()) }
    }

    fn elements(&self) -> &ffi::apr_array_header_t {
        // SAFETY: the table is live.
        let elements = unsafe { ffi::apr_table_elts(self.as_ptr()) };
        // SAFETY: a part of the table; read at once, before anything is added.
        unsafe { &*elements }
    }

    /// The number of entries, repeated keys counted.
    pub fn len(&self) -> usize {
        usize::try_from(self.elements().nelts).unwrap_or(0)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entry number `index`, in order of arrival: key and value.
    pub fn entry(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        if index >= self.len() {
            return None;
        }
        let entries = self.elements().elts.cast::<ffi::apr_table_entry_t>();
        // SAFETY: `index` is below the number of entries.
        let entry = unsafe { entries.add(index) };
        // SAFETY: as above.
        let entry = unsafe { &*entry };
        // SAFETY: APR keeps keys NUL-terminated.
        let key = unsafe { c_bytes(entry.key) }?;
        // SAFETY: values are null or NUL-terminated.
        Some((key, unsafe { c_bytes(entry.val) }))
    }

    /// All entries in order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        (0..).map_while(|index| self.entry(index))
    }
}
