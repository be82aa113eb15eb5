//! The options of a section (`PythonOption`).

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::text_table::{TextEntry, TextTable};

/// Options by name, which ignores case. Empty values mean "not set here".
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lower-case key → key as written, value.
    set: BTreeMap<String, (String, String)>,
    /// What `table` returned.
    table: OnceLock<Arc<TextTable>>,
}

impl Options {
    /// Whether no line of `PythonOption` stood in the section.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Sets an option.
    pub fn insert(&mut self, key: String, value: String) {
        self.table = OnceLock::new();
        self.set.insert(key.to_ascii_lowercase(), (key, value));
    }

    /// The value of an option, given by its lower-case key; empty if it was unset.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.set.get(key).map(|(_, value)| value.as_str())
    }

    /// The options that hold: key as written, and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set
            .values()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The options that hold, as a table. It is made at the first use and kept, so that requests share it.
    pub fn table(&self) -> Arc<TextTable> {
        let make = || {
            // Lines of a configuration hold no NUL.
            let entry =
                |(key, value): (&str, &str)| TextEntry::new(key.as_bytes(), Some(value.as_bytes()));
            Arc::new(self.iter().map(entry).collect())
        };
        self.table.get_or_init(make).clone()
    }

    /// The options of `inner`, a section inside of `outer` or after it: the inner value of each key holds. Where one of
    /// them has no options, the other one is shared.
    pub fn merged(outer: &Arc<Self>, inner: &Arc<Self>) -> Arc<Self> {
        if inner.is_empty() {
            return outer.clone();
        }
        if outer.is_empty() {
            return inner.clone();
        }
        let mut set = outer.set.clone();
        let entries = inner.set.iter();
        set.extend(entries.map(|(key, value)| (key.clone(), value.clone())));
        Arc::new(Self {
            set,
            table: OnceLock::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_shared_until_an_option_is_set() {
        let mut options = Options::default();
        options.insert("Size".into(), "9".into());
        let table = options.table();
        assert!(Arc::ptr_eq(&table, &options.table()));
        options.insert("other".into(), "1".into());
        assert_eq!(options.table().get(c"OTHER"), Some(&b"1"[..]));
        assert_eq!(table.get(c"other"), None);
    }

    #[test]
    fn a_section_without_options_shares_those_around_it() {
        let (outer, none) = (Arc::new(options(&[("a", "1")])), Arc::default());
        let merged = Options::merged(&outer, &none);
        assert!(Arc::ptr_eq(&merged.table(), &outer.table()));
    }

    fn options(entries: &[(&str, &str)]) -> Options {
        let mut options = Options::default();
        for (key, value) in entries {
            options.insert((*key).into(), (*value).into());
        }
        options
    }
}
