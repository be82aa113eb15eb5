//! `filter`, its methods; how a filter of ours is declared, added and called, as a plain
//! function or as an async generator.

pub mod bucket;
pub(super) mod deadline;
pub mod declared;
pub mod drive;
pub mod flow;
pub mod generator;
pub mod instance;
mod io;
pub mod object;
pub mod reader;
pub mod streaming;
