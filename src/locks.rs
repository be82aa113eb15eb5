//! The locks of this crate, and the one order in which a thread takes them.
//!
//! | rank | what | held while |
//! |---|---|---|
//! | [`Rank::Turn`] | the turn of an async connection (`parking::task`) | its handler is stepped: Python runs, and httpd is called |
//! | [`Rank::Python`] | an interpreter, which comes with the GIL (`python::runtime::attach`) | Python runs |
//! | [`Rank::Short`] | every other mutex | a few instructions |
//!
//! A thread waits only for what has a higher rank than all that it holds:
//!
//! - a thread that waits for a turn has neither Python nor a mutex;
//! - a thread that waits for Python has no mutex, but may have a turn;
//! - a mutex of rank `Short` can be taken at any time, by threads that have Python, too. So it is never held while its
//!   owner waits for anything, enters an interpreter, drops a Python object, or takes a second mutex;
//! - a thread that waits for a [`Signal`] has released Python before (`interpreter::release`), since the thread that
//!   gives the signal may need it.
//!
//! A value that is made on first use (`OnceLock`, `Once`) follows the rules of `Short`: the code that makes it does
//! not enter Python. A value that needs Python to be made has an entry "being made", under a mutex that is not held
//! meanwhile: `python::runtime::named`.
//!
//! Locks that Python code takes by name (`_apache._global_lock`, `httpd::server::mutex`) are not in this order. A
//! thread waits for them without Python; the order among several of them is up to the Python code.
//!
//! A bucket's mutex (`python::filter::bucket`) marks the bucket as in use; no thread waits for it, so it is not in the
//! order.
//!
//! Where `debug_assertions` are on, a thread that breaks the order panics, whether or not another thread waits for it
//! at that moment.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// The place of a lock in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The turn of an async connection.
    Turn,
    /// An interpreter.
    Python,
    /// Any other mutex.
    Short,
}

/// A mutex with its place in the order. It is not poisoned by a panic of an owner: the value is consistent
/// wherever an owner can panic.
#[derive(Debug)]
pub struct Lock<T> {
    rank: Rank,
    mutex: Mutex<T>,
}

impl<T> Lock<T> {
    /// A mutex that is held for a few instructions.
    pub const fn short(value: T) -> Self {
        Self {
            rank: Rank::Short,
            mutex: Mutex::new(value),
        }
    }

    /// A mutex that is held while Python runs.
    pub const fn turn(value: T) -> Self {
        Self {
            rank: Rank::Turn,
            mutex: Mutex::new(value),
        }
    }

    /// Waits until no other thread has it.
    pub fn lock(&self) -> Guard<'_, T> {
        held::may_wait_for(self.rank);
        let guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        self.taken(guard)
    }

    /// Takes it if no thread has it. Never waits, so it may be called with any other lock.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        match self.mutex.try_lock() {
            Ok(guard) => Some(self.taken(guard)),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.taken(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn taken<'a>(&self, guard: MutexGuard<'a, T>) -> Guard<'a, T> {
        held::add(self.rank);
        Guard {
            guard: Some(guard),
            rank: self.rank,
        }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::short(T::default())
    }
}

/// A lock that this thread has.
pub struct Guard<'a, T> {
    /// `None` only while its owner waits for a signal.
    guard: Option<MutexGuard<'a, T>>,
    rank: Rank,
}

const HELD: &str = "a guard is whole but for its wait";

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_deref().expect(HELD)
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_deref_mut().expect(HELD)
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        held::remove(self.rank);
    }
}

/// A condition variable: threads wait under a lock until the signal is given. What they wait for changes under that lock,
/// before. Where no thread waits, the signal costs no system call.
#[derive(Debug, Default)]
pub struct Signal {
    condition: Condvar,
    /// How many threads wait, or are about to.
    waiting: AtomicUsize,
}

