//! `CacheStore`: a cache that all children share, for `mod_python._cache`, which knows JSON, keys and times. Where a
//! call waits for other children, a disk or an engine on another machine, it lets go of the GIL.

use std::time::Duration;

use pyo3::exceptions::{
    PyLookupError, PyNotImplementedError, PyOSError, PyOverflowError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::caches;
use crate::caches::{CacheAnswer, CacheRefusal, CacheTurn, FoundValue, SharedCache};
use crate::engine::cache_record::{CachedKind, LONGEST_KEY};
use crate::httpd::server;
use crate::httpd::server::Server;
use crate::python::memory;
use crate::python::object::arguments::{boolean, given, none};
use crate::python::object::class::{Answer, Class, This};
use crate::python::object::members::{attributes, methods};
use crate::python::runtime::forked;
use crate::python::runtime::interpreter::release;
use crate::python::runtime::types::ClassId;
use crate::python::text::{decode, encode};

/// A cache, and the main server, in whose log its provider writes.
pub struct CacheStore(&'static SharedCache, &'static Server);

type Me<'a, 'py> = This<'a, 'py, CacheStore>;

impl Class for CacheStore {
    const NAME: &'static std::ffi::CStr = c"mod_python._apache.CacheStore";
    const DOC: &'static std::ffi::CStr = c"A cache that all children share.";
    const ID: ClassId = ClassId::CacheStore;
    methods! { CacheStore:
        /// Returns the value of key (str or bytes): bytes, or a str of JSON; None where there is none. Raises OSError when
        /// the provider fails.
        get(key) = get;
        /// Returns the values of a list of keys as a list, as get() does.
        get_many(keys) = get_many;
        /// Stores value (bytes), which is_json says to be a text of JSON, for ttl seconds (float); None for what
        /// PythonCache says. Raises ValueError for one that is too large, OSError when the provider fails.
        set(key, value, is_json, ttl) = set;
        /// As set(), if key has no value. Returns whether it had none. Raises NotImplementedError where that would not be
        /// atomic.
        add(key, value, is_json, ttl) = add;
        /// Adds delta (int) to the number of key, which is 0 where there is none, and returns the sum. Raises TypeError for
        /// a value that is no int, OverflowError beyond 64 bits, and what add() raises.
        incr(key, delta, ttl) = increase;
        /// Removes key. Returns whether it was there. Raises OSError when the provider fails.
        delete(key) = delete;
    }
    attributes! { CacheStore:
        /// The name of the provider (str).
        provider = provider;
        /// The longest time to live in seconds (float).
        longest_ttl = longest_ttl;
    }
}

impl CacheStore {
    /// The cache of this name.
    ///
    /// # Errors
    /// `LookupError`.
    pub fn of(name: &str) -> PyResult<Self> {
        let main = server::main();
        let caches = main.map_or(&[][..], caches::all);
        let cache = caches.iter().find(|cache| cache.line.name == name);
        if let Some((cache, main)) = cache.zip(main) {
            return Ok(Self(cache, main));
        }
        let names: Vec<_> = caches.iter().map(|cache| &*cache.line.name).collect();
        let there = match names.is_empty() {
            true => "none is declared".to_owned(),
            false => format!("there are {}", names.join(", ")),
        };
        Err(PyLookupError::new_err(format!(
            "there is no cache '{name}' ({there}): write PythonCache {name} shmcb:{name}(bytes) into the configuration"
        )))
    }

    /// Calls `f`: with the GIL where nothing waits, since to get it again can take longer than a look into memory; else
    /// without.
    fn call<R>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&CacheTurn<'_>) -> CacheAnswer<R>,
    ) -> PyResult<R> {
        forked::check(py, None);
        let Self(cache, main) = self;
        let done = match cache.turn_at_once(main) {
            Some(turn) => f(&turn),
            None => release(py, || f(&cache.turn(main)?)),
        };
        if cache.is_to_warn() {
            release(py, || cache.warn(main));
        }
        done.map_err(|refusal| self.refused(&refusal))
    }

    fn refused(&self, refusal: &CacheRefusal) -> PyErr {
        let line = &self.0.line;
        let text = format!("the cache {} ({}): {refusal}", line.name, line.provider);
        match refusal {
            CacheRefusal::TooLarge(..) => PyValueError::new_err(text),
            CacheRefusal::NotAtomic => PyNotImplementedError::new_err(text),
            CacheRefusal::NotNumber => PyTypeError::new_err(text),
            CacheRefusal::Overflow => PyOverflowError::new_err(text),
            CacheRefusal::Lock(_) | CacheRefusal::Provider(_) => PyOSError::new_err(text),
        }
    }

    /// A time to live in seconds.
    fn ttl(&self, ttl: &Bound<'_, PyAny>) -> PyResult<Duration> {
        let line = &self.0.line;
        let Some(ttl) = given(Some(ttl)) else {
            return Ok(line.ttl.min(line.longest_ttl()));
        };
        let seconds: f64 = ttl.extract()?;
        let time = Duration::try_from_secs_f64(seconds).ok();
        time.filter(|time| !time.is_zero() && *time <= line.longest_ttl())
            .ok_or_else(|| {
                PyValueError::new_err(format!(
                    "an entry of the cache {} ({}) lives for more than 0 and up to {} seconds, not {seconds}",
                    line.name,
                    line.provider,
                    line.longest_ttl().as_secs()
                ))
            })
    }
}

