//! The interpreters of a child, and the way into one: which thread has which, what is found and
//! imported there, and what the thread works on.

pub mod context;
pub mod drops;
pub mod hold;
pub mod imports;
pub mod interpreter;
pub mod loader;
pub mod named;
mod spare;
mod sub;
mod threads;
pub mod usher;
