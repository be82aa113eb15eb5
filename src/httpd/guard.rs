//! The barrier that keeps panics out of C.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::gate;
use super::log;
use super::log::Level;

/// Calls `f`; a panic does not get out: it is logged with its place, and `bad` is the answer. So it is
/// where nothing of the module may run any more.
pub fn guard<R>(what: &str, bad: R, f: impl FnOnce() -> R) -> R {
    if gate::is_forked() {
        return bad;
    }
    let Some(_call) = gate::Call::begin() else {
        return bad;
    };
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = format!("panic in {what}: {}", panic_text(&*panic));
        log::main(Level::Critical, &text);
        bad
    })
}

/// What a panic says.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
