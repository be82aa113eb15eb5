//! Pages of `mod_python.psp`: what they write, and how those are served that are known.

pub mod pages;
pub mod pieces;
mod serve;
pub(in crate::python) mod writer;
