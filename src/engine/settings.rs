//! What the directives of a section say, and what holds when sections meet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::filters::{Filter, Way};
use super::handlers::{Handler, HandlerList, extension};
use super::phases::Phase;

/// A list of handlers, and the extension it is for (`None`: all requests).
type Lists = BTreeMap<(Phase, Option<String>), Arc<[Handler]>>;

/// The settings of one section, or of several merged ones. Unset is a value of its own.
#[derive(Clone, Default)]
pub struct Settings {
    /// `PythonInterpreter`.
    pub interpreter: Option<Arc<str>>,
    /// `PythonPath`: a Python expression.
    pub path: Option<Arc<str>>,
    /// `PythonGracefulTimeout`.
    pub graceful_timeout: Option<Duration>,
    /// `PythonDebug`.
    pub debug: Option<bool>,
    /// `PythonOption`: lower-case key → key as written, value. Empty values mean "not set here".
    pub options: Arc<BTreeMap<String, (String, String)>>,
    /// The handlers of each phase.
    pub handlers: Arc<Lists>,
    /// The filters declared here, by way and number.
    pub filters: Arc<BTreeMap<(Way, usize), Arc<Filter>>>,
}

impl Settings {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.interpreter.is_none()
            && self.path.is_none()
            && self.debug.is_none()
            && self.graceful_timeout.is_none()
            && self.options.is_empty()
            && self.handlers.is_empty()
            && self.filters.is_empty()
    }

    /// What holds in `inner`, a section inside (or after) `outer`: the inner one wins, per key. A
    /// list of handlers replaces the outer list of the same phase and extension as a whole.
    pub fn merged(outer: &Self, inner: &Self) -> Self {
        Self {
            interpreter: inner
                .interpreter
                .clone()
                .or_else(|| outer.interpreter.clone()),
            path: inner.path.clone().or_else(|| outer.path.clone()),
            debug: inner.debug.or(outer.debug),
            graceful_timeout: inner.graceful_timeout.or(outer.graceful_timeout),
            options: overlay(&outer.options, &inner.options),
            handlers: overlay(&outer.handlers, &inner.handlers),
            filters: overlay(&outer.filters, &inner.filters),
        }
    }

    /// Appends to the section's list of a phase.
    pub fn add_handlers(&mut self, phase: Phase, list: &HandlerList) {
        let lists = Arc::make_mut(&mut self.handlers);
        let keys: Vec<Option<String>> = match list.extensions.as_slice() {
            [] => vec![None],
            extensions => extensions.iter().cloned().map(Some).collect(),
        };
        for extension in keys {
            let entry = lists.entry((phase, extension)).or_default();
            *entry = entry.iter().chain(&list.handlers).cloned().collect();
        }
    }

    /// The handlers of a phase for a request for this file: the list of its extension, else the one
    /// for all.
    pub fn handlers(&self, phase: Phase, filename: Option<&str>) -> Option<&Arc<[Handler]>> {
        if self.handlers.is_empty() {
            return None;
        }
        filename
            .and_then(extension)
            .and_then(|extension| self.handlers.get(&(phase, Some(extension.to_owned()))))
            .or_else(|| self.handlers.get(&(phase, None)))
    }

    /// The options that hold, as written.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options
            .values()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn overlay<K: Ord + Clone, V: Clone>(
    outer: &Arc<BTreeMap<K, V>>,
    inner: &Arc<BTreeMap<K, V>>,
) -> Arc<BTreeMap<K, V>> {
    if inner.is_empty() {
        return outer.clone();
    }
    if outer.is_empty() {
        return inner.clone();
    }
    let mut merged = BTreeMap::clone(outer);
    merged.extend(
        inner
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    Arc::new(merged)
}

#[cfg(test)]
mod tests {
    use super::super::handlers::Home;
    use super::*;

    fn list(text: &str) -> HandlerList {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        HandlerList::parse(&words, &Home::None, &"test.conf:1".into()).unwrap()
    }

    fn names(settings: &Settings, file: &str) -> Vec<String> {
        let list = settings.handlers(Phase::Content, Some(file));
        list.map_or(Vec::new(), |list| list.iter().map(Handler::text).collect())
    }

    #[test]
    fn the_inner_section_wins_where_it_says_something() {
        let outer = Settings {
            interpreter: Some("a".into()),
            debug: Some(true),
            ..Settings::default()
        };
        let inner = Settings {
            debug: Some(false),
            ..Settings::default()
        };
        let merged = Settings::merged(&outer, &inner);
        assert_eq!(merged.interpreter.as_deref(), Some("a"));
        assert_eq!(merged.debug, Some(false));
        assert!(Settings::merged(&Settings::default(), &Settings::default()).is_empty());
        assert!(!outer.is_empty());
    }

    #[test]
    fn options_merge_by_key_and_empty_ones_are_unset() {
        let option = |key: &str, value: &str| {
            let mut settings = Settings::default();
            Arc::make_mut(&mut settings.options)
                .insert(key.to_lowercase(), (key.to_owned(), value.to_owned()));
            settings
        };
        let both = Settings::merged(&option("Color", "red"), &option("size", "9"));
        assert_eq!(
            both.options().collect::<Vec<_>>(),
            [("Color", "red"), ("size", "9")]
        );
        let unset = Settings::merged(&both, &option("color", ""));
        assert_eq!(unset.options().collect::<Vec<_>>(), [("size", "9")]);
    }

    #[test]
    fn lists_grow_in_a_section_and_are_replaced_between_sections() {
        let mut outer = Settings::default();
        outer.add_handlers(Phase::Content, &list("a"));
        outer.add_handlers(Phase::Content, &list("b"));
        outer.add_handlers(Phase::Content, &list("p | .py"));
        assert_eq!(names(&outer, "/x/y.html"), ["a", "b"]);
        assert_eq!(names(&outer, "/x/y.py"), ["p"]);
        let mut inner = Settings::default();
        inner.add_handlers(Phase::Content, &list("c"));
        let merged = Settings::merged(&outer, &inner);
        assert_eq!(names(&merged, "/x/y.html"), ["c"]);
        assert_eq!(names(&merged, "/x/y.py"), ["p"]);
        assert!(merged.handlers(Phase::Type, Some("/x/y.py")).is_none());
    }
}
