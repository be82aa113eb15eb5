//! The filters of a configuration, and the numbers of their entry points.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filters::DeclaredFilter;
use crate::filter_chain::Direction;

/// The filters of a configuration: for each name and direction a number, and the first declaration.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<(Direction, String), usize>,
    first: BTreeMap<(Direction, usize), Arc<DeclaredFilter>>,
}

impl Registry {
    /// The number of a filter's entry point, and whether the name is new. Names ignore case.
    ///
    /// # Errors
    /// A sentence: there are no more entry points than `limit`, or the name has another kind.
    pub fn number(
        &mut self,
        direction: Direction,
        filter: &Arc<DeclaredFilter>,
        limit: usize,
    ) -> Result<(usize, bool), String> {
        let key = (direction, filter.name.to_lowercase());
        if let Some(number) = self.entries.get(&key) {
            let first = self.first.get(&(direction, *number));
            if let Some(first) = first.filter(|first| first.kind != filter.kind) {
                return Err(format!(
                    "a filter '{}' of kind={} was declared at {}: write another name for one of \
                     kind={}",
                    filter.name,
                    first.kind.name(),
                    first.handler.source,
                    filter.kind.name()
                ));
            }
            // Each declaration is given one number.
            let _ = filter.number.set(*number);
            return Ok((*number, false));
        }
        let number = self
            .entries
            .keys()
            .filter(|(other, _)| *other == direction)
            .count();
        if number >= limit {
            return Err(format!(
                "there is room for {limit} filters in each direction, and no more: declare one name with \
                 different handlers in different sections instead"
            ));
        }
        let _ = filter.number.set(number);
        self.entries.insert(key, number);
        self.first.insert((direction, number), filter.clone());
        Ok((number, true))
    }

    /// All names of a direction, each with its number and its first declaration.
    pub fn all(&self, direction: Direction) -> impl Iterator<Item = (usize, &Arc<DeclaredFilter>)> {
        let of_direction =
            move |((one, number), filter)| (one == direction).then_some((number, filter));
        self.first
            .iter()
            .filter_map(move |(key, filter)| of_direction((*key, filter)))
    }

    /// All names, in lower case, with their numbers.
    pub fn names(&self) -> Vec<(Direction, String, usize)> {
        let named = |((direction, name), number): (&(Direction, String), &usize)| {
            (*direction, name.clone(), *number)
        };
        self.entries.iter().map(named).collect()
    }

    /// The first declaration of this name.
    pub fn named(&self, direction: Direction, name: &str) -> Option<Arc<DeclaredFilter>> {
        let number = self.entries.get(&(direction, name.to_lowercase()))?;
        self.declared(direction, *number)
    }

    /// The first declaration for a number, which holds where no section of a request has its own.
    pub fn declared(&self, direction: Direction, number: usize) -> Option<Arc<DeclaredFilter>> {
        self.first.get(&(direction, number)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handlers::Home;

    fn parse(text: &str) -> Result<DeclaredFilter, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        DeclaredFilter::parse(&words, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn one_name_has_one_number_for_each_way() {
        let mut registry = Registry::default();
        let a = Arc::new(parse("a A").unwrap());
        let b = Arc::new(parse("b a").unwrap());
        let c = Arc::new(parse("c C").unwrap());
        assert_eq!(registry.number(Direction::Output, &a, 2), Ok((0, true)));
        assert_eq!(registry.number(Direction::Output, &b, 2), Ok((0, false)));
        assert_eq!(registry.number(Direction::Input, &b, 2), Ok((0, true)));
        assert_eq!(registry.number(Direction::Output, &c, 2), Ok((1, true)));
        let d = Arc::new(parse("d D").unwrap());
        assert!(
            registry
                .number(Direction::Output, &d, 2)
                .unwrap_err()
                .contains("room for 2")
        );
        assert_eq!(registry.named(Direction::Output, "c"), Some(c));
        assert_eq!(registry.named(Direction::Input, "c"), None);
        assert_eq!(registry.all(Direction::Output).count(), 2);
        assert_eq!(registry.declared(Direction::Output, 0), Some(a));
        assert_eq!(registry.declared(Direction::Input, 0), Some(b));
        assert_eq!(registry.declared(Direction::Input, 1), None);
    }

    #[test]
    fn one_name_has_one_kind() {
        let mut registry = Registry::default();
        let a = Arc::new(parse("a A kind=connection").unwrap());
        let b = Arc::new(parse("b A").unwrap());
        assert!(registry.number(Direction::Output, &a, 9).is_ok());
        let sentence = registry.number(Direction::Output, &b, 9).unwrap_err();
        assert!(
            sentence.contains("kind=connection was declared at test.conf:1"),
            "{sentence}"
        );
        assert!(registry.number(Direction::Input, &b, 9).is_ok());
    }
}
