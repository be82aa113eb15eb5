//! What a call does to a cache.

use std::time::Duration;

use super::{CacheAnswer, CacheRefusal, CacheTurn, FoundValue};
use crate::engine::cache_record::{CacheRecord, CachedKind, id_of};

impl CacheTurn<'_> {
    /// The value of a key.
    ///
    /// # Errors
    /// `Provider`.
    pub fn get(&self, key: &[u8]) -> CacheAnswer<Option<FoundValue>> {
        self.cache.find(&id_of(key), self.main)
    }

    /// The values of keys, in their order.
    ///
    /// # Errors
    /// `Provider`.
    pub fn get_many(&self, keys: &[Vec<u8>]) -> CacheAnswer<Vec<Option<FoundValue>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Stores a value.
    ///
    /// # Errors
    /// `TooLarge`, `Provider`.
    pub fn set(
        &self,
        key: &[u8],
        kind: CachedKind,
        value: &[u8],
        ttl: Duration,
    ) -> CacheAnswer<()> {
        let expires = self.cache.end_of(ttl);
        self.put(
            &id_of(key),
            &CacheRecord {
                kind,
                expires,
                value,
            },
        )
    }

    /// Stores a value if the key has none. Returns whether it did.
    ///
    /// # Errors
    /// `NotAtomic`, `TooLarge`, `Provider`.
    pub fn add(
        &self,
        key: &[u8],
        kind: CachedKind,
        value: &[u8],
        ttl: Duration,
    ) -> CacheAnswer<bool> {
        let (id, expires) = (id_of(key), self.cache.end_of(ttl));
        self.check_atomic()?;
        if self.cache.find(&id, self.main)?.is_some() {
            return Ok(false);
        }
        self.put(
            &id,
            &CacheRecord {
                kind,
                expires,
                value,
            },
        )?;
        Ok(true)
    }

    /// Adds to the number of a key, which is 0 if there is none, and returns the sum. A number that is there keeps its
    /// end.
    ///
    /// # Errors
    /// All kinds but `Lock`.
    pub fn increase(&self, key: &[u8], delta: i64, ttl: Duration) -> CacheAnswer<i64> {
        let id = id_of(key);
        self.check_atomic()?;
        let found = self.cache.find(&id, self.main)?;
        let old = found
            .as_ref()
            .and_then(|found| CacheRecord::decode(&id, &found.record));
        let (number, expires) = match old {
            None => (0, self.cache.end_of(ttl)),
            Some(old) => (old.number().ok_or(CacheRefusal::NotNumber)?, old.expires),
        };
        let sum = number.checked_add(delta).ok_or(CacheRefusal::Overflow)?;
        let text = sum.to_string();
        let record = CacheRecord {
            kind: CachedKind::Json,
            expires,
            value: text.as_bytes(),
        };
        self.put(&id, &record)?;
        Ok(sum)
    }

    /// Removes a key. Returns whether it was there.
    ///
    /// # Errors
    /// `Provider`.
    pub fn delete(&self, key: &[u8]) -> CacheAnswer<bool> {
        let (id, cache) = (id_of(key), self.cache);
        // Providers with a lock do not all say it.
        let was_there = cache.lock.is_none() || cache.find(&id, self.main)?.is_some();
        Ok(cache.store.remove(&id, self.main)? && was_there)
    }

    fn put(&self, id: &[u8], record: &CacheRecord<'_>) -> CacheAnswer<()> {
        self.cache.check_size(id, record.value)?;
        let bytes = record.encode(id);
        self.cache.put(id, bytes, record.expires, self.main)
    }

    /// Refuses what needs to be the only call anywhere.
    fn check_atomic(&self) -> CacheAnswer<()> {
        match self.cache.lock {
            Some(_) => Ok(()),
            None => Err(CacheRefusal::NotAtomic),
        }
    }
}
