//! A table of texts that no pool owns: what `apr_table_t` keeps, with the same rules for keys and order.

use std::ffi::CStr;

/// A key and a value, without NULs, in one piece of memory. A value is `None` where httpd's table, of which this is a
/// copy, has a null pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEntry {
    /// The key and behind it the value.
    text: Box<[u8]>,
    key_length: usize,
    has_value: bool,
}

impl TextEntry {
    /// An entry of copies.
    pub fn new(key: &[u8], value: Option<&[u8]>) -> Self {
        let given = value.unwrap_or_default();
        let mut text = Vec::with_capacity(key.len() + given.len());
        text.extend_from_slice(key);
        text.extend_from_slice(given);
        Self {
            text: text.into(),
            key_length: key.len(),
            has_value: value.is_some(),
        }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.text[..self.key_length]
    }

    /// The value.
    pub fn value(&self) -> Option<&[u8]> {
        self.has_value.then(|| &self.text[self.key_length..])
    }

    fn has_key(&self, key: &CStr) -> bool {
        self.key().eq_ignore_ascii_case(key.to_bytes())
    }
}

/// Entries in order of arrival. Keys ignore the case of ASCII letters, and may have several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTable(Vec<TextEntry>);

impl TextTable {
    /// The number of entries, repeated keys counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All entries in order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.0.iter().map(|entry| (entry.key(), entry.value()))
    }

    /// The value of the first entry of a key.
    pub fn get(&self, key: &CStr) -> Option<&[u8]> {
        self.0.iter().find(|entry| entry.has_key(key))?.value()
    }

    /// Adds an entry, keeping those of the same key.
    pub fn add(&mut self, key: &CStr, value: Option<&CStr>) {
        let value = value.map(CStr::to_bytes);
        self.push(TextEntry::new(key.to_bytes(), value));
    }

    /// As `add`, with an entry that is made already.
    pub fn push(&mut self, entry: TextEntry) {
        self.0.push(entry);
    }

    /// Replaces all entries of a key by one. It takes the place of the first of them, whose key stays as written.
    pub fn set(&mut self, key: &CStr, value: &CStr) {
        let Some(first) = self.0.iter().position(|entry| entry.has_key(key)) else {
            return self.add(key, Some(value));
        };
        self.0[first] = TextEntry::new(self.0[first].key(), Some(value.to_bytes()));
        let mut index = 0;
        self.0.retain(|entry| {
            index += 1;
            index - 1 <= first || !entry.has_key(key)
        });
    }

    /// Removes all entries of a key.
    pub fn unset(&mut self, key: &CStr) {
        self.0.retain(|entry| !entry.has_key(key));
    }

    /// Removes the last entry and returns it.
    pub fn pop(&mut self) -> Option<TextEntry> {
        self.0.pop()
    }
}

impl FromIterator<TextEntry> for TextTable {
    fn from_iter<I: IntoIterator<Item = TextEntry>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&CStr, &CStr)]) -> TextTable {
        let mut table = TextTable::default();
        entries
            .iter()
            .for_each(|(key, value)| table.add(key, Some(value)));
        table
    }

    #[test]
    fn a_key_has_several_values_and_ignores_case() {
        let table = table(&[(c"A", c"1"), (c"b", c"2"), (c"a", c"3")]);
        assert_eq!(table.get(c"a"), Some(&b"1"[..]));
        assert_eq!(table.get(c"c"), None);
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn set_keeps_the_place_and_the_key_of_the_first_entry() {
        let mut changed = table(&[(c"z", c"0"), (c"A", c"1"), (c"b", c"2"), (c"a", c"3")]);
        changed.set(c"a", c"4");
        changed.set(c"new", c"5");
        let wanted = [(c"z", c"0"), (c"A", c"4"), (c"b", c"2"), (c"new", c"5")];
        assert_eq!(changed, table(&wanted));
    }

    #[test]
    fn unset_removes_all_values_and_pop_the_last_entry() {
        let mut changed = table(&[(c"A", c"1"), (c"b", c"2"), (c"a", c"3"), (c"b", c"4")]);
        changed.unset(c"a");
        assert_eq!(changed, table(&[(c"b", c"2"), (c"b", c"4")]));
        assert_eq!(changed.pop(), Some(TextEntry::new(b"b", Some(b"4"))));
        assert_eq!(changed, table(&[(c"b", c"2")]));
    }

    #[test]
    fn an_entry_without_a_value_has_none() {
        let mut table = TextTable::default();
        table.add(c"a", None);
        assert_eq!(table.get(c"a"), None);
        assert_eq!(table.entries().next(), Some((&b"a"[..], None)));
    }
}
