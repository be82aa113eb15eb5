//! Decisions without httpd and without Python: pure, and tested as such.
#![forbid(unsafe_code)]

pub mod accept;
pub mod capacity;
pub mod counters;
pub mod credentials;
pub mod deadlines;
pub mod filters;
pub mod handlers;
pub mod lines;
pub mod lists;
pub mod names;
pub mod phase_table;
pub mod phases;
pub mod protocols;
pub mod registry;
pub mod replace;
pub mod settings;
pub mod unread;
