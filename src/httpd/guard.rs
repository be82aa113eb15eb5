//! The barrier that keeps panics out of C.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::gate;
use super::log;
use super::log::Level;

/// Calls `f` and returns its result. Every function that C calls does its work in here. Returns `bad` where `f`
/// panics, and where nothing of the module may run any more (`gate`); then `f` is not called.
///
/// `what` names the work in the log entry of a panic. Any thread.
pub fn guard<R>(what: &str, bad: R, f: impl FnOnce() -> R) -> R {
    if gate::is_forked() {
        return bad;
    }
    let Some(_call) = gate::ModuleCall::begin() else {
        return bad;
    };
    caught(what, f).unwrap_or(bad)
}

/// Calls `f` whether or not the module may still run. `None`: it panicked, which was logged under the name `what`.
pub fn caught<R>(what: &str, f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f))
        .inspect_err(|panic| {
            let text = format!("panic in {what}: {}", panic_text(&**panic));
            match cfg!(test) {
                // Unit tests have no httpd, and so no log.
                true => eprintln!("{text}"),
                false => log::main(Level::Critical, &text),
            }
        })
        .ok()
}

/// The message of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
