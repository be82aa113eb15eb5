//! httpd's C API as bindgen reads it from the installed headers, plus the bodies in `c-shim/`.
//! Private to `httpd`: all other code uses the safe types of its sibling modules.
#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals
)]
#![allow(dead_code, unsafe_code, unsafe_op_in_unsafe_fn, unnecessary_transmutes)]
#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

include!(concat!(env!("OUT_DIR"), "/httpd.rs"));

// For `cargo test`: the library that `build.rs` makes to stand in for httpd.
#[cfg(test)]
#[link(name = "mod_python_testing")]
unsafe extern "C" {}
