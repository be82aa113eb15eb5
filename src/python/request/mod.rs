//! `req`: its attributes and methods, the handlers of its phases, its body and its response.

pub mod access;
pub mod add_handler;
pub mod asgi;
pub(in crate::python) mod async_io;
pub mod awaitable;
pub mod body;
mod body_wait;
pub(in crate::python) mod children;
mod coroutine;
pub mod end;
mod failure;
pub(in crate::python) mod fields;
pub(in crate::python) mod form;
pub(in crate::python) mod heartbeat;
pub(in crate::python) mod io;
pub(in crate::python) mod methods;
pub mod object;
pub mod phase;
pub(in crate::python) mod raw_connection;
pub mod registered_filter;
pub mod response;
mod resumes;
pub(in crate::python) mod sendfile;
pub mod state;
pub mod waiting;
mod waiting_limit;
pub mod wsgi;
