//! Whether a handler was seen to run on asyncio's event loop (`@apache.aio`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A mark of one line of the configuration, which its copies share. It says what was seen last, and no more: another
/// interpreter may have another module of the name, and a file may change.
#[derive(Clone, Debug, Default)]
pub struct LoopMark(Arc<AtomicBool>);

impl LoopMark {
    /// Whether the handler was seen on a loop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes whether it was seen on a loop.
    pub fn set(&self, is_on_loop: bool) {
        self.0.store(is_on_loop, Ordering::Relaxed);
    }
}

/// What was seen makes no other handler.
impl PartialEq for LoopMark {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LoopMark {}
