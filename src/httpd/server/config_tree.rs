//! The configuration as it was written: the directives and sections that httpd has read.

use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// One directive, or the first line of a section.
pub struct Written {
    /// The name, with `<` before that of a section.
    pub name: String,
    /// What follows the name; that of a section ends in `>`.
    pub arguments: String,
    /// Where it stands, as `file:line`.
    pub source: String,
}

/// Makes something of each directive, those inside of a section first. Only while httpd starts or restarts: the tree
/// goes with the configuration's pool.
pub fn fold<T>(make: &mut impl FnMut(Written, Vec<T>) -> T) -> Vec<T> {
    // SAFETY: httpd's own variable, which only the thread that reads the configuration changes, and which calls this.
    let first = unsafe { ffi::ap_conftree };
    siblings(first, make)
}

fn siblings<T>(
    first: *const ffi::ap_directive_t,
    make: &mut impl FnMut(Written, Vec<T>) -> T,
) -> Vec<T> {
    let mut made = Vec::new();
    let mut at = first;
    // SAFETY: null, or a node of the tree, which lives as long as the configuration.
    while let Some(node) = unsafe { at.as_ref() } {
        let inside = siblings(node.first_child, make);
        made.push(make(written(node), inside));
        at = node.next;
    }
    made
}

fn written(node: &ffi::ap_directive_t) -> Written {
    let text = |raw| {
        // SAFETY: null, or a text of the configuration's pool.
        let bytes = unsafe { c_bytes(raw) };
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    };
    Written {
        name: text(node.directive),
        arguments: text(node.args),
        source: format!("{}:{}", text(node.filename), node.line_num),
    }
}
