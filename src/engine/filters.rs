//! Filters as directives declare them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::handlers::{Handler, Home};
use super::key_values::{media_types, positive_size, seconds, size, wrong_word};
use crate::filter_chain::{Change, Direction, FilterType};

/// Which bodies a filter gets by their coding (`Content-Encoding`): `encoding=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Only those that are not coded: `encoding=identity`.
    Identity,
    /// All, as they are: `encoding=any`.
    Any,
    /// Those that are not coded, and those that mod_deflate decodes, decoded: `encoding=decode`.
    Decode,
}

/// One filter, as a line of `PythonOutputFilter` or `PythonInputFilter` declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredFilter {
    /// Its name, as registered.
    pub name: Arc<str>,
    /// The function or class that is called.
    pub handler: Handler,
    /// Which coded bodies it gets (gzip, br …): `encoding=`.
    pub encoding: Encoding,
    /// The most bytes that a body which is decoded for it may have: `decoded=`.
    pub decoded: usize,
    /// The media types of responses that pass the filter, in lower case; empty for all:
    /// `types=text/html,text/*`.
    pub types: Vec<String>,
    /// Whether the original body is sent when the filter fails before it has yielded: `on_error=pass`.
    pub pass_on_error: bool,
    /// How many bytes of what a streaming filter reads before its first yield are kept, to be restored: `held=`.
    pub held: usize,
    /// The most bytes that one `read()` of a plain function joins: `joined=`.
    pub joined: usize,
    /// Where in its chain it stands: `kind=`.
    pub kind: FilterType,
    /// What it may change of a body: `change=`.
    pub change: Change,
    /// How long one step of its Python code may take: `time=`; `None`: without limit.
    pub time: Option<Duration>,
    /// Whether the handler is kept from answering with a part of the body: `range=whole`.
    pub wants_whole: bool,
    /// The number of its entry point, once it has one (`Registry::number`).
    pub number: OnceLock<usize>,
}

