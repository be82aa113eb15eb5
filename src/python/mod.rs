//! Everything that holds a Python object. Above `httpd`, below `entry`.

pub mod builtin;
pub mod cleanups;
pub mod connection;
pub mod data;
pub mod debugger;
pub mod exports;
pub mod filter;
pub mod forked;
mod headers;
pub mod interpreters;
pub mod meter;
pub mod object;
pub mod report;
pub mod request;
pub mod result;
pub mod server;
pub mod settings;
pub mod ssi;
pub mod state;
pub mod stepper;
pub mod table;
pub mod text;
