//! What a directive names: `module[::object]`, several of them, and `| .ext` lists.

use std::sync::Arc;

/// Where handlers of a section are looked for first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Home {
    /// Nowhere in particular: server level, or a location.
    #[default]
    None,
    /// A directory, absolute.
    Directory(Arc<str>),
}

/// One handler as a directive names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The module, dotted.
    pub module: String,
    /// The object in it, dotted; `None` for the phase's default.
    pub object: Option<String>,
    /// The directory of the section.
    pub home: Home,
    /// Where it was written, as `file:line`.
    pub source: Arc<str>,
}

impl Handler {
    /// Reads `module[::object]`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(text: &str, home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let (module, object) = match text.split_once("::") {
            Some((module, object)) => (module, Some(object)),
            None => (text, None),
        };
        if !is_dotted_name(module) {
            return Err(format!(
                "'{text}' does not name a handler: write module or module::function, \
                 as in shop.pages::handler"
            ));
        }
        if object.is_some_and(|object| !is_dotted_name(object)) {
            return Err(format!(
                "'{text}' names no function after '::': write {module}::function, \
                 or only {module} for the default one"
            ));
        }
        Ok(Self {
            module: module.to_owned(),
            object: object.map(str::to_owned),
            home: home.clone(),
            source: source.clone(),
        })
    }

    /// As it was written.
    pub fn text(&self) -> String {
        match &self.object {
            Some(object) => format!("{}::{object}", self.module),
            None => self.module.clone(),
        }
    }
}

fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The arguments of a handler directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerList {
    /// The handlers, in order.
    pub handlers: Vec<Handler>,
    /// The extensions they are for, each with its dot; empty for all requests.
    pub extensions: Vec<String>,
}

impl HandlerList {
    /// Reads `handler [handler …] [| .ext [.ext …]]`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(words: &[String], home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let bar = words.iter().position(|word| word == "|");
        let (names, extensions) = match bar {
            Some(bar) => (&words[..bar], &words[bar + 1..]),
            None => (words, &[][..]),
        };
        if names.is_empty() {
            return Err("names no handler: write module or module::function".into());
        }
        if bar.is_some() && extensions.is_empty() {
            return Err("has nothing after '|': write extensions, as in | .py .html".into());
        }
        if let Some(bad) = extensions
            .iter()
            .find(|text| !text.starts_with('.') || text.len() < 2)
        {
            return Err(format!(
                "'{bad}' is no extension: write it with its dot, as in .py"
            ));
        }
        let handlers: Result<_, _> = names
            .iter()
            .map(|name| Handler::parse(name, home, source))
            .collect();
        Ok(Self {
            handlers: handlers?,
            extensions: extensions.to_vec(),
        })
    }
}

/// The extension that chooses a list: all after the first dot of a path's last segment, dot included.
pub fn extension(filename: &str) -> Option<&str> {
    let name = filename.rsplit_once('/').map_or(filename, |(_, name)| name);
    name.find('.').map(|dot| &name[dot..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<HandlerList, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        HandlerList::parse(&words, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn handlers_are_modules_with_or_without_an_object() {
        let list = parse("shop.pages api::v1.get").unwrap();
        assert_eq!(list.handlers[0].module, "shop.pages");
        assert_eq!(list.handlers[0].object, None);
        assert_eq!(list.handlers[1].module, "api");
        assert_eq!(list.handlers[1].object.as_deref(), Some("v1.get"));
        assert_eq!(list.handlers[1].text(), "api::v1.get");
        assert!(list.extensions.is_empty());
    }

    #[test]
    fn extensions_follow_a_bar() {
        assert_eq!(
            parse("pages | .py .html").unwrap().extensions,
            [".py", ".html"]
        );
        assert!(parse("pages |").unwrap_err().contains("| .py .html"));
        assert!(parse("pages | py").unwrap_err().contains("with its dot"));
        assert!(parse("| .py").unwrap_err().contains("names no handler"));
    }

    #[test]
    fn bad_names_say_what_to_write() {
        for bad in [
            "",
            "a b/c",
            "a::",
            "::f",
            "a..b",
            "1a",
            "a::b-c",
            "/srv/x.py",
        ] {
            let sentence = parse(bad).unwrap_err();
            assert!(sentence.contains("write "), "{bad}: {sentence}");
        }
    }

    #[test]
    fn the_first_dot_of_the_last_segment_begins_the_extension() {
        assert_eq!(extension("/a.b/page.py"), Some(".py"));
        assert_eq!(extension("/x/archive.tar.gz"), Some(".tar.gz"));
        assert_eq!(extension("/a.b/page"), None);
    }
}
