//! Decisions without httpd and without Python: pure, and tested as such.
#![forbid(unsafe_code)]

pub mod accept;
pub mod access;
pub mod body_readers;
pub mod cache_line;
pub mod cache_record;
pub mod capacity;
pub mod counters;
pub mod credentials;
pub mod deadlines;
pub mod filter_type;
pub mod filters;
pub mod handler_lists;
pub mod handlers;
pub mod idle_handlers;
pub mod interpreter_name;
pub mod interpreter_rule;
pub mod key_values;
pub mod log_text;
pub mod mod_wsgi;
pub mod name_hash;
pub mod named_objects;
pub mod options;
pub mod phase_table;
pub mod phases;
pub mod protocols;
pub mod python_home;
pub mod python_path;
pub mod read_buffer;
pub mod redo;
pub mod registry;
pub mod replace;
pub mod ring_log;
pub mod settings;
pub mod text_kind;
pub mod text_table;
