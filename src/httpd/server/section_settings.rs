//! The settings of one section, and what they gave when they were merged with those around them.
//!
//! httpd merges the sections that hold for a request anew at each request. The sections of the configuration stay as
//! they are until the next restart, so the result for each pair is made once, kept by the inner section, and shared by
//! all requests. What `.htaccess` says lives as long as its request, and so do the results with it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::config::ModuleSettings;

/// For how many outer sections an inner one keeps results. Which sections surround it depends on the request; more
/// pairs than these are merged at each request.
const KEPT: usize = 8;

/// The settings of a section, as httpd's vectors point to them.
pub struct SectionSettings<S> {
    /// What its directives say.
    pub settings: S,
    /// Whether they live until the next restart.
    pub is_permanent: bool,
    /// No other section of the process has, or had, this number; an address could be used again.
    number: u64,
    kept: Kept<S>,
}

/// Nothing, or a result that is kept, and those after it.
type Kept<S> = OnceLock<Box<KeptMerge<S>>>;

/// The settings of an inner section inside of one outer section.
struct KeptMerge<S> {
    /// The number of the outer section.
    outer: u64,
    merged: SectionSettings<S>,
    next: Kept<S>,
}

impl<S> SectionSettings<S> {
    /// Settings that live until the next restart, if `is_permanent`.
    pub fn new(settings: S, is_permanent: bool) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            settings,
            is_permanent,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            kept: OnceLock::new(),
        }
    }
}

impl<S: ModuleSettings> SectionSettings<S> {
    /// The settings of `inner` inside of `outer`, made at the first call for these two and kept by `inner`. `None`
    /// where they are not kept: one of the two is not permanent, or `inner` keeps enough of them. Any thread may call.
    pub fn kept_merge<'a>(outer: &Self, inner: &'a Self) -> Option<&'a Self> {
        if !outer.is_permanent || !inner.is_permanent {
            return None;
        }
        let mut place = &inner.kept;
        for _ in 0..KEPT {
            let kept = place.get_or_init(|| {
                Box::new(KeptMerge {
                    outer: outer.number,
                    merged: Self::new(S::merged(&outer.settings, &inner.settings), true),
                    next: OnceLock::new(),
                })
            });
            if kept.outer == outer.number {
                return Some(&kept.merged);
            }
            place = &kept.next;
        }
        None
    }
}

impl<S: Default> Default for SectionSettings<S> {
    fn default() -> Self {
        Self::new(S::default(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum, whose merges are counted.
    #[derive(Default)]
    struct Sum {
        value: u32,
        merges: u32,
    }

    impl ModuleSettings for Sum {
        fn is_empty(&self) -> bool {
            self.value == 0
        }

        fn merged(outer: &Self, inner: &Self) -> Self {
            Self {
                value: outer.value + inner.value,
                merges: outer.merges + inner.merges + 1,
            }
        }

        fn unusable() -> Self {
            Self::default()
        }
    }

    fn section(value: u32, is_permanent: bool) -> SectionSettings<Sum> {
        SectionSettings::new(Sum { value, merges: 0 }, is_permanent)
    }

    #[test]
    fn permanent_sections_are_merged_once_for_each_pair() {
        let (inner, outers) = (section(1, true), [section(10, true), section(20, true)]);
        for _ in 0..2 {
            for (outer, sum) in outers.iter().zip([11, 21]) {
                let merged = SectionSettings::kept_merge(outer, &inner).unwrap();
                let again = SectionSettings::kept_merge(outer, &inner).unwrap();
                assert!(std::ptr::eq(merged, again));
                assert_eq!((merged.settings.value, merged.settings.merges), (sum, 1));
            }
        }
    }

    #[test]
    fn a_merge_is_the_outer_section_of_the_next_one() {
        let sections = [section(1, true), section(2, true), section(4, true)];
        let both = SectionSettings::kept_merge(&sections[0], &sections[1]).unwrap();
        let all = SectionSettings::kept_merge(both, &sections[2]).unwrap();
        assert_eq!(all.settings.value, 7);
        assert!(std::ptr::eq(
            all,
            SectionSettings::kept_merge(both, &sections[2]).unwrap()
        ));
    }

    #[test]
    fn a_section_of_one_request_is_not_kept_and_the_number_of_kept_ones_is_bounded() {
        let inner = section(1, true);
        assert!(SectionSettings::kept_merge(&section(2, false), &inner).is_none());
        assert!(SectionSettings::kept_merge(&inner, &section(2, false)).is_none());
        for count in 0..KEPT + 2 {
            let merged = SectionSettings::kept_merge(&section(2, true), &inner);
            assert_eq!(merged.is_some(), count < KEPT);
        }
    }
}
