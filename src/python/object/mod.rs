//! How objects of ours are made for Python: classes as heap types, what CPython calls of them, and
//! leases, by which objects hold what is httpd's.

pub(super) mod capsule;
pub mod class;
mod landing;
mod landing_slots;
pub mod lease;
pub mod slots;
pub mod types;
