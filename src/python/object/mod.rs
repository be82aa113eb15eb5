//! How objects of ours are made for Python: classes as heap types, what CPython calls of them, and
//! leases, by which objects hold what is httpd's.

pub mod arguments;
pub(in crate::python) mod capsule;
pub mod class;
pub mod fields;
pub mod members;
pub(in crate::python) mod slot_trampolines;
pub mod slots;
pub(in crate::python) mod trampoline;
