//! Warnings about filters that a child writes once, since their cause is the configuration.

use std::collections::BTreeSet;

use crate::engine::filters::DeclaredFilter;
use crate::httpd::Request;
use crate::httpd::log::Level;
use crate::locks::Lock;
use crate::python::runtime::context::About;

/// The filters and reasons of this child's warnings.
static WRITTEN: Lock<BTreeSet<(String, &'static str)>> = Lock::short(BTreeSet::new());

/// Logs that a filter steps aside for a reason: as a warning once per filter and reason in this child, and then at level
/// info.
pub(super) fn steps_aside(r: &Request, declared: &DeclaredFilter, reason: &'static str) {
    let entry = (declared.name.to_lowercase(), reason);
    let is_new = WRITTEN.lock().insert(entry);
    let (level, note) = match is_new {
        true => (
            Level::Warning,
            " (this warning is written once in each child)",
        ),
        false => (Level::Info, ""),
    };
    let text = format!("filter {} steps aside: {reason}{note}", declared.name);
    About::Request(r).log(level, &text);
}
