//! Hashes of names in the configuration: of modules, functions and folders, which nobody who sends requests can choose.
//! The hashes of Rust's own maps are made against such a choice, and take longer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by names of the configuration.
pub type NameMap<V> = HashMap<String, V, BuildHasherDefault<NameHash>>;

/// A hash that takes eight bytes at a time, as the one of the Rust compiler does (FxHash).
#[derive(Default)]
pub struct NameHash(u64);

impl NameHash {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for NameHash {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.add(word.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            self.add(rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
        }
    }

    fn finish(&self) -> u64 {
        // The upper bits are the best ones, and the map takes the lower ones, too.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    #[test]
    fn names_that_differ_a_little_have_hashes_of_their_own() {
        let names = (0..10_000).map(|number| format!("/srv/www/site{number}/handlers"));
        let build = BuildHasherDefault::<NameHash>::default();
        let hashes: HashSet<u64> = names.map(|name| build.hash_one(name)).collect();
        assert_eq!(hashes.len(), 10_000);
        let lower: HashSet<u64> = hashes.iter().map(|hash| hash & 0xffff).collect();
        assert!(lower.len() > 8_000, "{} of 65,536", lower.len());
    }
}
