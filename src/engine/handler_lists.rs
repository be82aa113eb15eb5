//! The lists of handlers of a section: for each phase one for all requests, and one for each
//! extension.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::handlers::{Handler, HandlerList, extension};
use super::phase_table::COUNT;
use super::phases::Phase;

/// Handlers, in order.
pub type List = Arc<[Handler]>;

/// The lists of one phase.
#[derive(Clone, Default)]
struct OfPhase {
    for_all: Option<List>,
    by_extension: BTreeMap<String, List>,
}

/// The lists of a section, or of several merged ones.
#[derive(Clone, Default)]
pub struct Lists([Option<Arc<OfPhase>>; COUNT]);

/// A list that was chosen for a request.
#[derive(Clone, Copy)]
pub struct Chosen<'a> {
    /// The handlers.
    pub list: &'a List,
    /// The extension that chose them, if one did.
    pub extension: Option<&'a str>,
}

impl Lists {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether a phase has any.
    pub fn has(&self, phase: Phase) -> bool {
        self.0[phase as usize].is_some()
    }

    /// Appends to the list of a phase, or to those of its extensions.
    pub fn add(&mut self, phase: Phase, new: &HandlerList) {
        let of_phase = Arc::make_mut(self.0[phase as usize].get_or_insert_default());
        let append = |old: Option<&List>| -> List {
            let old = old.map_or(&[][..], |list| list);
            old.iter().chain(&new.handlers).cloned().collect()
        };
        if new.extensions.is_empty() {
            of_phase.for_all = Some(append(of_phase.for_all.as_ref()));
        }
        for extension in &new.extensions {
            let list = append(of_phase.by_extension.get(extension));
            of_phase.by_extension.insert(extension.clone(), list);
        }
    }

    /// The lists of the section `inner` inside of this one: its lists replace those of the same phase and
    /// extension as a whole.
    pub fn overlaid(&self, inner: &Self) -> Self {
        let mut merged = self.clone();
        for (mine, theirs) in merged.0.iter_mut().zip(&inner.0) {
            match (mine.as_mut(), theirs) {
                (_, None) => {}
                (None, Some(theirs)) => *mine = Some(theirs.clone()),
                (Some(mine), Some(theirs)) => {
                    let mine = Arc::make_mut(mine);
                    if theirs.for_all.is_some() {
                        mine.for_all.clone_from(&theirs.for_all);
                    }
                    let lists = theirs.by_extension.iter();
                    mine.by_extension
                        .extend(lists.map(|(key, list)| (key.clone(), list.clone())));
                }
            }
        }
        merged
    }

    /// The list of a phase for a request for this file: the one of its extension, else the one for all requests.
    pub fn choose<'a>(&'a self, phase: Phase, filename: Option<&'a [u8]>) -> Option<Chosen<'a>> {
        let of_phase = self.0[phase as usize].as_ref()?;
        if !of_phase.by_extension.is_empty() {
            let extension = filename.and_then(extension);
            if let Some((extension, list)) =
                extension.and_then(|extension| of_phase.by_extension.get_key_value(extension))
            {
                return Some(Chosen {
                    list,
                    extension: Some(extension),
                });
            }
        }
        let list = of_phase.for_all.as_ref()?;
        Some(Chosen {
            list,
            extension: None,
        })
    }

    /// Every handler of every list.
    pub fn handlers(&self) -> impl Iterator<Item = &Handler> {
        self.0.iter().flatten().flat_map(|of_phase| {
            let lists = of_phase
                .for_all
                .iter()
                .chain(of_phase.by_extension.values());
            lists.flat_map(|list| list.iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handlers::Home;

    fn list(text: &str) -> HandlerList {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        HandlerList::parse(&words, &Home::None, &"test.conf:1".into()).unwrap()
    }

    fn names(lists: &Lists, file: &str) -> Vec<String> {
        let chosen = lists.choose(Phase::Content, Some(file.as_bytes()));
        chosen.map_or(Vec::new(), |chosen| {
            chosen.list.iter().map(Handler::text).collect()
        })
    }

    #[test]
    fn lists_grow_in_a_section_and_are_replaced_between_sections() {
        let mut outer = Lists::default();
        assert!(outer.is_empty());
        outer.add(Phase::Content, &list("a"));
        outer.add(Phase::Content, &list("b"));
        outer.add(Phase::Content, &list("p | .py"));
        assert_eq!(names(&outer, "/x/y.html"), ["a", "b"]);
        assert_eq!(names(&outer, "/x/y.py"), ["p"]);
        let mut inner = Lists::default();
        inner.add(Phase::Content, &list("c"));
        inner.add(Phase::Log, &list("l"));
        let merged = outer.overlaid(&inner);
        assert_eq!(names(&merged, "/x/y.html"), ["c"]);
        assert_eq!(names(&merged, "/x/y.py"), ["p"]);
        assert!(merged.has(Phase::Log) && !merged.has(Phase::Type));
        assert_eq!(merged.handlers().count(), 3);
        let chosen = merged.choose(Phase::Content, Some(b"/x/y.py"));
        assert_eq!(chosen.unwrap().extension, Some(".py"));
    }

    #[test]
    fn a_list_keeps_its_identity_where_sections_meet() {
        let mut outer = Lists::default();
        outer.add(Phase::Init, &list("a"));
        let mut inner = Lists::default();
        inner.add(Phase::Content, &list("c"));
        let merged = outer.overlaid(&inner);
        let of = |lists: &Lists| lists.choose(Phase::Init, None).unwrap().list.clone();
        assert!(Arc::ptr_eq(&of(&outer), &of(&merged)));
    }
}
