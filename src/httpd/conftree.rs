//! Other modules' directives, as the configuration has them (`ap_conftree`).

use super::{c_bytes, ffi};

/// The arguments of the last directive of this name outside of sections that httpd did not take
/// (`<IfModule>` and the like are gone by then).
pub fn arguments(name: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: httpd's own tree, which does not change once it is read.
    last(unsafe { ffi::ap_conftree }, name)
}

fn last(mut at: *const ffi::ap_directive_t, name: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    // SAFETY: null at the end of a list; nodes live as long as the configuration.
    while let Some(node) = unsafe { at.as_ref() } {
        // SAFETY: null or a text of the tree.
        let directive = unsafe { c_bytes(node.directive) }.unwrap_or_default();
        if directive.eq_ignore_ascii_case(name) {
            // SAFETY: as above.
            found = unsafe { c_bytes(node.args) }.map(<[u8]>::to_vec);
        }
        found = last(node.first_child, name).or(found);
        at = node.next;
    }
    found
}
