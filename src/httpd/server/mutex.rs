//! Locks that all children share (`Mutex … python`). httpd makes them; between the threads of one
//! child a state of our own decides, so that any thread of the child can unlock: a request may end on
//! another thread than the one that locked.

use std::ffi::{CStr, CString, c_void};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::{Server, config};
use crate::httpd::apr::pool::Pool;
use crate::httpd::ffi;
use crate::httpd::guard::guard;
use crate::httpd::status::{Error, Status};
use crate::locks;
use crate::locks::{Guard, Signal};

/// The name of the locks in the directive `Mutex`.
const TYPE: &CStr = c"python";
/// The name of the locks of shared caches there.
const CACHE_TYPE: &CStr = c"python-cache";
/// The key under which the configuration's pool keeps the locks.
const KEY: &CStr = c"mod_python.locks";
/// How many locks there are unless the configuration says otherwise.
pub const COUNT: usize = 8;
/// The pause between two attempts at a lock which the kernel reports as a deadlock.
const PAUSE: Duration = Duration::from_millis(2);

/// The owner of a lock: the code that would wait for itself if it locked again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Code that works on a connection or a request of it, by the connection's address.
    Connection(usize),
    /// Any other code.
    Thread(ThreadId),
}

impl Owner {
    /// The code of this thread, which works on no connection.
    pub fn this_thread() -> Self {
        Self::Thread(thread::current().id())
    }
}

/// Why a lock was not taken or given back.
#[derive(Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// The caller owns the lock already, and would wait for ever.
    OwnLock,
    /// This child does not hold it.
    NotHeld,
    /// The operating system refuses.
    System(Error),
}

impl fmt::Display for LockRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnLock => f.write_str(
                "is held by this very code, which would wait for ever: unlock it before locking it again \
                 (two keys can share one lock: PythonOption mod_python.mutex_locks makes more of them)",
            ),
            Self::NotHeld => f.write_str("is not held by this child: lock it first"),
            Self::System(error) => write!(
                f,
                "fails: {error} (the directive Mutex chooses the kind of lock, as in: Mutex fcntl python)"
            ),
        }
    }
}

#[derive(Clone, Copy)]
enum MutexState {
    Free,
    /// Taken among the threads of this child; another child may still hold it.
    Waiting(Owner),
    Locked(Owner),
}

/// One lock. Its state is locked for a few instructions (rank `Short`), never while the thread waits for another child.
pub struct GlobalLock {
    /// The lock between children; null where there are no other children.
    between: AtomicPtr<ffi::apr_proc_mutex_t>,
    state: locks::Lock<MutexState>,
    freed: Signal,
    /// How many threads of this child wait for the signal; changed under `state`. A signal is a system call.
    waiting: AtomicUsize,
}

