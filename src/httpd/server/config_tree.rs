//! The configuration as it was written: the directives and sections that httpd has read.

use std::ffi::{CString, c_int};

use crate::httpd::apr::pool::Pool;
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;

/// A line of the configuration.
pub struct Node {
    /// The directive; sections begin with `<`.
    pub name: &'static [u8],
    /// What follows it in its line; that of a section ends in `>`.
    pub arguments: &'static [u8],
    file: &'static [u8],
    line: c_int,
    /// What stands in the section; `None` if it is no section, or an empty one.
    pub children: Option<Vec<Node>>,
}

impl Node {
    /// Where it stands, as `file:line`.
    pub fn source(&self) -> String {
        format!("{}:{}", String::from_utf8_lossy(self.file), self.line)
    }

    /// Calls `f` with this line and all lines of its section, in their order.
    pub fn each<'a>(&'a self, f: &mut impl FnMut(&'a Self)) {
        f(self);
        for child in self.children.iter().flatten() {
            child.each(f);
        }
    }
}

/// The configuration as it was read, includes in their places. Directives that act while it is read
/// (`LoadModule`, `Define` …) are not in it.
pub fn configuration() -> Vec<Node> {
    // SAFETY: set when the configuration is read, which a child does not do again.
    nodes(unsafe { ffi::ap_conftree })
}

/// A text of the configuration with the values of its variables, as in `${NAME}`, which the tree of lines has as they
/// are written. The copy lies in `pool` as long as that lives.
pub fn resolved(pool: &Pool, text: &str) -> String {
    let Ok(word) = CString::new(text) else {
        return text.to_owned();
    };
    // SAFETY: a live pool, and a NUL-terminated text.
    let found = unsafe { ffi::ap_resolve_env(pool.as_ptr(), word.as_ptr()) };
    // SAFETY: NUL-terminated: the text itself, or one in the pool.
    let found = unsafe { c_bytes(found) };
    String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
}

/// The arguments of the last directive of this name, in any section, as they were written.
pub fn last_argument(name: &[u8]) -> Option<&'static [u8]> {
    last_argument_in(&configuration(), name)
}

fn last_argument_in(nodes: &[Node], name: &[u8]) -> Option<&'static [u8]> {
    let one = |node: &Node| match &node.children {
        Some(children) => last_argument_in(children, name),
        None => node
            .name
            .eq_ignore_ascii_case(name)
            .then_some(node.arguments),
    };
    nodes.iter().rev().find_map(one)
}

fn nodes(first: *const ffi::ap_directive_t) -> Vec<Node> {
    let mut found = Vec::new();
    // SAFETY: null or a node of the tree, which lives as long as the configuration.
    let mut at = unsafe { first.as_ref() };
    while let Some(node) = at {
        // SAFETY: NUL-terminated or null, as long-lived as the node.
        let name = unsafe { c_bytes(node.directive) };
        // SAFETY: as above.
        let arguments = unsafe { c_bytes(node.args) };
        // SAFETY: as above.
        let file = unsafe { c_bytes(node.filename) };
        found.push(Node {
            name: name.unwrap_or_default(),
            arguments: arguments.unwrap_or_default(),
            file: file.unwrap_or_default(),
            line: node.line_num,
            children: (!node.first_child.is_null()).then(|| nodes(node.first_child)),
        });
        // SAFETY: as for the first one.
        at = unsafe { node.next.as_ref() };
    }
    found
}
