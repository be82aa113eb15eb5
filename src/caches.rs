//! Caches that all children share (`PythonCache`): a provider of httpd's, the lock that it may need, and what a child
//! was about to store when it died.

mod refusal;

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::cache_line::CacheLine;
use crate::engine::cache_record::{CacheRecord, CachedKind, HEADER, id_of};
use crate::engine::redo::{LeftEntry, Redo};
use crate::httpd::log::Level;
use crate::httpd::server::mutex::{GlobalLock, Owner};
use crate::httpd::server::shared_memory::Shared;
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

/// One cache. All its functions may wait for other children or an engine, so they are called without the GIL.
pub struct SharedCache {
    /// The line that declares it.
    pub line: Arc<CacheLine>,
    store: ObjectCache,
    /// For a provider whose calls must come one at a time.
    lock: Option<GlobalLock>,
    redo: Shared<Redo>,
    /// How many bytes an id and its record may have together.
    largest: usize,
    has_warned: AtomicBool,
}

/// The lock of a cache, as long as a call has it.
struct CacheTurn<'a>(Option<&'a GlobalLock>);

impl Drop for CacheTurn<'_> {
    fn drop(&mut self) {
        if let Some(lock) = self.0 {
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
            largest: LARGEST,
            has_warned: AtomicBool::new(false),
        };
        if cache.lock.is_some() {
            let turn = cache.turn(main).map_err(|refusal| refusal.to_string())?;
            let bound = cache.line.memory().unwrap_or(LARGEST);
            let (id, expires) = (id_of(b"mod_python"), now() + 1_000_000);
            let largest = cache.store.find_largest(&id, expires, bound, main);
            drop(turn);
            cache.largest = largest;
        }
        Ok(cache)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// `Lock`, `Provider`.
    pub fn get(&self, key: &[u8], main: &Server) -> CacheAnswer<Option<FoundValue>> {
        let _turn = self.turn(main)?;
        self.find(&id_of(key), main)
    }

    /// The values of keys, in their order.
    ///
    /// # Errors
    /// `Lock`, `Provider`.
    pub fn get_many(
        &self,
        keys: &[Vec<u8>],
        main: &Server,
    ) -> CacheAnswer<Vec<Option<FoundValue>>> {
        let _turn = self.turn(main)?;
        keys.iter()
            .map(|key| self.find(&id_of(key), main))
            .collect()
    }

    /// Stores a value.
    ///
    /// # Errors
    /// `TooLarge`, `Lock`, `Provider`.
    pub fn set(
        &self,
        key: &[u8],
        (kind, value): (CachedKind, &[u8]),
        ttl: Duration,
        main: &Server,
    ) -> CacheAnswer<()> {
        let (id, expires) = (id_of(key), self.end_of(ttl));
        let record = CacheRecord {
            kind,
            expires,
            value,
        }
        .encode(&id);
        self.check_size(&id, value)?;
        let _turn = self.turn(main)?;
        self.put(&id, &record, expires, main)
    }

    /// Stores a value if the key has none. Returns whether it did.
    ///
    /// # Errors
    /// `NotAtomic`, `TooLarge`, `Lock`, `Provider`.
    pub fn add(
        &self,
        key: &[u8],
        (kind, value): (CachedKind, &[u8]),
        ttl: Duration,
        main: &Server,
    ) -> CacheAnswer<bool> {
        let (id, expires) = (id_of(key), self.end_of(ttl));
        let record = CacheRecord {
            kind,
            expires,
            value,
        }
        .encode(&id);
        self.check_size(&id, value)?;
        let _turn = self.only_turn(main)?;
        if self.find(&id, main)?.is_some() {
            return Ok(false);
        }
        self.put(&id, &record, expires, main)?;
        Ok(true)
    }

    /// Adds to the number of a key, which is 0 if there is none, and returns the sum. A number that is there keeps its
    /// end.
    ///
    /// # Errors
    /// All kinds.
    pub fn increase(
        &self,
        key: &[u8],
        delta: i64,
        ttl: Duration,
        main: &Server,
    ) -> CacheAnswer<i64> {
        let id = id_of(key);
        let _turn = self.only_turn(main)?;
        let found = self.find(&id, main)?;
        let old = found
            .as_ref()
            .and_then(|found| CacheRecord::decode(&id, &found.record));
        let (number, expires) = match old {
            None => (0, self.end_of(ttl)),
            Some(old) => (old.number().ok_or(CacheRefusal::NotNumber)?, old.expires),
        };
        let sum = number.checked_add(delta).ok_or(CacheRefusal::Overflow)?;
        let text = sum.to_string();
        let value = text.as_bytes();
        self.check_size(&id, value)?;
        let kind = CachedKind::Json;
        let record = CacheRecord {
            kind,
            expires,
            value,
        }
        .encode(&id);
        self.put(&id, &record, expires, main)?;
        Ok(sum)
    }

    /// Removes a key. Returns whether it was there.
    ///
    /// # Errors
    /// `Lock`, `Provider`.
    pub fn delete(&self, key: &[u8], main: &Server) -> CacheAnswer<bool> {
        let id = id_of(key);
        let _turn = self.turn(main)?;
        // Providers with a lock do not all say it.
        let was_there = self.lock.is_none() || self.find(&id, main)?.is_some();
        Ok(self.store.remove(&id, main)? && was_there)
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

    /// Waits until this call is the only one, where the provider needs that.
    fn turn(&self, main: &Server) -> CacheAnswer<CacheTurn<'_>> {
        if let Some(lock) = &self.lock {
            lock.lock(Owner::this_thread())
                .map_err(CacheRefusal::Lock)?;
        }
        let turn = CacheTurn(self.lock.as_ref());
        if let Some(left) = self.redo.left() {
            self.do_again(left, main);
        }
        Ok(turn)
    }

    /// As `turn`, for what needs to be the only one anywhere.
    fn only_turn(&self, main: &Server) -> CacheAnswer<CacheTurn<'_>> {
        match self.lock {
            Some(_) => self.turn(main),
            None => Err(CacheRefusal::NotAtomic),
        }
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
        if kind.is_none() && !self.has_warned.swap(true, Ordering::Relaxed) {
            let text = format!(
                "the cache {} has entries that this module has not written, or that are not whole: they are taken \
                 for missing",
                self.line.name
            );
            main.log(Level::Warning, &text);
        }
        Ok(kind.map(|kind| FoundValue { kind, record }))
    }

    fn put(&self, id: &[u8], record: &[u8], expires: i64, main: &Server) -> CacheAnswer<()> {
        if self.lock.is_none() {
            return Ok(self.store.store(id, record, expires, main)?);
        }
        self.redo.begin(id, record, expires);
        let stored = self.store.store(id, record, expires, main);
        self.redo.end();
        Ok(stored?)
    }

    /// Stores what a process was storing when it died.
    #[cold]
    fn do_again(&self, left: LeftEntry, main: &Server) {
        let name = &self.line.name;
        let text = match left {
            LeftEntry::Whole(id, record, expires) => {
                match self.store.store(&id, &record, expires, main) {
                    Ok(()) => format!(
                        "a child died while it wrote to the cache {name}: its entry is written now"
                    ),
                    Err(error) => {
                        format!("a child died while it wrote to the cache {name}: {error}")
                    }
                }
            }
            LeftEntry::TooLong => {
                format!("a child died while it wrote to the cache {name}: its entry may be missing")
            }
        };
        self.redo.end();
        main.log(Level::Notice, &text);
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as i64)
}
