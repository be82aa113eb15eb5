//! Which interpreter has which extension module. Many load into one interpreter of a process only; the import in a
//! second one raises `ImportError`, which says who has it.

use std::collections::BTreeMap;

use super::interpreter::Interpreter;
use crate::locks::Lock;

/// The interpreter that was the first to load a file, by its path.
static LOADED: Lock<BTreeMap<String, &'static Interpreter>> = Lock::short(BTreeMap::new());

/// Notes that an interpreter has loaded the extension module in this file.
pub fn loaded(file: &str, interpreter: &'static Interpreter) {
    let mut loaded = LOADED.lock();
    if !loaded.contains_key(file) {
        loaded.insert(file.to_owned(), interpreter);
    }
}

/// The interpreter that has loaded the extension module in this file first, if any has.
pub fn first(file: &str) -> Option<&'static Interpreter> {
    LOADED.lock().get(file).copied()
}
