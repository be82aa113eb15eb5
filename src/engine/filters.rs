//! Filters as directives declare them, and the numbers of their entry points.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::handlers::{Handler, Home};

/// In which direction a filter works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Bodies of requests.
    In,
    /// Bodies of responses.
    Out,
}

impl Way {
    /// The function that is called when the directive names only a module.
    pub const fn default_object(self) -> &'static str {
        match self {
            Self::In => "inputfilter",
            Self::Out => "outputfilter",
        }
    }

    /// Its directive.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::In => "PythonInputFilter",
            Self::Out => "PythonOutputFilter",
        }
    }
}

/// One filter: what a `PythonOutputFilter` or `PythonInputFilter` line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its name, as registered.
    pub name: Arc<str>,
    /// What is called.
    pub handler: Handler,
    /// Whether it also gets bodies that are coded (gzip, br …): `encoding=any`.
    pub any_encoding: bool,
    /// The media types of responses that come to the filter, in lower case; empty for all:
    /// `types=text/html,text/*`.
    pub types: Vec<String>,
    /// Whether the original goes on when the filter fails before it has yielded: `on_error=pass`.
    pub pass_on_error: bool,
    /// How many bytes a streaming filter can give back before it has yielded: `held=`.
    pub held: usize,
}

impl Filter {
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
        // How SetOutputFilter and its kin part the names that they are given.
        if name.is_empty() || name.contains(|c: char| matches!(c, ';' | ',') || c.is_whitespace()) {
            return Err(format!(
                "'{name}' cannot be used as a name: write one without ';', ',' and blanks"
            ));
        }
        let mut filter = Self {
            name: name.as_str().into(),
            handler: Handler::parse(handler, home, source)?,
            any_encoding: false,
            types: Vec::new(),
            pass_on_error: false,
            held: 1 << 20,
        };
        for (key, value) in keys.iter().filter_map(|word| word.split_once('=')) {
            filter.set(key, value)?;
        }
        Ok(filter)
    }

    /// Whether responses of this media type (with parameters, as `Content-Type` has it) come to it.
    pub fn takes(&self, content_type: Option<&[u8]>) -> bool {
        let essence = content_type
            .unwrap_or_default()
            .split(|byte| *byte == b';')
            .next();
        let essence = essence
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        self.types.is_empty()
            || self.types.iter().any(|one| match one.strip_suffix('*') {
                Some(head) => essence.starts_with(head.as_bytes()),
                None => essence == one.as_bytes(),
            })
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match (key, value) {
            ("encoding", "any") => self.any_encoding = true,
            ("encoding", "identity") => self.any_encoding = false,
            ("encoding", _) => {
                return Err(format!(
                    "encoding={value}: write encoding=identity or encoding=any"
                ));
            }
            ("types", _) => {
                let types = value.split(',').map(|one| one.trim().to_ascii_lowercase());
                self.types = types.collect();
                if self.types.iter().any(|one| one.split('/').count() != 2) {
                    return Err(format!(
                        "types={value}: write media types, as in types=text/html,text/*"
                    ));
                }
            }
            ("on_error", "pass") => self.pass_on_error = true,
            ("on_error", "fail") => self.pass_on_error = false,
            ("on_error", _) => {
                return Err(format!(
                    "on_error={value}: write on_error=fail or on_error=pass"
                ));
            }
            ("held", _) => {
                self.held = size(value).ok_or_else(|| {
                    format!("held={value}: write a number of bytes, as in held=64K or held=1M")
                })?;
            }
            _ => {
                return Err(format!(
                    "knows no key '{key}': write encoding=identity|any, types=TYPE,..., \
                     on_error=fail|pass or held=SIZE"
                ));
            }
        }
        Ok(())
    }
}

/// A size in bytes: `1000`, `64K`, `1M`, `2G`.
fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// The filters of a configuration: a number for each name and way, and who named it first.
#[derive(Default)]
pub struct Registry {
    entries: BTreeMap<(Way, String), usize>,
    first: BTreeMap<(Way, usize), Arc<Filter>>,
}

impl Registry {
    /// The number of a filter's entry point, and whether the name is new. Names ignore case.
    /// `None`: there are no more entry points than `limit`.
    pub fn number(
        &mut self,
        way: Way,
        filter: &Arc<Filter>,
        limit: usize,
    ) -> Option<(usize, bool)> {
        let key = (way, filter.name.to_lowercase());
        if let Some(number) = self.entries.get(&key) {
            return Some((*number, false));
        }
        let number = self
            .entries
            .keys()
            .filter(|(other, _)| *other == way)
            .count();
        if number >= limit {
            return None;
        }
        self.entries.insert(key, number);
        self.first.insert((way, number), filter.clone());
        Some((number, true))
    }

    /// All names, in lower case, with their numbers.
    pub fn names(&self) -> Vec<(Way, String, usize)> {
        let named = |((way, name), number): (&(Way, String), &usize)| (*way, name.clone(), *number);
        self.entries.iter().map(named).collect()
    }

    /// The first declaration for a number: what holds where no section of a request has its own.
    pub fn declared(&self, way: Way, number: usize) -> Option<Arc<Filter>> {
        self.first.get(&(way, number)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Filter, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Filter::parse(&words, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn a_filter_is_called_what_the_line_says() {
        assert_eq!(&*parse("banner::add BANNER").unwrap().name, "BANNER");
        assert_eq!(&*parse("banner").unwrap().name, "banner");
        assert_eq!(parse("banner BANNER").unwrap().handler.object, None);
    }

    #[test]
    fn keys_are_never_names() {
        assert!(parse("banner encoding=any").unwrap().any_encoding);
        assert!(!parse("banner B encoding=identity").unwrap().any_encoding);
        assert!(
            parse("banner encoding=gzip")
                .unwrap_err()
                .contains("encoding=identity or")
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
        assert!(
            parse("banner B held=much")
                .unwrap_err()
                .contains("held=64K")
        );
    }

    #[test]
    fn wrong_counts_say_what_to_write() {
        for bad in ["", "a b c", "encoding=any"] {
            assert!(parse(bad).unwrap_err().contains("write "), "{bad}");
        }
    }

    #[test]
    fn one_name_has_one_number_for_each_way() {
        let mut registry = Registry::default();
        let a = Arc::new(parse("a A").unwrap());
        let b = Arc::new(parse("b a").unwrap());
        let c = Arc::new(parse("c C").unwrap());
        assert_eq!(registry.number(Way::Out, &a, 2), Some((0, true)));
        assert_eq!(registry.number(Way::Out, &b, 2), Some((0, false)));
        assert_eq!(registry.number(Way::In, &b, 2), Some((0, true)));
        assert_eq!(registry.number(Way::Out, &c, 2), Some((1, true)));
        assert_eq!(
            registry.number(Way::Out, &Arc::new(parse("d D").unwrap()), 2),
            None
        );
        assert_eq!(registry.declared(Way::Out, 0), Some(a));
        assert_eq!(registry.declared(Way::In, 0), Some(b));
        assert_eq!(registry.declared(Way::In, 1), None);
    }
}
