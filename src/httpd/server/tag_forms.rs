//! In which form the `ETag` of recent responses went out, strong or weak: in memory that all children share, of a fixed
//! size. A response without a body may have to say the same, and nothing in it tells which one that is.

use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Server;
use super::config;
use super::shared_memory::Shared;
use crate::httpd::apr::pool::Pool;

/// How many tags are known; a further one takes the place of another.
const PLACES: usize = 16_384;
/// The bit of a place that is set for a weak tag; the others are those of the key.
const WEAK: u64 = 1;

/// The forms of tags. Any thread, any child.
pub(in crate::httpd) struct TagForms([AtomicU64; PLACES]);

impl Default for TagForms {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// What a tag is known by, from these texts: the same in all children, and never that of an empty place.
fn key(server: usize, texts: &[&[u8]]) -> u64 {
    // The hashes of a map would differ from child to child.
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(server);
    texts.iter().for_each(|text| hasher.write(text));
    hasher.finish() & !WEAK | 1 << 63
}

impl TagForms {
    /// Notes the form in which a tag went out. One that was ever weak stays so: a filter may decide by the client, and
    /// caches find a response by either form if they are told the weak one (RFC 9111 §4.3.4).
    pub(in crate::httpd) fn note(&self, key: u64, weak: bool) {
        let place = self.place(key);
        let before = place.load(Ordering::Relaxed);
        let now = key | u64::from(weak);
        if before != now && before != key | WEAK {
            // Of two that are noted at once one is lost.
            place.store(now, Ordering::Relaxed);
        }
    }

    /// Whether a tag went out as a weak one; `None` if that is not known (any more).
    pub(in crate::httpd) fn is_weak(&self, key: u64) -> Option<bool> {
        let found = self.place(key).load(Ordering::Relaxed);
        (found & !WEAK == key).then_some(found & WEAK != 0)
    }

    fn place(&self, key: u64) -> &AtomicU64 {
        &self.0[(key >> 1) as usize % PLACES]
    }
}

/// Those of a configuration. First called in the parent, so that its children share them.
fn of_configuration(configuration: &Pool) -> &TagForms {
    let forms: &Shared<TagForms> = config::generation(configuration, c"mod_python.tag-forms");
    forms
}

/// Makes them for a configuration that was just read.
pub(in crate::httpd) fn make(configuration: &Pool) {
    of_configuration(configuration);
}

impl Server {
    /// What a tag of this server is known by: the tag, and the path and query of its URL.
    pub(in crate::httpd) fn tag_key(&self, tag: &[u8], path: &[u8], query: &[u8]) -> u64 {
        key(self.address().addr().get(), &[tag, path, query])
    }

    /// The forms of tags that all children know.
    pub(in crate::httpd) fn tag_forms(&self) -> &TagForms {
        of_configuration(self.configuration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_strong_until_it_was_weak() {
        let forms = Box::new(TagForms::default());
        let [one, other] = [key(1, &[b"one"]), key(1, &[b"other"])];
        assert_eq!(forms.is_weak(one), None);
        forms.note(one, false);
        assert_eq!(
            (forms.is_weak(one), forms.is_weak(other)),
            (Some(false), None)
        );
        forms.note(one, true);
        forms.note(one, false);
        assert_eq!(forms.is_weak(one), Some(true));
    }

    #[test]
    fn a_tag_in_the_place_of_another_is_not_taken_for_it() {
        let forms = Box::new(TagForms::default());
        let first = key(1, &[b"first"]);
        let second = first.wrapping_add(2 * PLACES as u64);
        forms.note(first, true);
        forms.note(second, false);
        assert_eq!(
            (forms.is_weak(first), forms.is_weak(second)),
            (None, Some(false))
        );
    }
}
