//! Hashes of names in the configuration: of modules, functions and folders, which are short, and which nobody who
//! sends requests can choose. The hashes of Rust's own maps are made against such a choice, and take longer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by names of the configuration.
pub type NameMap<V> = HashMap<String, V, BuildHasherDefault<NameHash>>;

/// FNV-1a with 64 bits.
pub struct NameHash(u64);

impl Default for NameHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_fnv_1a() {
        for (text, hash) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let mut hasher = NameHash::default();
            hasher.write(text.as_bytes());
            assert_eq!(hasher.finish(), hash, "{text}");
        }
    }
}
