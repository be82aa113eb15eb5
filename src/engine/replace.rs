//! Search and replace in a stream: literals, leftmost-longest, across any cutting into chunks.
//!
//! However a body is cut, the output is the same. So a tail that could still become a match is held
//! back: the longest end of the text that is the beginning of a literal, at most one byte less than the
//! longest literal. Nothing else is held back.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use memchr::memmem::Finder;

/// The options of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplaceOptions {
    /// How many matches are replaced at most, over the whole stream; `None`: all.
    pub count: Option<usize>,
    /// ASCII letters match in either case.
    pub ignore_case: bool,
}

/// A stream's replacements under way.
pub struct Replacer {
    search: LiteralSearch,
    olds: Vec<Vec<u8>>,
    news: Vec<Vec<u8>>,
    longest: usize,
    ignore_case: bool,
    left: usize,
    /// The bytes that were held back, which come before the next chunk.
    held: Vec<u8>,
}

enum LiteralSearch {
    /// One literal with case: the fastest search.
    One(Box<Finder<'static>>),
    Many(AhoCorasick),
}

struct Match {
    start: usize,
    end: usize,
    which: usize,
}

impl Replacer {
    /// A replacer for pairs of a literal and its replacement.
    ///
    /// # Errors
    /// A sentence: no pair, an empty literal, or too much of them.
    pub fn new(pairs: Vec<(Vec<u8>, Vec<u8>)>, options: ReplaceOptions) -> Result<Self, String> {
        if pairs.is_empty() {
            return Err("there is nothing to search for".into());
        }
        if pairs.iter().any(|(old, _)| old.is_empty()) {
            return Err("an empty text cannot be searched for: give at least one byte".into());
        }
        let (olds, news): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let search = match olds.as_slice() {
            [old] if !options.ignore_case => {
                LiteralSearch::One(Box::new(Finder::new(old).into_owned()))
            }
            _ => LiteralSearch::Many(
                AhoCorasickBuilder::new()
                    .match_kind(MatchKind::LeftmostLongest)
                    .ascii_case_insensitive(options.ignore_case)
                    .build(&olds)
                    .map_err(|error| error.to_string())?,
            ),
        };
        Ok(Self {
            search,
            longest: olds.iter().map(Vec::len).max().unwrap_or(0),
            olds,
            news,
            ignore_case: options.ignore_case,
            left: options.count.unwrap_or(usize::MAX),
            held: Vec::new(),
        })
    }

    /// Takes a chunk; appends to `out` all output that is decided.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.held.is_empty() {
            let held = self.run(chunk, false, out);
            self.held.extend_from_slice(&chunk[held..]);
            return;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(chunk);
        let held = self.run(&text, false, out);
        text.drain(..held);
        self.held = text;
    }