impl GlobalLock {
    fn new(between: *mut ffi::apr_proc_mutex_t) -> Self {
        Self {
            between: AtomicPtr::new(between),
            state: locks::Lock::short(MutexState::Free),
            freed: Signal::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits until the lock is free and takes it for `owner`. Called without the GIL.
    ///
    /// # Errors
    /// `OwnLock`; `System`.
    pub fn lock(&self, owner: Owner) -> Result<(), LockRefusal> {
        let mut state = self.state();
        while let MutexState::Waiting(holder) | MutexState::Locked(holder) = *state {
            if holder == owner {
                return Err(LockRefusal::OwnLock);
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            state = self.freed.wait(state);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        *state = MutexState::Waiting(owner);
        drop(state);
        let result = self.lock_between();
        self.become_held(owner, result.is_ok());
        result.map_err(LockRefusal::System)
    }

    /// Takes the lock for `owner` if it is free. Returns whether it did; never waits.
    ///
    /// # Errors
    /// `System`.
    pub fn try_lock(&self, owner: Owner) -> Result<bool, LockRefusal> {
        let mut state = self.state();
        if !matches!(*state, MutexState::Free) {
            return Ok(false);
        }
        *state = MutexState::Waiting(owner);
        drop(state);
        let between = self.between();
        let result = match between.is_null() {
            true => Ok(true),
            // SAFETY: httpd's lock, as long-lived as the configuration.
            false => match unsafe { ffi::apr_proc_mutex_trylock(between) } {
                busy if busy == ffi::APR_EBUSY as i32 => Ok(false),
                status => Error::check(status).map(|()| true),
            },
        };
        self.become_held(owner, result == Ok(true));
        result.map_err(LockRefusal::System)
    }

    /// Gives the lock back. Any thread of the child that holds it may call this.
    ///
    /// # Errors
    /// `NotHeld`; `System`.
    pub fn unlock(&self) -> Result<(), LockRefusal> {
        let mut state = self.state();
        if !matches!(*state, MutexState::Locked(_)) {
            return Err(LockRefusal::NotHeld);
        }
        let between = self.between();
        if !between.is_null() {
            // SAFETY: as in `try_lock`.
            let status = unsafe { ffi::apr_proc_mutex_unlock(between) };
            Error::check(status).map_err(LockRefusal::System)?;
        }
        *state = MutexState::Free;
        self.signal();
        Ok(())
    }

    /// Wakes a thread that waits, if there is one. Called under `state`.
    fn signal(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.freed.give_one();
        }
    }

    fn lock_between(&self) -> Result<(), Error> {
        let between = self.between();
        if between.is_null() {
            return Ok(());
        }
        loop {
            // SAFETY: as in `try_lock`.
            match Error::check(unsafe { ffi::apr_proc_mutex_lock(between) }) {
                // `fcntl` knows processes, not threads: threads that wait crosswise look like a deadlock to it.
                Err(error) if error.errno() == Some(libc::EDEADLK) => thread::sleep(PAUSE),
                result => return result,
            }
        }
    }

    fn become_held(&self, owner: Owner, is_held: bool) {
        let mut state = self.state();
        if is_held {
            *state = MutexState::Locked(owner);
        } else {
            *state = MutexState::Free;
            self.signal();
        }
    }

    /// Opens the lock in a new child, before it has threads.
    pub fn open_in_child(&self, child: &Pool) {
        let mut between = self.between();
        if between.is_null() {
            return;
        }
        // SAFETY: a lock that httpd made.
        let file = unsafe { ffi::apr_proc_mutex_lockfile(between) };
        // SAFETY: as above; a place for the pointer, and the child's pool.
        let status =
            unsafe { ffi::apr_proc_mutex_child_init(&raw mut between, file, child.as_ptr()) };
        guard("child_init", (), || {
            assert_eq!(Error::check(status), Ok(()), "a lock does not open");
        });
        self.between.store(between, Ordering::Relaxed);
    }

    fn state(&self) -> Guard<'_, MutexState> {
        self.state.lock()
    }

    fn between(&self) -> *mut ffi::apr_proc_mutex_t {
        self.between.load(Ordering::Relaxed)
    }
}

/// The locks of one configuration.
#[derive(Default)]
struct Locks(OnceLock<Vec<GlobalLock>>);

/// Tells httpd of our locks, so that `Mutex` knows them.
pub(in crate::httpd) fn register() {
    let first = ffi::APR_HOOK_FIRST as i32;
    // SAFETY: called while httpd collects hooks; the function is static.
    unsafe { ffi::ap_hook_pre_config(Some(pre_config), null(), null(), first) };
}

unsafe extern "C" fn pre_config(
    configuration: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
) -> i32 {
    guard("pre_config", Status::INTERNAL_SERVER_ERROR, || {
        // Of all kinds this one is left behind by no child that dies, and any thread can unlock it.
        let kind = ffi::APR_LOCK_FCNTL;
        for name in [TYPE, CACHE_TYPE] {
            // SAFETY: httpd calls with the configuration's pool; the name is static.
            unsafe { ffi::ap_mutex_register(configuration, name.as_ptr(), null(), kind, 0) };
        }
        Status::OK
    })
    .0
}

/// Makes `count` locks, in the parent before there are children. A lock that httpd cannot make is missing, which
/// httpd logs: handlers that use no lock work without.
pub fn make(configuration: &Pool, main: &Server, count: usize) {
    let create = |index: usize| {
        let instance = CString::new(index.to_string()).ok()?;
        let lock = between_processes(TYPE, &instance, configuration, main).ok()?;
        Some(GlobalLock::new(lock))
    };
    let locks: &Locks = config::generation(configuration, KEY);
    locks
        .0
        .get_or_init(|| (0..count).map_while(create).collect());
}

/// A lock of httpd's that lives as long as the pool.
fn between_processes(
    kind: &CStr,
    instance: &CStr,
    pool: &Pool,
    main: &Server,
) -> Result<*mut ffi::apr_proc_mutex_t, Error> {
    let mut lock = null_mut();
    // SAFETY: a place for a pointer, texts that httpd copies, a live server and pool.
    let status = unsafe {
        ffi::ap_proc_mutex_create(
            &raw mut lock,
            null_mut(),
            kind.as_ptr(),
            instance.as_ptr(),
            main.as_ptr(),
            pool.as_ptr(),
            0,
        )
    };
    Error::check(status).map(|()| lock)
}

/// The lock of a shared cache of this name, made when it is first asked for. It outlives restarts: after a graceful
/// one, children of two configurations use the same file of a dbm library.
///
/// # Errors
/// What the operating system refuses; httpd has logged it.
pub fn of_cache(main: &Server, name: &str) -> Result<GlobalLock, Error> {
    let pool = main.process_pool();
    let instance = CString::new(name).map_err(|_| Error::GENERAL)?;
    let key = CString::new(format!("mod_python.cache.{name}")).map_err(|_| Error::GENERAL)?;
    let mut found: *mut c_void = null_mut();
    // SAFETY: the key is NUL-terminated, `found` is a place for one pointer.
    unsafe { ffi::apr_pool_userdata_get(&raw mut found, key.as_ptr(), pool.as_ptr()) };
    if found.is_null() {
        found = between_processes(CACHE_TYPE, &instance, pool, main)?.cast();
        // SAFETY: APR copies the key; the lock lives as long as the pool.
        unsafe { ffi::apr_pool_userdata_set(found, key.as_ptr(), None, pool.as_ptr()) };
    }
    Ok(GlobalLock::new(found.cast()))
}

/// Opens the locks in a new child, before it has threads.
pub fn child_init(child: &Pool, main: &Server) {
    for lock in all(main) {
        lock.open_in_child(child);
    }
}

/// The locks of the configuration that a server belongs to. Without httpd, in `mod_python.testing`, they are locks
/// of this process alone.
pub fn all(server: &Server) -> &[GlobalLock] {
    let locks: &Locks = config::generation(server.configuration(), KEY);
    let alone = || (0..COUNT).map(|_| GlobalLock::new(null_mut())).collect();
    locks.0.get_or_init(alone)
}

/// The number of the lock for a key, of `count` locks: the same one in each child. Number 0 is left for callers that
/// ask for it by its number, unless there is no other.
pub fn of_key(key: &impl Hash, count: usize) -> usize {
    // Without a seed, unlike Python's hash(), which differs between children.
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    match count {
        0 | 1 => 0,
        _ => (hasher.finish() % (count as u64 - 1)) as usize + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_over_all_but_the_first() {
        let found: std::collections::BTreeSet<_> = (0..200).map(|key| of_key(&key, 8)).collect();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            (1..8).collect::<Vec<_>>()
        );
        assert_eq!(of_key(&"key", 1), 0);
    }

    #[test]
    fn one_thread_waits_for_another_and_not_for_itself() {
        let lock = GlobalLock::new(null_mut());
        let (one, two) = (Owner::Connection(1), Owner::Connection(2));
        assert_eq!(lock.lock(one), Ok(()));
        assert_eq!(lock.lock(one), Err(LockRefusal::OwnLock));
        assert_eq!(lock.try_lock(two), Ok(false));
        thread::scope(|scope| {
            let other = scope.spawn(|| lock.lock(two));
            assert_eq!(lock.unlock(), Ok(()));
            assert_eq!(other.join().unwrap(), Ok(()));
        });
        assert_eq!(lock.unlock(), Ok(()));
        assert_eq!(lock.unlock(), Err(LockRefusal::NotHeld));
    }
}
