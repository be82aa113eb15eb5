//! `req`, its attributes and methods; the handlers of its phases, its body and its response.

pub mod body;
pub mod chain;
pub(super) mod fields;
pub(super) mod filters;
pub mod finfo;
pub mod handlers;
pub mod hlist;
mod io;
mod methods;
pub mod object;
mod parts;
pub mod phase;
pub mod response;
mod sendfile;
