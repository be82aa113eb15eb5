//! Safe types for httpd's structs: the only code that calls its C API. It knows no Python.
//!
//! Each type wraps the C struct of its name as *shared* memory (`UnsafeCell`): httpd and other
//! modules hold the same pointers, so there is never a `&mut`. References are made by the functions
//! that httpd calls, in [`hooks`], [`server::config`] and [`filter`], and live as long as the call.

pub mod apr;
pub mod connection;
pub mod constants;
mod cstr;
mod ffi;
pub mod filter;
mod gate;
pub mod guard;
pub mod hooks;
pub mod log;
mod module_data;
mod module_index;
pub mod request;
pub mod server;
pub mod status;

pub use apr::brigade::Brigade;
pub use apr::pool::Pool;
pub use apr::table::Table;
pub use connection::Connection;
pub use filter::Filter;
pub use request::Request;
pub use server::Server;
pub use status::{Error, Status};
