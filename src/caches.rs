//! Caches that all children share (`PythonCache`): a provider of httpd's, the lock that it may need, and what a child
//! was about to store when it died.

mod operations;
mod refusal;
mod writing;

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::cache_line::CacheLine;
use crate::engine::cache_record::{CacheRecord, CachedKind, HEADER, id_of};
use crate::engine::redo::Redo;
use crate::engine::ring_log::RingShape;
use crate::httpd::log::Level;
use crate::httpd::server::mutex::{GlobalLock, Owner};
use crate::httpd::server::shared_memory::{Shared, SharedWords};
use crate::httpd::server::socache::{CacheProvider, ObjectCache};
use crate::httpd::server::{config, mutex};
use crate::httpd::{Error, Pool, Server};
use crate::locks::{Guard, Lock};
pub use refusal::{CacheAnswer, CacheRefusal};

/// The most bytes of an entry where the provider sets no limit: as memcached, unless it was told otherwise.
const LARGEST: usize = 1_000_000;

/// The lines of `PythonCache` of a configuration.
pub fn registry(configuration: &Pool) -> Guard<'_, Vec<Arc<CacheLine>>> {
    let lines: &Lock<Vec<Arc<CacheLine>>> =
        config::generation(configuration, c"mod_python.cache_lines");
    lines.lock()
}

/// Refuses caches that no provider would make.
///
/// # Errors
/// A sentence that says what is wrong, where, and what to write.
pub fn check(configuration: &Pool) -> Result<(), String> {
    let lines = registry(configuration).clone();
    lines
        .iter()
        .try_for_each(|line| create(line, configuration).map(drop))
}

fn create(line: &CacheLine, configuration: &Pool) -> Result<ObjectCache, String> {
    let said = |sentence: &str| format!("PythonCache {} at {}: {sentence}", line.name, line.source);
    let text = |text: &str| CString::new(text).map_err(|_| said("a NUL in a name"));
    let provider = CacheProvider::find(&text(&line.provider)?)
        .ok_or_else(|| said(&line.unknown_provider()))?;
    let cache = provider.create(&text(&line.argument)?, configuration);
    cache.map_err(|error| {
        let CacheLine {
            provider, argument, ..
        } = line;
        said(&format!(
            "mod_socache_{provider} refuses '{argument}': {error}"
        ))
    })
}

/// The caches of a configuration that httpd serves.
#[derive(Default)]
struct OpenCaches(OnceLock<Vec<SharedCache>>);

/// Opens the caches of a configuration that httpd is going to serve, in the parent before there are children.
///
/// # Errors
/// A sentence that says which one cannot be opened; httpd has logged why.
pub fn open(configuration: &Pool, main: &Server) -> Result<(), String> {
    let lines = registry(configuration).clone();
    let open = |line: &Arc<CacheLine>| SharedCache::open(line.clone(), configuration, main);
    let caches = lines.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    // Made now, and not when the lines are read: so it is dropped before the providers' modules are unloaded.
    let all: &OpenCaches = config::generation(configuration, c"mod_python.caches");
    all.0.get_or_init(|| caches);
    Ok(())
}

/// The caches of a child.
pub fn all(main: &Server) -> &[SharedCache] {
    let all: &OpenCaches = config::generation(main.configuration(), c"mod_python.caches");
    all.0.get_or_init(Vec::new)
}

/// Prepares the caches for a new child, before it has threads.
pub fn child_init(child: &Pool, main: &Server) {
    for lock in all(main).iter().filter_map(|cache| cache.lock.as_ref()) {
        lock.open_in_child(child);
    }
}

/// A value that was found.
pub struct FoundValue {
    /// What its bytes are.
    pub kind: CachedKind,
    record: Vec<u8>,
}

impl FoundValue {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.record[HEADER..]
    }
}

/// One cache.
pub struct SharedCache {
    /// The line that declares it.
    pub line: Arc<CacheLine>,
    store: ObjectCache,
    /// For a provider whose calls must come one at a time.
    lock: Option<GlobalLock>,
    redo: Shared<Redo>,
    /// What was written to the rings of shmcb.
    ring: Option<(RingShape, SharedWords)>,
    /// How many bytes an id and its record may have together.
    largest: usize,
    /// Whether an entry was found that is not of this module.
    has_foreign: AtomicBool,
    has_warned: AtomicBool,
}

/// A call of a cache: as long as it is there, there is no other one where the provider needs that.
pub struct CacheTurn<'a> {
    cache: &'a SharedCache,
    main: &'a Server,
}

impl Drop for CacheTurn<'_> {
    fn drop(&mut self) {
        if let Some(lock) = &self.cache.lock {
            // It is held, and the kernel has no reason to refuse.
            let _ = lock.unlock();
        }
    }
}

