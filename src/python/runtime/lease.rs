//! Leases, which guard objects of httpd that Python code may hold longer than they live.
//!
//! A lease is opened when httpd calls the module and closed when the call returns. It ends when the pool of its request
//! or connection is cleared. At any other time, and on any other thread, Python code that uses the object gets a
//! `RuntimeError`.
//!
//! One thread at a time has a lease open. Its nested entries may open it again; openings are counted, so they may end
//! in any order. Leases use atomic numbers and take no lock, but for those that are lent to an event loop (`loan`).
#![expect(unsafe_code, reason = "objects of httpd behind checked leases")]

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::loan;
use super::loan::Loan;
use crate::httpd::server::fork;

/// When the objects of one request or connection may be used.
pub struct Lease {
    /// The noun for messages: "request", "connection".
    what: &'static str,
    over: AtomicBool,
    /// The number of the thread that has it open; 0 for none.
    holder: AtomicUsize,
    /// How often that thread has it open; only that thread changes it.
    count: AtomicUsize,
    /// Whether its holder lends it while it waits.
    lends: AtomicBool,
    /// The holder that has lent it.
    lender: AtomicUsize,
    loan: Loan,
}

thread_local! {
    static THREAD: u8 = const { 0 };
    /// The leases that the running entries of this thread have opened by `open_for_entry`.
    static OPENED: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// How many leases the running entries of this thread have opened by `open_for_entry`.
pub fn opened() -> usize {
    // A thread that ends has no thread-locals any more; no call of httpd is under way there.
    OPENED.try_with(|opened| opened.borrow().len()).unwrap_or(0)
}

/// Closes the leases that were opened since `opened` returned `mark`.
pub fn close_since(mark: usize) {
    let _ = OPENED.try_with(|opened| opened.borrow_mut().truncate(mark));
}

/// The number of this thread, which no other living thread has.
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
            count: AtomicUsize::new(0),
            lends: AtomicBool::new(false),
            lender: AtomicUsize::new(0),
            loan: Loan::default(),
        })
    }

    /// Opens the lease on this thread until the returned value is dropped. While another thread has it open, it stays
    /// with that thread, and objects under it raise `RuntimeError` here.
    pub fn open(self: &Arc<Self>) -> Open {
        let me = this_thread();
        let taken = self
            .holder
            .compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire);
        let is_mine = taken.is_ok() || taken == Err(me);
        if is_mine {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Open {
            lease: is_mine.then(|| self.clone()),
            of_thread: PhantomData,
        }
    }

    /// Has this thread hold the lease, while `f` runs, in place of the thread that has it open, which waits for that.
    pub fn lend<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Holder<'a>(&'a AtomicUsize, usize);
        impl Drop for Holder<'_> {
            fn drop(&mut self) {
                self.0.store(self.1, Ordering::Release);
            }
        }
        let holder = self.holder.swap(this_thread(), Ordering::AcqRel);
        let _back = Holder(&self.holder, holder);
        f()
    }

    /// Opens the lease on this thread until the innermost running entry into Python ends (`close_since`). If it is open
    /// here already, this entry or an outer one has opened it, which does not end earlier.
    pub fn open_for_entry(self: &Arc<Self>) {
        if self.holder.load(Ordering::Acquire) != this_thread() {
            let open = self.open();
            let _ = OPENED.try_with(|opened| opened.borrow_mut().push(open));
        }
    }

    /// Opens it as `open_for_entry` does, for code that has another lease of the same call of httpd's. Where that is lent to
    /// this thread, which runs an event loop, this one is lent with it: httpd's thread waits for both.
    ///
    /// # Errors
    /// What the loop raises that is to have it given back.
    pub fn open_beside(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        if !loan::runs_loop() {
            self.open_for_entry();
            return Ok(());
        }
        let (me, holder) = (this_thread(), self.holder.load(Ordering::Acquire));
        if holder == me {
            return Ok(());
        }
        self.holder.store(me, Ordering::Release);
        loan::note(py, self, Some(holder))
    }

    /// Ends the lease: from now on, objects under it cannot be used. Any thread.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
        if self.lends() {
            self.loan.tell();
        }
    }

    /// Whether it is lent to a thread that runs an event loop while httpd's thread waits.
    pub fn lends(&self) -> bool {
        self.lends.load(Ordering::Acquire)
    }

    /// Says whether it is lent to a thread that runs an event loop while httpd's thread waits.
    pub fn set_lends(&self, lends: bool) {
        self.lends.store(lends, Ordering::Release);
    }

    /// Calls `f`, in which its holder may wait for a client.
    pub fn blocks<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.lends() {
            true => self.loan.blocks(f),
            false => f(),
        }
    }

    /// Lends it: the calling thread, which has it, does not use the objects until it has taken it back.
    pub fn lend_to_loop(&self) {
        if self.lends() {
            let keep = || {
                let holder = self.holder.swap(0, Ordering::AcqRel);
                self.lender.store(holder, Ordering::Relaxed);
            };
            self.loan.lend(keep);
        }
    }

    /// Takes it back, if it is lent. Waits for what the loop runs now. Called without the GIL.
    pub fn take_back(&self) {
        if self.lends() && self.loan.take_back() {
            let holder = self.lender.swap(0, Ordering::Relaxed);
            self.holder.store(holder, Ordering::Release);
        }
    }

    /// Borrows it for this thread, if that runs an event loop, and the lease is lent. Called with the GIL.
    ///
    /// # Errors
    /// What the loop raises that is to have it given back.
    fn borrow(self: &Arc<Self>) -> PyResult<bool> {
        let is_over = || self.over.load(Ordering::Acquire);
        if !self.lends() || !loan::runs_loop() || !self.loan.borrow(is_over) {
            return Ok(false);
        }
        self.holder.store(this_thread(), Ordering::Release);
        self.count.fetch_add(1, Ordering::Relaxed);
        Python::attach(|py| loan::note(py, self, None))?;
        Ok(true)
    }

    /// Gives it back, to `holder` if it was lent with another one. Called on the thread that has it.
    pub(super) fn give_back(&self, holder: Option<usize>) {
        if let Some(holder) = holder {
            return self.holder.store(holder, Ordering::Release);
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.holder.store(0, Ordering::Release);
        self.loan.give_back();
    }

    /// Whether objects under it can be used now.
    ///
    /// # Errors
    /// `RuntimeError` that says why they cannot.
    pub fn check(self: &Arc<Self>) -> PyResult<()> {
        if fork::is_forked() {
            return Err(PyRuntimeError::new_err(format!(
                "this process was forked from a child of httpd, which has the {0}: take what you \
                 need of the {0} before os.fork()",
                self.what
            )));
        }
        let over = || PyRuntimeError::new_err(format!("the {} is over", self.what));
        if self.over.load(Ordering::Acquire) {
            return Err(over());
        }
        let holder = self.holder.load(Ordering::Acquire);
        if holder != this_thread() && self.borrow()? {
            // It may have ended meanwhile.
            return match self.over.load(Ordering::Acquire) {
                true => Err(over()),
                false => Ok(()),
            };
        }
        match holder {
            holder if holder == this_thread() => Ok(()),
            _ if loan::runs_loop() && self.lends() => Err(PyRuntimeError::new_err(format!(
                "the {} is in use by its thread of httpd, which writes to a slow client, or reads: await what was \
                 written before, and let one task use it at a time",
                self.what
            ))),
            0 => Err(PyRuntimeError::new_err(format!(
                "the {} cannot be used now, but only while httpd calls a handler or filter for it",
                self.what
            ))),
            _ => Err(PyRuntimeError::new_err(format!(
                "the {} is in use by another thread",
                self.what
            ))),
        }
    }
}

