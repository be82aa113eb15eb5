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
