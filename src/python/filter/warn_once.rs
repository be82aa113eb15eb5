//! Warnings about filters that a child writes once, since their cause is the configuration.

use std::collections::BTreeSet;

use crate::engine::filters::DeclaredFilter;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::locks::Lock;
use crate::python::runtime::context::About;

/// The filters and reasons of this child's warnings.
static WRITTEN: Lock<BTreeSet<(String, &'static str)>> = Lock::short(BTreeSet::new());

/// Logs that a filter steps aside for a reason, once per filter and reason in this child.
pub(super) fn steps_aside(r: &Request, declared: &DeclaredFilter, reason: &'static str) {
    let entry = (declared.name.to_lowercase(), reason);
    let is_new = WRITTEN.lock().insert(entry);
    if is_new {
        let text = format!(
            "filter {} steps aside: {reason} (this line is written once in each child)",
            declared.name
        );
        About::Request(r).log(Level::Warning, &text);
    }
}
