//! APR's nouns: pools, tables, arrays, buckets and brigades.

pub(in crate::httpd) mod array;
pub mod brigade;
pub(in crate::httpd) mod brigade_data;
pub mod bucket;
mod bucket_type;
pub(in crate::httpd) mod file_part;
pub mod owned_brigade;
pub mod pool;
pub mod table;

use std::ptr::NonNull;

/// What an allocating function of APR returned. httpd gives its pools a function that ends the process when memory is
/// out, so APR returns no null.
fn allocated<T>(raw: *mut T) -> NonNull<T> {
    NonNull::new(raw).expect("APR ends the process when memory is out")
}