    /// Ends the stream; appends the rest of the output to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        self.run(&text, true, out);
    }

    /// Replaces the matches in `text`; returns where the undecided tail begins.
    fn run(&mut self, text: &[u8], ended: bool, out: &mut Vec<u8>) -> usize {
        out.reserve(text.len());
        let mut at = 0;
        let mut open = if ended {
            text.len()
        } else {
            self.open_tail(text, 0)
        };
        while self.left > 0 {
            let Some(found) = self.find(text, at).filter(|found| found.start < open) else {
                break;
            };
            out.extend_from_slice(&text[at..found.start]);
            out.extend_from_slice(&self.news[found.which]);
            at = found.end;
            self.left -= 1;
            if at > open {
                // The match includes the beginning of what looked like another one.
                open = self.open_tail(text, at);
            }
        }
        if self.left == 0 {
            open = text.len();
        }
        out.extend_from_slice(&text[at..open]);
        open
    }

    fn find(&self, text: &[u8], from: usize) -> Option<Match> {
        match &self.search {
            LiteralSearch::One(finder) => finder.find(&text[from..]).map(|at| Match {
                start: from + at,
                end: from + at + finder.needle().len(),
                which: 0,
            }),
            LiteralSearch::Many(automaton) => {
                let input = aho_corasick::Input::new(text).range(from..);
                automaton.find(input).map(|found| Match {
                    start: found.start(),
                    end: found.end(),
                    which: found.pattern().as_usize(),
                })
            }
        }
    }

    /// Where the first tail of `text` begins, at `from` or later, that more text could make a match.
    fn open_tail(&self, text: &[u8], from: usize) -> usize {
        let first = from.max(text.len().saturating_sub(self.longest - 1));
        (first..text.len())
            .find(|&at| self.olds.iter().any(|old| self.begins(old, &text[at..])))
            .unwrap_or(text.len())
    }

    fn begins(&self, old: &[u8], tail: &[u8]) -> bool {
        let Some(head) = old.get(..tail.len()).filter(|_| tail.len() < old.len()) else {
            return false;
        };
        if self.ignore_case {
            head.eq_ignore_ascii_case(tail)
        } else {
            head == tail
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    /// What `replace` must return, computed byte by byte without a search structure, to compare with.
    fn oracle(pairs: &Pairs, options: ReplaceOptions, text: &[u8]) -> Vec<u8> {
        let same = |a: &[u8], b: &[u8]| {
            if options.ignore_case {
                a.eq_ignore_ascii_case(b)
            } else {
                a == b
            }
        };
        let mut left = options.count.unwrap_or(usize::MAX);
        let mut out = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let here = pairs
                .iter()
                .filter(|(old, _)| {
                    text.len() - at >= old.len() && same(old, &text[at..at + old.len()])
                })
                // The longest; of equal ones the first.
                .rev()
                .max_by_key(|(old, _)| old.len());
            match here.filter(|_| left > 0) {
                Some((old, new)) => {
                    out.extend_from_slice(new);
                    at += old.len();
                    left -= 1;
                }
                None => {
                    out.push(text[at]);
                    at += 1;
                }
            }
        }
        out
    }

    fn replace(pairs: &Pairs, options: ReplaceOptions, chunks: &[&[u8]]) -> Vec<u8> {
        let mut replacer = Replacer::new(pairs.clone(), options).unwrap();
        let mut out = Vec::new();
        for chunk in chunks {
            replacer.push(chunk, &mut out);
        }
        replacer.finish(&mut out);
        out
    }

    fn pairs(list: &[(&str, &str)]) -> Pairs {
        list.iter()
            .map(|(old, new)| (old.as_bytes().to_vec(), new.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn every_cut_gives_the_same() {
        let pairs = pairs(&[("ab", "1"), ("abcd", "2"), ("bc", "3"), ("d", "4")]);
        let text = b"xabcabcdbcdab";
        let whole = oracle(&pairs, ReplaceOptions::default(), text);
        for a in 0..=text.len() {
            for b in a..=text.len() {
                let chunks = [&text[..a], &text[a..b], &text[b..]];
                let got = replace(&pairs, ReplaceOptions::default(), &chunks);
                assert_eq!(got, whole, "cut at {a} and {b}");
            }
        }
    }

    #[test]
    fn only_the_beginning_of_a_literal_is_held_back() {
        let pairs = pairs(&[("needle", "thread")]);
        let mut replacer = Replacer::new(pairs, ReplaceOptions::default()).unwrap();
        let mut out = Vec::new();
        replacer.push(b"data: nothing here\n", &mut out);
        assert_eq!(out, b"data: nothing here\n");
        replacer.push(b"a nee", &mut out);
        assert_eq!(out, b"data: nothing here\na ");
        replacer.push(b"d", &mut out);
        assert_eq!(out, b"data: nothing here\na ");
        replacer.push(b"le", &mut out);
        assert_eq!(out, b"data: nothing here\na thread");
    }

    #[test]
    fn a_count_ends_the_search() {
        let options = ReplaceOptions {
            count: Some(2),
            ..ReplaceOptions::default()
        };
        assert_eq!(
            replace(&pairs(&[("a", "b")]), options, &[b"aa", b"aa"]),
            b"bbaa"
        );
    }

    #[test]
    fn case_is_ignored_when_asked() {
        let options = ReplaceOptions {
            ignore_case: true,
            ..ReplaceOptions::default()
        };
        assert_eq!(
            replace(&pairs(&[("</body>", "!")]), options, &[b"x</BO", b"dY>"]),
            b"x!"
        );
    }

    #[test]
    fn nothing_to_search_for_is_refused() {
        assert!(Replacer::new(Vec::new(), ReplaceOptions::default()).is_err());
        assert!(Replacer::new(pairs(&[("", "x")]), ReplaceOptions::default()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
        ))]

        #[test]
        fn the_cut_law(
            olds in proptest::collection::btree_set("[abA]{1,5}", 1..5),
            text in "[abAx]{0,60}",
            cuts in proptest::collection::vec(0usize..60, 0..6),
            count in proptest::option::of(0usize..5),
            ignore_case: bool,
        ) {
            let pairs: Pairs = olds
                .iter()
                .enumerate()
                .map(|(index, old)| (old.clone().into_bytes(), format!("<{index}>").into_bytes()))
                .collect();
            let options = ReplaceOptions { count, ignore_case };
            let text = text.into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(replace(&pairs, options, &chunks), oracle(&pairs, options, &text));
        }
    }
}
