//! `filter` and its methods; how Python filters are declared, added and called, as plain functions or async generators.

pub mod admission;
pub mod async_io;
pub mod awaitable;
pub mod bucket;
mod decode;
pub mod drive;
pub(in crate::python) mod failure;
pub(in crate::python) mod fields;
pub mod generator;
pub mod input_or_output;
pub mod instance;
pub(in crate::python) mod io;
pub mod object;
pub mod registry;
mod run;
pub(in crate::python) mod run_time;
mod warn_once;