impl Signal {
    /// A signal that no thread waits for yet.
    pub const fn new() -> Self {
        Self {
            condition: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Releases the lock, waits until the signal is given, and takes the lock again. May return without the signal.
    pub fn wait<'a, T>(&self, mut guard: Guard<'a, T>) -> Guard<'a, T> {
        held::may_wait_for_signal();
        let inner = guard.guard.take().expect(HELD);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let waited = self.condition.wait(inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        guard.guard = Some(waited.unwrap_or_else(PoisonError::into_inner));
        guard
    }

    /// As `wait`, for at most `time`.
    pub fn wait_for<'a, T>(&self, mut guard: Guard<'a, T>, time: Duration) -> Guard<'a, T> {
        held::may_wait_for_signal();
        let inner = guard.guard.take().expect(HELD);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let waited = self.condition.wait_timeout(inner, time);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        guard.guard = Some(waited.unwrap_or_else(PoisonError::into_inner).0);
        guard
    }

    /// Wakes one of the waiting threads.
    pub fn give_one(&self) {
        if self.is_awaited() {
            self.condition.notify_one();
        }
    }

    /// Wakes all waiting threads.
    pub fn give_all(&self) {
        if self.is_awaited() {
            self.condition.notify_all();
        }
    }

    fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

/// This thread is about to wait for an interpreter.
pub fn before_python() {
    held::may_wait_for(Rank::Python);
}

/// This thread has an interpreter now, or has none any more.
pub fn has_python(has: bool) {
    held::set_python(has);
}

/// What this thread holds, where the order is checked.
#[cfg(debug_assertions)]
mod held {
    use std::cell::Cell;

    use super::Rank;

    thread_local! {
        /// How many locks of each rank.
        static COUNTS: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
    }

    pub(super) fn add(rank: Rank) {
        let mut counts = COUNTS.get();
        counts[rank as usize] += 1;
        COUNTS.set(counts);
    }

    pub(super) fn remove(rank: Rank) {
        let mut counts = COUNTS.get();
        counts[rank as usize] -= 1;
        COUNTS.set(counts);
    }

    pub(super) fn set_python(has: bool) {
        let mut counts = COUNTS.get();
        counts[Rank::Python as usize] = has.into();
        COUNTS.set(counts);
    }

    pub(super) fn may_wait_for(rank: Rank) {
        let counts = COUNTS.get();
        for held in [Rank::Turn, Rank::Python, Rank::Short] {
            assert!(
                held < rank || counts[held as usize] == 0,
                "a thread that holds a lock of rank {held:?} waits for one of rank {rank:?}"
            );
        }
    }

    pub(super) fn may_wait_for_signal() {
        let [_, python, short] = COUNTS.get();
        assert!(
            python == 0 && short == 1,
            "a thread waits for a signal with Python, or with {short} locks of rank Short"
        );
    }
}

#[cfg(not(debug_assertions))]
mod held {
    use super::Rank;

    pub(super) fn add(_: Rank) {}
    pub(super) fn remove(_: Rank) {}
    pub(super) fn set_python(_: bool) {}
    pub(super) fn may_wait_for(_: Rank) {}
    pub(super) fn may_wait_for_signal() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a thread that does this panics.
    fn refused(f: impl FnOnce() + Send + 'static) -> bool {
        std::thread::spawn(f).join().is_err()
    }

    #[test]
    fn locks_are_taken_in_their_order() {
        assert!(!refused(|| {
            let turn = Lock::turn(());
            let short = Lock::short(1);
            let held = turn.lock();
            before_python();
            has_python(true);
            assert_eq!(*short.lock(), 1);
            assert_eq!(*short.lock(), 1);
            has_python(false);
            drop(held);
        }));
    }

    #[test]
    fn a_thread_with_a_mutex_waits_for_nothing_else() {
        assert!(refused(|| {
            let short = Lock::short(());
            let _held = short.lock();
            before_python();
        }));
        assert!(refused(|| {
            let (one, two) = (Lock::short(()), Lock::short(()));
            let _held = one.lock();
            drop(two.lock());
        }));
    }

    #[test]
    fn a_thread_with_python_waits_for_no_turn_and_no_signal() {
        assert!(refused(|| {
            has_python(true);
            drop(Lock::turn(()).lock());
        }));
        assert!(refused(|| {
            has_python(true);
            let lock = Lock::short(());
            drop(Signal::new().wait_for(lock.lock(), Duration::ZERO));
        }));
        assert!(!refused(|| {
            let lock = Lock::short(());
            drop(Signal::new().wait_for(lock.lock(), Duration::ZERO));
        }));
    }

    #[test]
    fn a_try_is_in_no_order() {
        assert!(!refused(|| {
            has_python(true);
            assert!(Lock::turn(()).try_lock().is_some());
        }));
    }
}