/// An open lease. It ends on the thread that opened it.
pub struct Open {
    /// `None` if another thread has the lease open.
    lease: Option<Arc<Lease>>,
    of_thread: PhantomData<*const ()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(lease) = &self.lease {
            if lease.count.fetch_sub(1, Ordering::Relaxed) == 1 {
                lease.holder.store(0, Ordering::Release);
            }
        }
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
    /// Lends `object`, which must live until the lease ends.
    pub fn new(lease: &Arc<Lease>, object: &T) -> Self {
        Self {
            lease: lease.clone(),
            object: NonNull::from(object),
        }
    }

    /// The object, if this thread has the lease open.
    ///
    /// # Errors
    /// `RuntimeError` that says why it cannot be used.
    pub fn get(&self) -> PyResult<&T> {
        self.lease.check()?;
        // SAFETY: the lease is open on this thread: the call of httpd that opened it is under way,
        // and httpd keeps the object alive through it.
        Ok(unsafe { self.object.as_ref() })
    }

    /// The lease that guards the object.
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

    #[test]
    fn openings_may_end_in_any_order() {
        let lease = Lease::new("test");
        let lent = Lent::new(&lease, &7);
        let (first, second) = (lease.open(), lease.open());
        drop(first);
        assert!(allowed(&lent), "one opening is left");
        drop(second);
        assert!(!allowed(&lent), "none is left");
    }

    #[test]
    fn a_lease_that_is_open_elsewhere_stays_there() {
        let lease = Lease::new("test");
        let lent = Lent::new(&lease, &7);
        let here = lease.open();
        let elsewhere = lease.clone();
        let there = std::thread::spawn(move || {
            let open = elsewhere.open();
            let allowed = elsewhere.check_quietly();
            drop(open);
            allowed
        });
        assert!(!there.join().unwrap());
        assert!(allowed(&lent), "the other thread's opening changed nothing");
        drop(here);
        assert!(!allowed(&lent));
    }
}
