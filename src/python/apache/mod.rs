//! The built-in module `mod_python._apache`: its functions, and the tables of its classes.

mod connection;
mod event_loop;
mod filter;
pub(in crate::python) mod functions;
pub(in crate::python) mod global_lock;
pub mod module;
mod queries;
mod request;
