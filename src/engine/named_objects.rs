//! The objects that handlers name (`module::object`), of all handlers of this process: what a new version of a module
//! must not lack.

use std::collections::{BTreeMap, BTreeSet};

use crate::locks::Lock;

/// By what stands before the colons. Names are not taken out again: one that is no longer used does no harm.
static NAMED: Lock<BTreeMap<String, BTreeSet<String>>> = Lock::short(BTreeMap::new());

/// Notes that a handler names an object.
pub fn note(module: &str, object: &str) {
    let mut named = NAMED.lock();
    let objects = named.get(module);
    if objects.is_none_or(|objects| !objects.contains(object)) {
        let objects = named.entry(module.to_owned()).or_default();
        objects.insert(object.to_owned());
    }
}

/// All names of modules, or paths of their files, with each object that is named in them.
pub fn all() -> Vec<(String, String)> {
    let named = NAMED.lock();
    let pairs = named.iter().flat_map(|(module, objects)| {
        objects
            .iter()
            .map(|object| (module.clone(), object.clone()))
    });
    pairs.collect()
}