impl DeclaredFilter {
    /// Reads `handler [name] [key=value …]`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(words: &[String], home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let (keys, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.contains('='));
        let (handler, name) = match names.as_slice() {
            [handler] => (handler, handler),
            [handler, name] => (handler, name),
            _ => {
                return Err(
                    "takes a handler and a name for it: write module::function NAME, \
                            then use NAME in SetOutputFilter, AddOutputFilterByType …"
                        .into(),
                );
            }
        };
        // SetOutputFilter and the like separate names by these.
        if name.is_empty() || name.contains(|c: char| matches!(c, ';' | ',') || c.is_whitespace()) {
            return Err(format!(
                "'{name}' cannot be used as a name: write one without ';', ',' and blanks"
            ));
        }
        let mut filter = Self::new(name, Handler::parse(handler, home, source)?);
        let keys_and_values = || keys.iter().filter_map(|word| word.split_once('='));
        for (index, (key, value)) in keys_and_values().enumerate() {
            if keys_and_values()
                .take(index)
                .any(|(before, _)| before == key)
            {
                return Err(format!(
                    "has the key {key} more than once: write {key}= once"
                ));
            }
            filter.set(key, value)?;
        }
        let of_bodies = |word: &&&String| !word.starts_with("kind=") && !word.starts_with("time=");
        match keys.iter().find(of_bodies) {
            Some(word) if filter.kind.is_connections() => Err(format!(
                "'{word}' is about bodies, and kind={} sees connections: leave it out",
                filter.kind.name()
            )),
            _ => Ok(filter),
        }
    }

    /// A filter with defaults for all but its name and handler.
    pub fn new(name: &str, handler: Handler) -> Self {
        Self {
            name: name.into(),
            handler,
            encoding: Encoding::Identity,
            decoded: 1 << 30,
            types: Vec::new(),
            pass_on_error: false,
            held: 1 << 20,
            joined: 1 << 20,
            kind: FilterType::Resource,
            change: Change::Length,
            time: None,
            wants_whole: false,
            number: OnceLock::new(),
        }
    }

    /// Whether a filter of this direction can be as it is declared.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn suits(&self, direction: Direction) -> Result<(), String> {
        if direction == Direction::Input && self.kind.follows_headers() {
            return Err(format!(
                "kind={} is below httpd's parser of bodies, and would get the next request, too: write \
                 kind=content_set, or kind=connection for all bytes",
                self.kind.name()
            ));
        }
        if direction == Direction::Input && self.wants_whole {
            return Err("range=whole is about responses: leave it out".into());
        }
        if self.encoding == Encoding::Decode && self.kind.follows_headers() {
            return Err(format!(
                "encoding=decode changes headers, and kind={} is behind them: write kind=resource or kind=content_set",
                self.kind.name()
            ));
        }
        Ok(())
    }

    /// Whether responses with this `Content-Type`, parameters included, pass the filter.
    pub fn takes(&self, content_type: Option<&[u8]>) -> bool {
        if self.types.is_empty() {
            return true;
        }
        let essence = content_type
            .unwrap_or_default()
            .split(|byte| *byte == b';')
            .next();
        let essence = essence
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        self.types.iter().any(|one| match one.strip_suffix('*') {
            Some("*/") => true,
            Some(head) => essence.starts_with(head.as_bytes()),
            None => essence == one.as_bytes(),
        })
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match (key, value) {
            ("encoding", "any") => self.encoding = Encoding::Any,
            ("encoding", "decode") => self.encoding = Encoding::Decode,
            ("encoding", "identity") => self.encoding = Encoding::Identity,
            ("decoded", _) => self.decoded = positive_size(key, value)?,
            ("types", _) => self.types = media_types(value)?,
            ("on_error", "pass") => self.pass_on_error = true,
            ("on_error", "fail") => self.pass_on_error = false,
            ("held", _) => {
                self.held = size(value).ok_or_else(|| {
                    format!("held={value}: write a number of bytes, as in held=64K or held=1M")
                })?;
            }
            ("joined", _) => self.joined = positive_size(key, value)?,
            ("kind", _) => {
                self.kind = FilterType::parse(value).ok_or_else(|| {
                    format!(
                        "kind={value}: write kind=resource, content_set, protocol, transcode, \
                         connection or network"
                    )
                })?;
            }
            ("change", "yes") => self.change = Change::Length,
            ("change", "1:1") => self.change = Change::Bytes,
            ("change", "no") => self.change = Change::Nothing,
            ("time", _) => self.time = Some(seconds(value)?),
            ("range", "whole") => self.wants_whole = true,
            ("range", "part") => self.wants_whole = false,
            ("encoding" | "on_error" | "change" | "range", _) => {
                return Err(wrong_word(key, value));
            }
            _ => {
                return Err(format!(
                    "knows no key '{key}': write kind=KIND, types=TYPE,..., change=yes|1:1|no, \
                     encoding=identity|decode|any, decoded=SIZE, on_error=fail|pass, held=SIZE, joined=SIZE, \
                     range=part|whole or time=SECONDS"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DeclaredFilter, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        DeclaredFilter::parse(&words, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn a_filter_is_called_what_the_line_says() {
        assert_eq!(&*parse("banner::add BANNER").unwrap().name, "BANNER");
        assert_eq!(&*parse("banner").unwrap().name, "banner");
        assert_eq!(parse("banner BANNER").unwrap().handler.object, None);
    }

    #[test]
    fn keys_are_never_names() {
        let encoding = |text| parse(text).unwrap().encoding;
        assert_eq!(encoding("banner encoding=any"), Encoding::Any);
        assert_eq!(encoding("banner B encoding=decode"), Encoding::Decode);
        assert_eq!(encoding("banner encoding=identity"), Encoding::Identity);
        assert!(
            parse("banner encoding=any held=1 encoding=any")
                .unwrap_err()
                .contains("has the key encoding more than once: write encoding= once")
        );
        assert_eq!(encoding("banner"), Encoding::Identity);
        assert!(
            parse("banner encoding=gzip")
                .unwrap_err()
                .contains("encoding=decode or")
        );
        assert!(parse("banner color=red").unwrap_err().contains("'color'"));
    }

    #[test]
    fn types_are_compared_without_case_and_parameters() {
        let filter = parse("banner B types=text/html,image/*").unwrap();
        assert!(filter.takes(Some(b"Text/HTML; charset=utf-8")));
        assert!(filter.takes(Some(b"image/png")));
        assert!(!filter.takes(Some(b"text/htmlx")));
        assert!(!filter.takes(None));
        assert!(parse("banner").unwrap().takes(None));
        let filter = parse("banner B types=text/html;charset=UTF-8,image/png;q=1").unwrap();
        assert_eq!(filter.types, ["text/html", "image/png"]);
        assert!(filter.takes(Some(b"text/html; charset=iso-8859-1")));
        assert!(filter.takes(Some(b"text/html")));
        assert!(parse("banner B types=*/*").unwrap().takes(Some(b"a/b")));
        assert!(parse("banner B types=text/").is_err());
        assert!(
            parse("banner B types=html")
                .unwrap_err()
                .contains("types=text/html")
        );
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse("banner B held=64k").unwrap().held, 64 << 10);
        assert_eq!(parse("banner B held=2M").unwrap().held, 2 << 20);
        assert_eq!(parse("banner B joined=2M").unwrap().joined, 2 << 20);
        assert_eq!(parse("banner B decoded=2M").unwrap().decoded, 2 << 20);
        assert!(
            parse("banner B decoded=0")
                .unwrap_err()
                .contains("decoded=16M")
        );
        assert_eq!(parse("banner B").unwrap().joined, 1 << 20);
        assert!(
            parse("banner B joined=0")
                .unwrap_err()
                .contains("joined=64K")
        );
        assert!(
            parse("banner B held=much")
                .unwrap_err()
                .contains("held=64K")
        );
    }

    #[test]
    fn kinds_changes_and_times_are_what_they_say() {
        let filter = parse("tap TAP kind=content_set change=no time=0.5").unwrap();
        assert_eq!(
            (filter.kind, filter.change),
            (FilterType::ContentSet, Change::Nothing)
        );
        assert_eq!(filter.time, Some(Duration::from_millis(500)));
        assert_eq!(parse("tap change=1:1").unwrap().change, Change::Bytes);
        assert!(parse("tap range=whole").unwrap().wants_whole);
        assert!(!parse("tap TAP range=part").unwrap().wants_whole);
        for bad in [
            "kind=body",
            "change=maybe",
            "time=0",
            "time=-1",
            "time=soon",
            "time=1e99",
            "range=all",
        ] {
            let sentence = parse(&format!("tap TAP {bad}")).unwrap_err();
            assert!(
                sentence.contains(bad) && sentence.contains("write "),
                "{sentence}"
            );
        }
    }

    #[test]
    fn what_is_about_bodies_is_not_for_connections() {
        for bad in [
            "types=text/html",
            "change=no",
            "encoding=any",
            "on_error=pass",
            "held=1",
            "joined=1",
            "range=whole",
            "decoded=1",
        ] {
            let sentence = parse(&format!("tap TAP {bad} kind=network")).unwrap_err();
            assert!(
                sentence.contains(bad) && sentence.contains("kind=network"),
                "{sentence}"
            );
        }
        assert!(parse("tap TAP kind=connection time=1").is_ok());
    }

    #[test]
    fn some_keys_are_for_responses() {
        for bad in ["range=whole", "kind=protocol"] {
            let filter = parse(&format!("tap TAP {bad}")).unwrap();
            assert!(filter.suits(Direction::Output).is_ok());
            assert!(filter.suits(Direction::Input).unwrap_err().contains(bad));
        }
    }

    #[test]
    fn nothing_is_decoded_after_the_headers() {
        let suits = |text| parse(text).unwrap().suits(Direction::Output);
        let sentence = suits("tap TAP kind=protocol encoding=decode").unwrap_err();
        assert!(sentence.contains("write kind=resource"), "{sentence}");
        assert!(suits("tap TAP kind=content_set encoding=decode").is_ok());
    }

    #[test]
    fn wrong_counts_say_what_to_write() {
        for bad in ["", "a b c", "encoding=any"] {
            assert!(parse(bad).unwrap_err().contains("write "), "{bad}");
        }
    }
}
