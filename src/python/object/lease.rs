//! Leases: objects of httpd that Python code may hold longer than they live.
//!
//! A lease is opened when httpd calls us and closed when we return; it ends for good when the pool
//! of its request or connection is cleared. Whoever uses the object at any other time, or on any
//! other thread, gets a `RuntimeError` instead of freed memory.
#![expect(unsafe_code, reason = "objects of httpd behind checked leases")]

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// When the objects of one request or connection may be used.
pub struct Lease {
    /// What it is about, for messages: "request", "connection".
    what: &'static str,
    over: AtomicBool,
    /// The thread that has it open; 0 for none.
    holder: AtomicUsize,
}

thread_local! {
    static THREAD: u8 = const { 0 };
    /// What the entries of this thread opened on their way.
    static OPENED: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// How many leases the running entries of this thread have opened on their way.
pub fn opened() -> usize {
    OPENED.with_borrow(Vec::len)
}

/// Closes what was opened since `opened` gave this number.
pub fn close_since(mark: usize) {
    OPENED.with_borrow_mut(|opened| opened.truncate(mark));
}

/// A number of this thread that no other thread has meanwhile.
fn this_thread() -> usize {
    THREAD.with(|token| std::ptr::from_ref(token).addr())
}

impl Lease {
    /// A lease that is not open yet.
    pub fn new(what: &'static str) -> Arc<Self> {
        Arc::new(Self {
            what,
            over: AtomicBool::new(false),
            holder: AtomicUsize::new(0),
        })
    }

    /// Opens it on this thread, until the answer is dropped.
    pub fn open(self: &Arc<Self>) -> Open {
        let before = self.holder.swap(this_thread(), Ordering::AcqRel);
        Open {
            lease: self.clone(),
            before,
        }
    }

    /// Opens it on this thread until the entry into Python ends that runs now (`close_since`).
    pub fn open_for_entry(self: &Arc<Self>) {
        if self.holder.load(Ordering::Acquire) != this_thread() {
            let open = self.open();
            OPENED.with_borrow_mut(|opened| opened.push(open));
        }
    }

    /// Ends it for good.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn check(&self) -> PyResult<()> {
        if self.over.load(Ordering::Acquire) {
            return Err(PyRuntimeError::new_err(format!(
                "the {} is over",
                self.what
            )));
        }
        match self.holder.load(Ordering::Acquire) {
            0 => Err(PyRuntimeError::new_err(format!(
                "the {} is not at work: it can be used only while httpd calls a handler or filter \
                 for it",
                self.what
            ))),
            holder if holder == this_thread() => Ok(()),
            _ => Err(PyRuntimeError::new_err(format!(
                "the {} is in use by another thread",
                self.what
            ))),
        }
    }
}

/// An open lease.
pub struct Open {
    lease: Arc<Lease>,
    before: usize,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.lease.holder.store(self.before, Ordering::Release);
    }
}

/// An object of httpd lent to Python under a lease.
pub struct Lent<T> {
    lease: Arc<Lease>,
    object: NonNull<T>,
}

// SAFETY: the object is reached only through `get`, on the thread that has the lease open.
unsafe impl<T> Send for Lent<T> {}

impl<T> Lent<T> {
    /// Lends `object`, which lives until the lease ends.
    pub fn new(lease: &Arc<Lease>, object: &T) -> Self {
        Self {
            lease: lease.clone(),
            object: NonNull::from(object),
        }
    }

    /// The object, if it may be used here and now.
    ///
    /// # Errors
    /// `RuntimeError` that says why not.
    pub fn get(&self) -> PyResult<&T> {
        self.lease.check()?;
        // SAFETY: the lease is open on this thread: the call of httpd that opened it is under way,
        // and httpd keeps the object alive through it.
        Ok(unsafe { self.object.as_ref() })
    }

    /// The lease it is under.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(lent: &Lent<u8>) -> bool {
        lent.lease.check_quietly()
    }

    impl Lease {
        fn check_quietly(&self) -> bool {
            !self.over.load(Ordering::Acquire)
                && self.holder.load(Ordering::Acquire) == this_thread()
        }
    }

    #[test]
    fn only_open_leases_answer_and_only_on_their_thread() {
        let lease = Lease::new("test");
        let value = 7;
        let lent = Lent::new(&lease, &value);
        assert!(!allowed(&lent));
        let outer = lease.open();
        assert!(allowed(&lent));
        drop(lease.open());
        assert!(
            allowed(&lent),
            "a nested entry gives the lease back to the outer one"
        );
        let elsewhere = lease.clone();
        let allowed_there = std::thread::spawn(move || elsewhere.check_quietly());
        assert!(!allowed_there.join().unwrap());
        lease.end();
        assert!(!allowed(&lent));
        drop(outer);
    }
}
