//! Which interpreter each thread of httpd's is in: from its entry to its end, also while it has let go of the GIL. For
//! the end of a child, which must not wait for Python code that does not come back. Any thread may ask.
#![expect(unsafe_code, reason = "interpreters are never freed")]

use std::cell::Cell;
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Weak};

use super::interpreter::Interpreter;
use crate::locks::Lock;

/// The interpreter that a thread is in; null for none.
#[derive(Default)]
struct Place(AtomicPtr<Interpreter>);

/// The places of all threads that have entered one.
static PLACES: Lock<Vec<Weak<Place>>> = Lock::short(Vec::new());

thread_local! {
    static PLACE: Arc<Place> = Place::new();
    static IS_LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

impl Place {
    fn new() -> Arc<Self> {
        let place = Arc::new(Self::default());
        let mut places = PLACES.lock();
        places.retain(|place| place.strong_count() > 0);
        places.push(Arc::downgrade(&place));
        drop(places);
        place
    }
}

/// An entry of this thread, until it is dropped.
pub(super) struct InterpreterEntry(*mut Interpreter);

impl InterpreterEntry {
    pub(super) fn begin(interpreter: &'static Interpreter) -> Self {
        Self(replace(from_ref(interpreter).cast_mut()))
    }
}

impl Drop for InterpreterEntry {
    fn drop(&mut self) {
        replace(self.0);
    }
}

/// This thread works on the end of the child from now on: its entries are not noted.
pub(in crate::python) fn leave_out_this_thread() {
    IS_LEFT_OUT.set(true);
}

/// Notes where this thread is, and returns where it was. A thread that ends is not noted any more.
fn replace(interpreter: *mut Interpreter) -> *mut Interpreter {
    if IS_LEFT_OUT.get() {
        return null_mut();
    }
    let noted = PLACE.try_with(|place| {
        // Only this thread writes it.
        let before = place.0.load(Ordering::Relaxed);
        place.0.store(interpreter, Ordering::Relaxed);
        before
    });
    noted.unwrap_or(null_mut())
}

/// In how many threads each interpreter is entered.
pub(in crate::python) fn by_interpreter() -> Vec<(&'static Interpreter, usize)> {
    let mut found: Vec<(&'static Interpreter, usize)> = Vec::new();
    for place in &*PLACES.lock() {
        let place = place.upgrade();
        let place = place.map_or(null_mut(), |place| place.0.load(Ordering::Relaxed));
        // SAFETY: null, or an interpreter of this child, which lives as long as it.
        let Some(interpreter) = (unsafe { place.as_ref() }) else {
            continue;
        };
        match found
            .iter_mut()
            .find(|(known, _)| std::ptr::eq(*known, interpreter))
        {
            Some((_, number)) => *number += 1,
            None => found.push((interpreter, 1)),
        }
    }
    found
}
