//! Values that pass between Python and httpd: tables, buffers, results of handlers, log entries, `finfo`.

pub mod buffer;
pub mod client_gone;
pub mod config_tables;
mod entries;
pub mod finfo;
pub(in crate::python) mod framing_headers;
pub mod handler_result;
pub mod log_entry;
pub mod log_origin;
pub mod own_table;
pub mod table;
