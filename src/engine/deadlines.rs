//! Deadlines by keys. There are few entries however often a deadline moves: when one is due, its owner is
//! asked, which may have a later deadline by then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Keys by time, soonest first.
#[derive(Default)]
pub struct Deadlines(BinaryHeap<Reverse<(Instant, u64)>>);

impl Deadlines {
    /// Adds an entry: `key` is due at `when`. Returns whether that is sooner than all others.
    pub fn note(&mut self, when: Instant, key: u64) -> bool {
        let sooner = self.next().is_none_or(|next| when < next);
        self.0.push(Reverse((when, key)));
        sooner
    }

    /// When the next entry is due.
    pub fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((when, _))| *when)
    }

    /// Removes an entry that is due at `now`, and returns its key.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, key))| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_soonest_come_first_and_none_before_its_time() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut deadlines = Deadlines::default();
        assert!(deadlines.note(at(20), 1));
        assert!(!deadlines.note(at(30), 2));
        assert!(deadlines.note(at(10), 3));
        assert_eq!(deadlines.due(now), None);
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.due(at(25)), Some(3));
        assert_eq!(deadlines.due(at(25)), Some(1));
        assert_eq!(deadlines.due(at(25)), None);
    }
}