/// A key as bytes.
fn key_of(key: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let key = encode(key).map_err(
        |error| match error.is_instance_of::<PyTypeError>(key.py()) {
            true => PyTypeError::new_err(format!(
                "the key of a cache is a str or bytes, not {}",
                key.get_type()
            )),
            false => error,
        },
    )?;
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(PyValueError::new_err(format!(
            "the key of a cache has 1 to {LONGEST_KEY} bytes, and not {}: for longer ones take \
             hashlib.sha256(key).digest()",
            key.len()
        )));
    }
    Ok(key)
}

fn kind_of(is_json: &Bound<'_, PyAny>) -> PyResult<CachedKind> {
    Ok(match is_json.is_truthy()? {
        true => CachedKind::Json,
        false => CachedKind::Bytes,
    })
}

fn value<'py>(py: Python<'py>, found: Option<FoundValue>) -> Answer<'py> {
    match found {
        None => Ok(py.None().into_bound(py)),
        Some(found) if found.kind == CachedKind::Json => decode(py, found.bytes()),
        Some(found) => Ok(memory::bytes(py, found.bytes())?.into_any()),
    }
}

fn get<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> Answer<'py> {
    let key = key_of(key)?;
    let found = this.body().call(this.py(), |turn| turn.get(&key))?;
    value(this.py(), found)
}

fn get_many<'py>(this: &Me<'_, 'py>, keys: &Bound<'py, PyAny>) -> Answer<'py> {
    let keys = keys.cast::<PyList>()?;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| key_of(&key))
        .collect::<Result<_, _>>()?;
    let found = this.body().call(this.py(), |turn| turn.get_many(&keys))?;
    let values = PyList::empty(this.py());
    for found in found {
        values.append(value(this.py(), found)?)?;
    }
    Ok(values.into_any())
}

fn set<'py>(
    this: &Me<'_, 'py>,
    key: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
    is_json: &Bound<'py, PyAny>,
    ttl: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (key, kind, ttl) = (key_of(key)?, kind_of(is_json)?, this.body().ttl(ttl)?);
    let value = value.cast::<PyBytes>()?.as_bytes();
    this.body()
        .call(this.py(), |turn| turn.set(&key, kind, value, ttl))?;
    none(this)
}

fn add<'py>(
    this: &Me<'_, 'py>,
    key: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
    is_json: &Bound<'py, PyAny>,
    ttl: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (key, kind, ttl) = (key_of(key)?, kind_of(is_json)?, this.body().ttl(ttl)?);
    let value = value.cast::<PyBytes>()?.as_bytes();
    let was_free = this
        .body()
        .call(this.py(), |turn| turn.add(&key, kind, value, ttl))?;
    boolean(this.py(), was_free)
}

fn increase<'py>(
    this: &Me<'_, 'py>,
    key: &Bound<'py, PyAny>,
    delta: &Bound<'py, PyAny>,
    ttl: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let (key, delta, ttl) = (key_of(key)?, delta.extract()?, this.body().ttl(ttl)?);
    let sum = this
        .body()
        .call(this.py(), |turn| turn.increase(&key, delta, ttl))?;
    Ok(sum.into_pyobject(this.py())?.into_any())
}

fn delete<'py>(this: &Me<'_, 'py>, key: &Bound<'py, PyAny>) -> Answer<'py> {
    let key = key_of(key)?;
    let was_there = this.body().call(this.py(), |turn| turn.delete(&key))?;
    boolean(this.py(), was_there)
}

fn provider<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    decode(this.py(), this.body().0.line.provider.as_bytes())
}

fn longest_ttl<'py>(this: &Me<'_, 'py>) -> Answer<'py> {
    let seconds = this.body().0.line.longest_ttl().as_secs_f64();
    Ok(seconds.into_pyobject(this.py())?.into_any())
}
