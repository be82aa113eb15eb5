//! Applications of WSGI and ASGI that `PythonApplication` mounts: which callable, and below which path.

use std::sync::{Arc, OnceLock};

use super::handler_lists::List;
use super::handlers::{Handler, Home};

/// The name by which httpd knows the content handler of a mounted application. `SetHandler` names another one.
pub const HANDLER: &[u8] = b"mod_python-application";

/// The name of the handler that answers the counts of everything, for Prometheus.
pub const METRICS: &[u8] = b"python-metrics";

/// The interface of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// WSGI (PEP 3333).
    Wsgi,
    /// ASGI 3.
    Asgi,
}

impl Interface {
    /// Reads its name in the directive.
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "wsgi" => Ok(Self::Wsgi),
            "asgi" => Ok(Self::Asgi),
            _ => Err(format!(
                "'{text}' is no interface of applications: write wsgi or asgi"
            )),
        }
    }

    /// Its handler, as directives name handlers.
    fn handler(self) -> &'static str {
        match self {
            Self::Wsgi => "mod_python.wsgi::handler",
            Self::Asgi => "mod_python.asgi::handler",
        }
    }
}

/// The callable of an application, as a directive or an option names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationTarget {
    /// The module and the object in it.
    pub handler: Handler,
    /// Whether the object is called without arguments, once for each interpreter, and answers the application.
    pub is_factory: bool,
}

/// The object that a target without one means.
pub const DEFAULT_OBJECT: &str = "application";

impl ApplicationTarget {
    /// Reads `module`, `module:callable` or `module:factory()`; `::` stands for `:`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(text: &str, home: &Home, source: &Arc<str>) -> Result<Self, String> {
        let (name, is_factory) = match text.strip_suffix("()") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let (module, object) = match name.split_once("::").or_else(|| name.split_once(':')) {
            Some((module, object)) => (module, Some(object)),
            None => (name, None),
        };
        let wrong = || {
            format!(
                "'{text}' names no application: write module:callable, as in shop.wsgi:application, or \
                 module:factory() for a function that makes one"
            )
        };
        if is_factory && object.is_none() {
            return Err(wrong());
        }
        let named = object.map_or(module.to_owned(), |object| format!("{module}::{object}"));
        let handler = Handler::parse(&named, home, source).map_err(|sentence| {
            // A path has rules of its own, and the sentence says them.
            match module.starts_with(['/', '~', '.']) && object.is_none() {
                true => sentence,
                false => wrong(),
            }
        })?;
        Ok(Self {
            handler,
            is_factory,
        })
    }

    /// The object's name in the module.
    pub fn object(&self) -> &str {
        self.handler.object.as_deref().unwrap_or(DEFAULT_OBJECT)
    }

    /// The target as a directive has it.
    pub fn text(&self) -> String {
        let call = if self.is_factory { "()" } else { "" };
        format!("{}:{}{call}", self.handler.module, self.object())
    }
}

/// An application and its path.
pub struct Application {
    /// The path, without a slash at its end: empty for `/`.
    pub mount: String,
    /// How it is called.
    pub interface: Interface,
    /// Its callable.
    pub target: ApplicationTarget,
    /// The handler that serves it, in the form in which handlers are called.
    pub handlers: List,
    /// Its number among those of the configuration, by which it is counted.
    pub number: OnceLock<usize>,
}

/// An application, and the server in whose part of the configuration it stands.
pub struct MountedAt {
    /// The application.
    pub application: Arc<Application>,
    /// Where the record of the server lies.
    pub server: usize,
}

impl Application {
    /// Reads the words of a `PythonApplication`. `location`: the path of the `<Location>` that it stands in.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(
        words: &[String],
        location: Option<&str>,
        home: &Home,
        source: &Arc<str>,
    ) -> Result<Self, String> {
        let (path, interface, target) = match (words, location) {
            ([interface, target], Some(path)) => (path, interface, target),
            ([path, interface, target], None) => (path.as_str(), interface, target),
            (_, Some(path)) => {
                return Err(format!(
                    "takes the interface and the application, since <Location {path}> has the path: write wsgi \
                     module:callable, or asgi module:callable"
                ));
            }
            (_, None) => {
                return Err(
                    "takes a path, the interface and the application: write /path wsgi module:callable, or \
                     /path asgi module:callable"
                        .into(),
                );
            }
        };
        let (name, interface) = (interface, Interface::parse(interface)?);
        if !path.starts_with('/') || path.contains("//") {
            return Err(format!(
                "'{path}' is no path of URLs: write it from its first slash on, as in /shop"
            ));
        }
        let mount = path.trim_end_matches('/').to_owned();
        let shown = match location {
            Some(_) => format!("PythonApplication {name} {target}"),
            None => format!("PythonApplication {path} {name} {target}"),
        };
        let served = Handler {
            shown: Some(shown.into()),
            ..Handler::parse(interface.handler(), home, source)?
        };
        Ok(Self {
            mount,
            interface,
            target: ApplicationTarget::parse(target, home, source)?,
            handlers: Arc::new([served]),
            number: OnceLock::new(),
        })
    }
}

/// The applications of a server or section, by their paths.
#[derive(Clone, Default)]
pub struct Applications(Vec<Arc<Application>>);

