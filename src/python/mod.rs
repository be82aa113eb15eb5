//! Everything that holds a Python object. Above `httpd`, below `entry`.

pub mod apache;
pub mod c_api;
pub mod cache;
pub mod child_end;
pub mod cleanup;
pub mod connection;
pub mod filter;
pub mod handlers;
pub mod memory;
pub mod object;
pub mod pdb;
pub mod request;
pub mod runtime;
pub mod server;
pub mod ssi;
pub mod stepper;
pub mod text;
pub mod values;
