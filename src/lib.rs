//! mod_python: Python inside Apache httpd.
//!
//! # The map
//!
//! Layers, each of which imports only what stands below it (`tests/support/layers.py` has the order):
//!
//! | layer | what it is |
//! |---|---|
//! | [`entry`], [`directives`], [`requests`], [`request_ids`], [`connections`], [`python_homes`], [`configuration`] | the wiring: hooks and configuration |
//! | [`module`] | the marker type that stands for the module in generic code of [`httpd`] |
//! | [`python`] | everything that holds a Python object |
//! | [`parking`] | connections that wait without a thread; no Python |
//! | [`metrics`], [`caches`] | counts for mod_status; caches that all children share |
//! | [`httpd`] | safe types for httpd's structs; no Python, no decisions |
//! | [`engine`] | decisions without httpd and without Python, tested as such |
//! | [`filter_chain`] | where a filter stands, what it may change: words that `engine` and `httpd` share |
//! | [`hook_order`] | when a module is called in a hook: the word that `engine` and `httpd` share |
//! | [`locks`] | the locks of the crate, and their order |
//!
//! A request takes this way: httpd calls a function in [`httpd::hooks`], which keeps panics in and gives
//! the marker [`module::Entry`]'s implementation in [`entry`] safe references; that asks [`engine::settings`] what is
//! configured, and [`python::connection::call`], [`python::request::phase`] or [`python::filter::drive`] enters
//! an interpreter and calls the user's function with objects that are leased for the time of the call.
//! `docs/architecture.md` shows it file by file.
//!
//! `unsafe` is allowed in `httpd`, and in `python` where a comment at the block says who guarantees what
//! the operation needs; everywhere else the compiler refuses it.

pub mod caches;
pub mod configuration;
pub mod connections;
pub mod directives;
pub mod engine;
pub mod entry;
pub mod filter_chain;
pub mod hook_order;
#[expect(unsafe_code, reason = "the layer that speaks to httpd's C API")]
pub mod httpd;
pub mod locks;
pub mod metrics;
pub mod module;
pub mod parking;
pub mod python;
pub mod python_homes;
pub mod request_ids;
mod requests;

/// What httpd loads (`LoadModule python_module`). `cargo test` leaves it out: without a way in from
/// httpd, the linker drops what calls httpd.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[cfg_attr(
    not(test),
    expect(unsafe_code, reason = "httpd finds the record by its name")
)]
#[allow(non_upper_case_globals, reason = "httpd's name for it")]
pub static python_module: httpd::hooks::Record = httpd::hooks::record::<module::Entry>();

/// What `mod_python.testing` calls, in a Python that has loaded the module.
#[cfg_attr(not(test), unsafe(no_mangle))]
#[cfg_attr(
    not(test),
    expect(unsafe_code, reason = "Python finds the function by its name")
)]
#[allow(non_upper_case_globals, reason = "C's way of names")]
pub static mod_python_host: httpd::hooks::Host = httpd::hooks::host::<module::Entry>;