impl Applications {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one. It replaces that of the same path.
    pub fn add(&mut self, application: &Arc<Application>) {
        self.0.retain(|other| other.mount != application.mount);
        self.0.push(application.clone());
        // The longest path first.
        self.0.sort_by_key(|one| std::cmp::Reverse(one.mount.len()));
    }

    /// Those of the section `inner` inside of `outer`: of two with one path the inner one.
    pub fn merged(outer: &Arc<Self>, inner: &Arc<Self>) -> Arc<Self> {
        if inner.is_empty() {
            return outer.clone();
        }
        if outer.is_empty() {
            return inner.clone();
        }
        let mut merged = Self::clone(outer);
        inner.0.iter().for_each(|one| merged.add(one));
        Arc::new(merged)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Application>> {
        self.0.iter()
    }

    /// The application for the path of a request, and what follows the application's own path: that with the longest
    /// path of whole segments.
    pub fn find<'a>(&self, path: &'a [u8]) -> Option<(&Arc<Application>, &'a [u8])> {
        let below = |one| Some((one, rest(Application::mount_of(one), path)?));
        self.0.iter().find_map(below)
    }
}

impl Application {
    fn mount_of(one: &Arc<Self>) -> &[u8] {
        one.mount.as_bytes()
    }
}

/// What follows `base` in a path, if the path is below it: nothing, or what begins with a slash. `base` has no slash at
/// its end.
pub fn rest<'a>(base: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(base)?;
    (rest.first().is_none_or(|byte| *byte == b'/') && path.starts_with(b"/")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, location: Option<&str>) -> Result<Application, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Application::parse(&words, location, &Home::None, &"test.conf:1".into())
    }

    #[test]
    fn a_target_is_a_callable_or_a_factory() {
        let of = |text: &str| {
            let target = parse(text, None).unwrap().target;
            let object = target.object().to_owned();
            assert!(parse(&format!("/ wsgi {}", target.text()), None).is_ok());
            (target.handler.module, object, target.is_factory)
        };
        let named =
            |module: &str, object: &str, factory| (module.to_owned(), object.to_owned(), factory);
        assert_eq!(of("/ wsgi shop"), named("shop", "application", false));
        assert_eq!(of("/ wsgi shop:app"), named("shop", "app", false));
        assert_eq!(
            of("/ wsgi shop::app.wsgi"),
            named("shop", "app.wsgi", false)
        );
        assert_eq!(
            of("/ wsgi shop.web:create()"),
            named("shop.web", "create", true)
        );
        assert_eq!(
            of("/ wsgi /srv/shop.py:app"),
            named("/srv/shop.py", "app", false)
        );
        for bad in [
            "shop()",
            "shop:",
            ":app",
            "shop:app(1)",
            "a b",
            "shop:app:x",
            "1:x",
            "shop:a-b",
            "",
        ] {
            let error = parse(&format!("/ wsgi {bad}"), None).err().unwrap();
            assert!(error.contains("write "), "{bad}: {error}");
        }
    }

    #[test]
    fn the_interface_chooses_the_handler() {
        let of = |line: &str| {
            let one = parse(line, None).unwrap();
            (one.interface, one.handlers[0].module.clone())
        };
        let wsgi = (Interface::Wsgi, "mod_python.wsgi".to_owned());
        assert_eq!(of("/x wsgi a:b"), wsgi);
        let asgi = (Interface::Asgi, "mod_python.asgi".to_owned());
        assert_eq!(of("/x asgi a:b"), asgi);
    }

    #[test]
    fn a_path_stands_in_the_line_or_in_the_section() {
        assert_eq!(parse("/shop/ wsgi a:b", None).unwrap().mount, "/shop");
        assert_eq!(parse("/ wsgi a:b", None).unwrap().mount, "");
        assert_eq!(parse("wsgi a:b", Some("/x/y")).unwrap().mount, "/x/y");
        for (bad, location) in [
            ("wsgi a:b", None),
            ("/x wsgi a:b", Some("/x")),
            ("x wsgi a:b", None),
            ("/x//y wsgi a:b", None),
            ("/x fcgi a:b", None),
        ] {
            let error = parse(bad, location).err().unwrap();
            assert!(error.contains("write "), "{bad}: {error}");
        }
    }

    #[test]
    fn the_longest_path_of_whole_segments_is_found() {
        let mut all = Applications::default();
        assert!(all.is_empty() && all.find(b"/").is_none());
        for line in ["/ wsgi root", "/a/b wsgi ab", "/a wsgi a", "/a wsgi newer"] {
            all.add(&Arc::new(parse(line, None).unwrap()));
        }
        let found = |path: &'static str| {
            let (one, rest) = all.find(path.as_bytes())?;
            Some((one.target.handler.module.clone(), rest))
        };
        let named = |name: &str, rest: &'static str| Some((name.to_owned(), rest.as_bytes()));
        assert_eq!(found("/"), named("root", "/"));
        assert_eq!(found("/ab"), named("root", "/ab"));
        assert_eq!(found("/a"), named("newer", ""));
        assert_eq!(found("/a/"), named("newer", "/"));
        assert_eq!(found("/a//b"), named("newer", "//b"));
        assert_eq!(found("/a/b/c"), named("ab", "/c"));
        assert_eq!(found("*"), None);
        assert_eq!(found(""), None);
        assert_eq!(all.iter().count(), 3);
    }
}
