//! A map whose keys clients choose: when it is full, all of it is dropped.

use std::collections::HashMap;

use crate::locks::Lock;

/// Values by keys of bytes, for all threads. A value is dropped when the lock is free again: its end may run other code.
pub struct BoundedMap<V> {
    most: usize,
    values: Lock<HashMap<Vec<u8>, V>>,
}

impl<V: Clone> BoundedMap<V> {
    /// An empty map for at most so many values.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            values: Lock::short(HashMap::new()),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<V> {
        self.values.lock().get(key).cloned()
    }

    /// Sets the value of a key.
    pub fn insert(&self, key: Vec<u8>, value: V) {
        let mut values = self.values.lock();
        let all = match values.len() >= self.most && !values.contains_key(&key) {
            true => std::mem::take(&mut *values),
            false => HashMap::new(),
        };
        let before = values.insert(key, value);
        drop(values);
        drop((all, before));
    }

    /// Replaces the value of a key, if there is one and `change` makes another of it.
    pub fn update(&self, key: &[u8], change: impl FnOnce(&V) -> Option<V>) {
        let mut values = self.values.lock();
        let place = values.get_mut(key);
        let before = place.and_then(|value| Some(std::mem::replace(value, change(value)?)));
        drop(values);
        drop(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_emptied_when_it_is_full() {
        let map = BoundedMap::new(2);
        map.insert(b"a".to_vec(), 1);
        map.insert(b"b".to_vec(), 2);
        map.insert(b"b".to_vec(), 3);
        assert_eq!((map.get(b"a"), map.get(b"b")), (Some(1), Some(3)));
        map.insert(b"c".to_vec(), 4);
        assert_eq!(
            (map.get(b"a"), map.get(b"b"), map.get(b"c")),
            (None, None, Some(4))
        );
    }

    #[test]
    fn a_value_is_changed_if_it_is_there() {
        let map = BoundedMap::new(2);
        map.update(b"a", |_| Some(1));
        assert_eq!(map.get(b"a"), None);
        map.insert(b"a".to_vec(), 1);
        map.update(b"a", |one| Some(one + 1));
        map.update(b"a", |_| None);
        assert_eq!(map.get(b"a"), Some(2));
    }
}
