//! Lists of handlers, and `req.hlist`, which shows them to Python code.

pub mod chain;
pub mod hlist;
