//! The way of a request from its URL to a published function and its page, for `mod_python.publisher`. What most pages
//! need is here; `mod_python._publisher` has the rest, in Python.

mod call;
mod function;
pub mod pages;
mod publish;
mod text;
