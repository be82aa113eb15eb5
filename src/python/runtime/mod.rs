//! The interpreters of a child: their start, how threads enter them, and what is imported there.

pub mod attach;
pub mod context;
pub mod contextvars;
pub mod deferred_drops;
pub mod extensions;
pub mod forked;
pub mod gil_turns;
pub(in crate::python) mod initialize;
pub mod interpreter;
pub mod known_names;
pub mod lease;
pub mod loader;
pub mod named;
pub(in crate::python) mod package;
pub mod python_import;
pub mod serving_fork;
pub(in crate::python) mod spare_descriptors;
pub mod stacks;
pub mod start;
pub(in crate::python) mod sub_interpreter;
pub(in crate::python) mod thread_states;
pub(in crate::python) mod time_limit;
pub mod traceback;
pub mod types;
