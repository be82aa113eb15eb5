//! The marker type of this module: `entry` implements httpd's hooks for it, and `directives` registers
//! filters in its name.

/// The module.
pub struct Entry;
