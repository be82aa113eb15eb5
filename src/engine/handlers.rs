//! The arguments of handler directives: `module[::object]`, several of them, and `| .ext` lists.

use std::fmt;
use std::sync::Arc;

use super::loop_mark::LoopMark;
use super::named_objects;

/// The section that a handler stands in. Its module is looked for in the section's directory first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Home {
    /// None: a server.
    #[default]
    None,
    /// A directory, absolute, without a slash at its end.
    Directory(Arc<str>),
    /// Directories by a pattern: the one that matches is found for each request.
    Pattern {
        /// The pattern as it was written.
        pattern: Arc<str>,
        /// Whether it is a regular expression; else it has wildcards.
        is_regex: bool,
    },
    /// A path of URLs, or a pattern for them, as it was written.
    Location(Arc<str>),
}

/// One handler as a directive names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The module: a dotted name, or the absolute path of its file.
    pub module: String,
    /// The object in it, dotted; `None` for the phase's default.
    pub object: Option<String>,
    /// The directory of the section.
    pub home: Home,
    /// Where it was written, as `file:line`.
    pub source: Arc<str>,
    /// Whether the module may lack the function; the handler is left out then.
    pub is_silent: bool,
    /// The line of the configuration that stands for it, where that is no directive of its phase.
    pub shown: Option<Arc<str>>,
    /// Whether it was seen to run on asyncio's event loop.
    pub loop_mark: LoopMark,
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
        let module = match path(module, home)? {
            Some(path) => path,
            None if is_dotted_name(module) => module.to_owned(),
            None => {
                return Err(format!(
                    "'{text}' does not name a handler: write module or module::function, \
                     as in shop.pages::handler, or the path of a module's file"
                ));
            }
        };
        if object.is_some_and(|object| !is_dotted_name(object)) {
            return Err(format!(
                "'{text}' names no function after '::': write {module}::function, \
                 or only {module} for the default one"
            ));
        }
        if let Some(object) = object {
            named_objects::note(&module, object);
        }
        Ok(Self {
            module,
            object: object.map(str::to_owned),
            home: home.clone(),
            source: source.clone(),
            is_silent: false,
            shown: None,
            loop_mark: LoopMark::default(),
        })
    }

    /// A handler without a name: Python raises `ValueError` when it is to be imported.
    pub fn nameless(source: &str) -> Self {
        Self {
            module: String::new(),
            object: None,
            home: Home::None,
            source: source.into(),
            is_silent: false,
            shown: None,
            loop_mark: LoopMark::default(),
        }
    }

    /// Whether it serves an application that `PythonApplication` mounts.
    pub fn is_application(&self) -> bool {
        self.shown.is_some()
    }

    /// The handler with the directive of its phase, or the line that stands for it.
    pub fn line(&self, directive: &str) -> String {
        match &self.shown {
            Some(shown) => shown.to_string(),
            None => format!("{directive} {self}"),
        }
    }

    /// The handler as it was written.
    pub fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.module)?;
        match &self.object {
            Some(object) => write!(f, "::{object}"),
            None => Ok(()),
        }
    }
}

/// The absolute path of a module that is named by its file: `/x.py`, or `~/x.py` and `./x.py` in the directory
/// of the section. The `.py` may be left out. `None` for a module that is named by a dotted name.
fn path(module: &str, home: &Home) -> Result<Option<String>, String> {
    let path = match module.strip_prefix("~/").or(module.strip_prefix("./")) {
        Some(rest) => match home {
            Home::Directory(directory) => format!("{directory}/{rest}"),
            _ => {
                return Err(format!(
                    "'{module}' is for the directory of a section, and this stands in none: write \
                     an absolute path, as in /srv/python/pages.py"
                ));
            }
        },
        None if module.starts_with('/') => module.to_owned(),
        None => return Ok(None),
    };
    if path.ends_with('/') {
        return Err(format!(
            "'{module}' is no module's file: write its name, too, as in {module}pages.py"
        ));
    }
    // One file has one path, however it was written; `..` is left, since it may follow a link.
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let path: String = parts.flat_map(|part| ["/", part]).collect();
    Ok(Some(match path.ends_with(".py") {
        true => path,
        false => path + ".py",
    }))
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
        // The bar needs no space around it.
        let bar = words.iter().position(|word| word.contains('|'));
        let (mut names, mut extensions) = (words.to_vec(), Vec::new());
        if let Some(bar) = bar {
            extensions = names.split_off(bar);
            let (name, extension) = extensions[0].split_once('|').unwrap_or_default();
            let (name, extension) = (name.to_owned(), extension.to_owned());
            names.extend(Some(name).filter(|name| !name.is_empty()));
            extensions[0] = extension;
            extensions.retain(|extension| !extension.is_empty());
        }
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
            extensions,
        })
    }

    /// The same list with modules that may lack the function of a phase (`PythonHandlerModule`).
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn silent(mut self) -> Result<Self, String> {
        for handler in &mut self.handlers {
            handler.is_silent = true;
            if let Some(object) = &handler.object {
                return Err(format!(
                    "takes modules, whose functions have the names of the phases: write {} \
                     without ::{object}",
                    handler.module
                ));
            }
        }
        Ok(self)
    }
}

/// The extension that chooses a list: all after the first dot of a path's last segment, dot included.
pub fn extension(filename: &[u8]) -> Option<&str> {
    let name = filename.rsplit(|byte| *byte == b'/').next()?;
    let dot = name.iter().position(|byte| *byte == b'.')?;
    std::str::from_utf8(&name[dot..]).ok()
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
            "", "a b/c", "a::", "::f", "a..b", "1a", "a::b-c", "~/x", "/x/",
        ] {
            let sentence = parse(bad).unwrap_err();
            assert!(sentence.contains("write "), "{bad}: {sentence}");
        }
    }

    #[test]
    fn the_bar_needs_no_space() {
        let list = parse("pages|.py .html").unwrap();
        assert_eq!(list.handlers[0].module, "pages");
        assert_eq!(list.extensions, [".py", ".html"]);
        assert_eq!(parse("a b| .x").unwrap().extensions, [".x"]);
    }

    #[test]
    fn modules_can_be_named_by_their_files() {
        let home = Home::Directory("/srv/www".into());
        let module = |text| Handler::parse(text, &home, &"test.conf:1".into()).map(|h| h.module);
        assert_eq!(module("/srv/x.py::f").unwrap(), "/srv/x.py");
        assert_eq!(module("~/lib/x").unwrap(), "/srv/www/lib/x.py");
        assert_eq!(module("./x.py").unwrap(), "/srv/www/x.py");
        assert_eq!(module("//srv/./lib//x.py").unwrap(), "/srv/lib/x.py");
        assert_eq!(module("~/../x.py").unwrap(), "/srv/www/../x.py");
        assert!(parse("~/x").unwrap_err().contains("an absolute path"));
    }

    #[test]
    fn the_first_dot_of_the_last_segment_begins_the_extension() {
        assert_eq!(extension(b"/a.b/page.py"), Some(".py"));
        assert_eq!(extension(b"/x/archive.tar.gz"), Some(".tar.gz"));
        assert_eq!(extension(b"/a.b/page"), None);
    }
}
