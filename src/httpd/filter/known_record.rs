//! httpd's records of filters that are asked for at each request: httpd looks a name up letter by letter.

use std::ffi::CStr;
use std::ptr::{dangling_mut, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::entry_point::{OutputEntry, register_output};
use super::{Filter, handle};
use crate::filter_chain::Direction;
use crate::httpd::connection::Connection;
use crate::httpd::ffi;
use crate::httpd::request::Request;

/// The record of an output filter, which is looked up when it is first asked for. Any thread.
pub(in crate::httpd) struct KnownRecord {
    name: &'static CStr,
    /// Null: not looked up yet; dangling: no module has registered one.
    record: AtomicPtr<ffi::ap_filter_rec_t>,
}

impl KnownRecord {
    /// That of the filter of this name, to be asked for once the configuration is read.
    pub(in crate::httpd) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            record: AtomicPtr::new(null_mut()),
        }
    }

    /// The record; null if no module has registered one.
    pub(in crate::httpd) fn get(&self) -> *mut ffi::ap_filter_rec_t {
        let known = self.record.load(Ordering::Relaxed);
        if known == dangling_mut() {
            return null_mut();
        }
        if !known.is_null() {
            return known;
        }
        let record = handle(Direction::Output, self.name);
        let kept = if record.is_null() {
            dangling_mut()
        } else {
            record
        };
        self.record.store(kept, Ordering::Relaxed);
        record
    }

    /// Forgets it: the modules register their filters again, since the configuration is read again.
    pub(in crate::httpd) fn forget(&self) {
        self.record.store(null_mut(), Ordering::Relaxed);
    }

    /// Registers our own filter of this name.
    pub(in crate::httpd) fn register<E: OutputEntry>(&self, kind: ffi::ap_filter_type) {
        self.forget();
        register_output::<E>(self.name, kind);
    }

    /// Adds the filter to a request's chain. `None`: no module has registered one, as in `mod_python.testing`.
    pub(in crate::httpd) fn add_to<'a>(&self, r: &'a Request) -> Option<&'a Filter> {
        let (record, context) = (self.get(), null_mut());
        if record.is_null() {
            return None;
        }
        let (r, c) = (r.as_ptr(), r.connection().as_ptr());
        // SAFETY: the live request, and a record of an output filter.
        let added = unsafe { ffi::ap_add_output_filter_handle(record, context, r, c) };
        // SAFETY: null, or a filter that lives as long as the request.
        (!added.is_null()).then(|| unsafe { Filter::from_raw(added) })
    }

    /// Adds the filter to a connection's chain, as `add_to`.
    pub(in crate::httpd) fn add_to_connection<'a>(&self, c: &'a Connection) -> Option<&'a Filter> {
        let (record, nothing) = (self.get(), null_mut());
        if record.is_null() {
            return None;
        }
        // SAFETY: the live connection, and a record of an output filter.
        let added =
            unsafe { ffi::ap_add_output_filter_handle(record, nothing, null_mut(), c.as_ptr()) };
        // SAFETY: null, or a filter that lives as long as the connection.
        (!added.is_null()).then(|| unsafe { Filter::from_raw(added) })
    }

    /// The first such filter in a connection's chain.
    pub(in crate::httpd) fn in_chain_of<'a>(&self, c: &'a Connection) -> Option<&'a Filter> {
        let record = self.get();
        c.output_chain()
            .find(|filter| std::ptr::eq(filter.raw().frec, record))
    }

    /// The first such filter in a request's chain.
    pub(in crate::httpd) fn in_chain<'a>(&self, r: &'a Request) -> Option<&'a Filter> {
        let record = self.get();
        r.output_chain()
            .find(|filter| std::ptr::eq(filter.raw().frec, record))
    }
}
