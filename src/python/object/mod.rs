//! Classes of the module as Python sees them: heap types, their tables of methods and attributes, and the C functions
//! that CPython calls for them.

pub mod arguments;
pub(in crate::python) mod capsule;
pub mod class;
pub mod fields;
pub mod members;
pub(in crate::python) mod slot_trampolines;
pub mod slots;
pub(in crate::python) mod trampoline;