impl SharedCache {
    fn open(line: Arc<CacheLine>, configuration: &Pool, main: &Server) -> Result<Self, String> {
        let failed = |what: &str, error: Error| {
            format!(
                "PythonCache {} at {}: {what}: {error}",
                line.name, line.source
            )
        };
        let mut store = create(&line, configuration)?;
        let name = CString::new(line.name.as_str()).unwrap_or_default();
        // A file of dbm is there for the next configuration, too: children of this one may still be using it.
        store
            .open(&name, main, configuration, !line.is_dbm())
            .map_err(|error| failed("the cache cannot be opened", error))?;
        let lock = store
            .needs_lock()
            .then(|| mutex::of_cache(main, &line.name));
        let lock = lock.transpose();
        let lock = lock.map_err(|error| failed("its lock cannot be made", error))?;
        let mut cache = Self {
            line,
            store,
            lock,
            redo: Shared::default(),
            ring: None,
            largest: LARGEST,
            has_foreign: AtomicBool::new(false),
            has_warned: AtomicBool::new(false),
        };
        if cache.lock.is_some() {
            let turn = cache.turn(main).map_err(|refusal| refusal.to_string())?;
            let bound = cache.line.memory().unwrap_or(LARGEST);
            let (id, expires) = (id_of(b"mod_python"), now() + 1_000_000);
            let largest = cache.store.find_largest(&id, expires, bound, main);
            drop(turn);
            cache.largest = largest;
            let shape = cache
                .line
                .memory()
                .map(|bytes| RingShape::of(bytes, largest));
            cache.ring = shape.map(|shape| (shape, SharedWords::new(shape.words())));
        }
        Ok(cache)
    }

    /// When an entry ends that is stored now. Engines take whole seconds, and none that began already.
    fn end_of(&self, ttl: Duration) -> i64 {
        let ttl = match self.lock {
            Some(_) => ttl.as_micros() as i64,
            None => ttl.as_micros().div_ceil(1_000_000) as i64 * 1_000_000 + 500_000,
        };
        now() + ttl
    }

    fn check_size(&self, id: &[u8], value: &[u8]) -> CacheAnswer<()> {
        let most = self.largest.saturating_sub(id.len() + HEADER);
        match value.len() > most {
            true => Err(CacheRefusal::TooLarge(value.len(), most)),
            false => Ok(()),
        }
    }

    /// Waits until this call is the only one, where the provider needs that. Called without the GIL.
    ///
    /// # Errors
    /// `Lock`.
    pub fn turn<'a>(&'a self, main: &'a Server) -> CacheAnswer<CacheTurn<'a>> {
        if let Some(lock) = &self.lock {
            lock.lock(Owner::this_thread())
                .map_err(CacheRefusal::Lock)?;
        }
        let turn = CacheTurn { cache: self, main };
        if let Some(left) = self.redo.left() {
            self.do_again(left, main);
        }
        Ok(turn)
    }

    /// A turn in which nothing waits, if there is one now: the entries are in memory, no other call has the lock, and
    /// none was left undone.
    pub fn turn_at_once<'a>(&'a self, main: &'a Server) -> Option<CacheTurn<'a>> {
        let lock = self
            .lock
            .as_ref()
            .filter(|_| self.line.memory().is_some())?;
        if !matches!(lock.try_lock(Owner::this_thread()), Ok(true)) {
            return None;
        }
        let turn = CacheTurn { cache: self, main };
        self.redo.left().is_none().then_some(turn)
    }

    /// Logs once that entries were found that are not this module's, if there were any. It may wait for the log.
    pub fn warn(&self, main: &Server) {
        if self.has_warned.swap(true, Ordering::Relaxed) {
            return;
        }
        let text = format!(
            "the cache {} has entries that this module has not written, or that are not whole: they are taken for \
             missing",
            self.line.name
        );
        main.log(Level::Warning, &text);
    }

    /// Whether there is something to warn of.
    pub fn is_to_warn(&self) -> bool {
        self.has_foreign.load(Ordering::Relaxed) && !self.has_warned.load(Ordering::Relaxed)
    }

    fn find(&self, id: &[u8], main: &Server) -> CacheAnswer<Option<FoundValue>> {
        let most = self.largest.saturating_sub(id.len());
        let record = match self.store.retrieve(id, most, main) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(None),
            // What mod_socache_dbm answers where SDBM has found nothing.
            Err(Error::GENERAL) if self.line.is_dbm() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let kind = CacheRecord::decode(id, &record).map(|record| record.kind);
        if kind.is_none() {
            self.has_foreign.store(true, Ordering::Relaxed);
        }
        Ok(kind.map(|kind| FoundValue { kind, record }))
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as i64)
}
