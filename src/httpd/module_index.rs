//! The index of this module in httpd's vectors of per-module data.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

/// Our index in httpd's vectors of module data. httpd sets it when it loads the module.
static INDEX: AtomicI32 = AtomicI32::new(-1);

/// Keeps the index that httpd has given the module.
pub(in crate::httpd) fn remember(index: c_int) {
    INDEX.store(index, Ordering::Relaxed);
}

/// The index; -1 before httpd has loaded the module.
pub(in crate::httpd) fn module_index() -> c_int {
    INDEX.load(Ordering::Relaxed)
}
