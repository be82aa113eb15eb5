//! Lists of handlers: how the next one is found and called, and what `req.hlist` shows of it.

pub mod chain;
pub mod hlist;
