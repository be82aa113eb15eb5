//! httpd's caches of small objects (`ap_socache.h`): the providers that modules such as mod_socache_shmcb bring, and
//! the caches that they make.

use std::ffi::{CStr, c_uchar, c_uint};
use std::ptr::null_mut;
use std::sync::OnceLock;

use super::Server;
use crate::httpd::apr::pool::{OwnPool, Pool};
use crate::httpd::cstr::c_bytes;
use crate::httpd::ffi;
use crate::httpd::status::Error;

/// What providers are told of the entries: the bytes of an id, and of a record.
static HINTS: ffi::ap_socache_hints = ffi::ap_socache_hints {
    avg_id_len: 32,
    avg_obj_size: 480,
    expiry_interval: 30_000_000,
};

/// A provider of caches.
#[derive(Clone, Copy)]
pub struct CacheProvider(*const ffi::ap_socache_provider_t);

impl CacheProvider {
    /// The provider of this name, if a module that is loaded has it.
    pub fn find(name: &CStr) -> Option<Self> {
        let (group, version) = (
            ffi::AP_SOCACHE_PROVIDER_GROUP,
            ffi::AP_SOCACHE_PROVIDER_VERSION,
        );
        // SAFETY: NUL-terminated texts.
        let found = unsafe {
            ffi::ap_lookup_provider(
                group.as_ptr().cast(),
                name.as_ptr(),
                version.as_ptr().cast(),
            )
        };
        (!found.is_null()).then_some(Self(found.cast()))
    }

    /// Makes a cache, which is not there yet: its argument is looked at.
    ///
    /// # Errors
    /// What the provider says of the argument.
    pub fn create(self, argument: &CStr, configuration: &Pool) -> Result<ObjectCache, String> {
        let temporary = OwnPool::new();
        let mut instance = null_mut();
        let text = configuration.copy_text(argument.to_bytes());
        let text = if argument.is_empty() {
            null_mut()
        } else {
            text
        };
        let create = self.record().create.ok_or("it makes no caches")?;
        // SAFETY: a provider's function, a place for the cache, a text and two pools that live.
        let error = unsafe {
            create(
                &raw mut instance,
                text,
                temporary.as_ptr(),
                configuration.as_ptr(),
            )
        };
        // SAFETY: null, or a text that lives as long as the pools.
        match unsafe { c_bytes(error) } {
            None => Ok(ObjectCache {
                provider: self,
                instance,
                destroys: None,
                kept: OnceLock::new(),
            }),
            Some(error) => Err(String::from_utf8_lossy(error).into_owned()),
        }
    }

    fn record(&self) -> &ffi::ap_socache_provider_t {
        // SAFETY: a module's static record; the module is loaded as long as the configuration lives.
        unsafe { &*self.0 }
    }
}

/// A cache of a provider's. It lives as long as the configuration.
pub struct ObjectCache {
    provider: CacheProvider,
    instance: *mut ffi::ap_socache_instance_t,
    /// The process that has opened it and destroys it, and the main server.
    destroys: Option<(u32, *mut ffi::server_rec)>,
    /// For what the provider needs during a call, where calls come one at a time: a new pool is two system calls.
    kept: OnceLock<OwnPool>,
}

// SAFETY: the provider is safe to call from all threads, or its calls are serialized (`needs_lock`).
unsafe impl Send for ObjectCache {}
// SAFETY: as above.
unsafe impl Sync for ObjectCache {}

impl ObjectCache {
    /// Whether calls must come one at a time, of all threads and processes.
    pub fn needs_lock(&self) -> bool {
        self.provider.record().flags & ffi::AP_SOCACHE_FLAG_NOTMPSAFE != 0
    }

    /// Opens the cache, in httpd's parent before there are children. `destroy`: whether what it has is removed with
    /// the configuration.
    ///
    /// # Errors
    /// What the provider answers; it may have logged more.
    pub fn open(
        &mut self,
        name: &CStr,
        main: &Server,
        configuration: &Pool,
        destroy: bool,
    ) -> Result<(), Error> {
        let name = configuration.copy_text(name.to_bytes());
        let open = self.provider.record().init.ok_or(Error::GENERAL)?;
        // SAFETY: a provider's function with its cache, texts and pools that live as long as that.
        let status = unsafe {
            open(
                self.instance,
                name,
                &raw const HINTS,
                main.as_ptr(),
                configuration.as_ptr(),
            )
        };
        Error::check(status)?;
        self.destroys = destroy.then(|| (std::process::id(), main.as_ptr()));
        Ok(())
    }

    /// Stores an entry until `expires`, in microseconds since 1970.
    ///
    /// # Errors
    /// What the provider answers; it may have logged more.
    pub fn store(
        &self,
        id: &[u8],
        record: &[u8],
        expires: i64,
        main: &Server,
    ) -> Result<(), Error> {
        self.store_for(main.as_ptr(), id, record, expires)
    }

