//! Which extensions of files lead to Python by `AddHandler`, as mod_mime takes its lines and those of `RemoveHandler`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::phases::HANDLERS;

/// What the lines of one section say, or those of several merged ones. Extensions are in small letters, without a dot.
#[derive(Clone, Default)]
pub struct AddedExtensions {
    /// The extensions that `AddHandler` names, and whether the handler is Python's.
    added: BTreeMap<String, bool>,
    /// Those that `RemoveHandler` names in this section. They are taken away behind all lines of `AddHandler`.
    removed: BTreeSet<String>,
}

impl AddedExtensions {
    /// Notes a line of `AddHandler`.
    pub fn add(&mut self, handler: &str, extensions: &[String]) {
        let is_ours = HANDLERS.contains(&handler.to_ascii_lowercase().as_bytes());
        let named = extensions.iter().map(|one| (key(one), is_ours));
        self.added.extend(named);
    }

    /// Notes a line of `RemoveHandler`.
    pub fn remove(&mut self, extensions: &[String]) {
        self.removed.extend(extensions.iter().map(|one| key(one)));
    }

    /// Whether no line stood here.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// What holds in `inner`, a section inside of `outer` or after it.
    pub fn merged(outer: &Arc<Self>, inner: &Arc<Self>) -> Arc<Self> {
        if inner.is_empty() {
            return outer.clone();
        }
        if outer.is_empty() {
            return inner.clone();
        }
        let mut merged = Self::clone(outer);
        let removed = std::mem::take(&mut merged.removed);
        merged.added.retain(|one, _| !removed.contains(one));
        let added = inner.added.iter();
        merged
            .added
            .extend(added.map(|(one, is_ours)| (one.clone(), *is_ours)));
        merged.removed = inner.removed.clone();
        Arc::new(merged)
    }

    /// The extensions that lead to Python, in the order of the alphabet.
    pub fn of_python(&self) -> impl Iterator<Item = &str> {
        let ours = self.added.iter().filter(|(_, is_ours)| **is_ours);
        ours.map(|(one, _)| &**one)
            .filter(|one| !self.removed.contains(*one))
    }
}

fn key(extension: &str) -> String {
    let small = extension.to_ascii_lowercase();
    small.strip_prefix('.').unwrap_or(&small).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of lines such as `+mod_python .py .html` and `-.html`.
    fn section(lines: &[&str]) -> Arc<AddedExtensions> {
        let mut section = AddedExtensions::default();
        for line in lines {
            let words: Vec<String> = line[1..].split(' ').map(str::to_owned).collect();
            match line.starts_with('+') {
                true => section.add(&words[0], &words[1..]),
                false => section.remove(&words),
            }
        }
        Arc::new(section)
    }

    fn found(sections: &[&[&str]]) -> String {
        let none = Arc::new(AddedExtensions::default());
        let merged = sections.iter().fold(none, |outer, lines| {
            AddedExtensions::merged(&outer, &section(lines))
        });
        merged.of_python().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn both_names_of_the_handler_in_any_case_and_extensions_with_or_without_a_dot() {
        let lines = [
            "+Mod_Python .HTML xyz",
            "+python-program .tar.gz",
            "+cgi-script .cgi",
        ];
        assert_eq!(found(&[&lines]), "html tar.gz xyz");
        assert_eq!(found(&[&["+mod_python .a ..b"]]), ".b a");
    }

    #[test]
    fn an_inner_section_adds_and_takes_away() {
        let outer: &[&str] = &["+mod_python .py .html"];
        assert_eq!(found(&[outer, &["+mod_python .page"]]), "html page py");
        assert_eq!(found(&[outer, &["+cgi-script .py"]]), "html");
        assert_eq!(found(&[outer, &["-PY"]]), "html");
        assert_eq!(found(&[outer, &["-.py .html"], &["+mod_python .py"]]), "py");
        assert_eq!(found(&[outer, &[]]), "html py");
    }

    #[test]
    fn a_removal_comes_after_the_lines_of_its_section() {
        assert_eq!(found(&[&["-.py", "+mod_python .py .html"]]), "html");
        assert_eq!(found(&[&["-.py"], &["+mod_python .py"]]), "py");
        assert_eq!(
            found(&[&["+mod_python .py .html", "-.py"], &["+mod_python .page"]]),
            "html page"
        );
    }
}
