//! The built-in module `mod_python._apache`, and its functions.

mod functions;
mod global_lock;
pub mod module;