    /// Calls `f` with a pool for the time of the call.
    fn with_pool<R>(&self, f: impl FnOnce(*mut ffi::apr_pool_t) -> R) -> R {
        if !self.needs_lock() {
            return f(OwnPool::new().as_ptr());
        }
        let pool = self.kept.get_or_init(OwnPool::new).as_ptr();
        let result = f(pool);
        // SAFETY: our pool, which no other call uses, and nothing in it is needed any more.
        unsafe { ffi::apr_pool_clear(pool) };
        result
    }

    fn store_for(
        &self,
        server: *mut ffi::server_rec,
        id: &[u8],
        record: &[u8],
        expires: i64,
    ) -> Result<(), Error> {
        let store = self.provider.record().store.ok_or(Error::GENERAL)?;
        // SAFETY: a provider's function with its cache; it reads the bytes and keeps none of the pointers.
        Error::check(self.with_pool(|pool| unsafe {
            store(
                self.instance,
                server,
                id.as_ptr(),
                length(id),
                expires,
                record.as_ptr().cast_mut(),
                length(record),
                pool,
            )
        }))
    }

    /// The entry of an id, if it is there, of at most `most` bytes.
    ///
    /// # Errors
    /// What the provider answers; it may have logged more.
    pub fn retrieve(
        &self,
        id: &[u8],
        most: usize,
        main: &Server,
    ) -> Result<Option<Vec<u8>>, Error> {
        let retrieve = self.provider.record().retrieve.ok_or(Error::GENERAL)?;
        let mut record: Vec<c_uchar> = Vec::new();
        record
            .try_reserve_exact(most)
            .map_err(|_| Error::NO_MEMORY)?;
        let mut length_of_record = c_uint::try_from(most).unwrap_or(c_uint::MAX);
        // SAFETY: a provider's function with its cache, and room for that many bytes.
        let status = self.with_pool(|pool| unsafe {
            retrieve(
                self.instance,
                main.as_ptr(),
                id.as_ptr(),
                length(id),
                record.as_mut_ptr(),
                &raw mut length_of_record,
                pool,
            )
        });
        if status == ffi::APR_NOTFOUND as i32 {
            return Ok(None);
        }
        Error::check(status)?;
        // SAFETY: the provider has written that many bytes, at most as many as there is room for.
        unsafe { record.set_len((length_of_record as usize).min(most)) };
        Ok(Some(record))
    }

    /// Removes the entry of an id. Returns False if it was not there, as far as the provider knows.
    ///
    /// # Errors
    /// What the provider answers; it may have logged more.
    pub fn remove(&self, id: &[u8], main: &Server) -> Result<bool, Error> {
        let remove = self.provider.record().remove.ok_or(Error::GENERAL)?;
        // SAFETY: a provider's function with its cache.
        let status = self.with_pool(|pool| unsafe {
            remove(self.instance, main.as_ptr(), id.as_ptr(), length(id), pool)
        });
        match status == ffi::APR_NOTFOUND as i32 {
            true => Ok(false),
            false => Error::check(status).map(|()| true),
        }
    }

    /// How many bytes the id and the record of an entry may have together, found by storing entries under this id; at
    /// most `bound`. Nobody else uses the cache yet.
    pub fn find_largest(&self, id: &[u8], expires: i64, bound: usize, main: &Server) -> usize {
        // A provider logs an error for each entry that is too large.
        let mut silent = *main.raw();
        silent.log.level = ffi::APLOG_EMERG as i32;
        silent.log.module_levels = null_mut();
        let mut bytes = Vec::new();
        let mut fits = |size: usize| {
            if bytes.len() < size {
                bytes.resize(size, 0);
            }
            let record = &bytes[..size - id.len()];
            self.store_for(&raw mut silent, id, record, expires).is_ok()
        };
        // `low` fits, `high` does not, unless it is the bound.
        let (mut low, mut high) = (id.len(), 2 * id.len());
        while high < bound && fits(high) {
            (low, high) = (high, high * 2);
        }
        high = high.min(bound + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match fits(middle) {
                true => low = middle,
                false => high = middle,
            }
        }
        let _ = self.remove(id, main);
        low
    }
}

impl Drop for ObjectCache {
    fn drop(&mut self) {
        // The copies of children are not theirs to destroy.
        let Some((process, server)) = self.destroys else {
            return;
        };
        let destroy = self.provider.record().destroy;
        if let Some(destroy) = destroy.filter(|_| process == std::process::id()) {
            // SAFETY: a provider's function with its cache, which nobody uses any more.
            unsafe { destroy(self.instance, server) };
        }
    }
}

fn length(bytes: &[u8]) -> c_uint {
    c_uint::try_from(bytes.len()).unwrap_or(c_uint::MAX)
}
