//! Applications of WSGI and ASGI that `PythonApplication` mounts, and below which path.

use std::sync::{Arc, OnceLock};

use super::application_target::ApplicationTarget;
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
    /// Where the settings of its section lie.
    pub section: usize,
}

impl MountedAt {
    /// Refuses a second application for one path in the same section or server. One of an inner section, or of a
    /// virtual host, takes the place of an outer one.
    ///
    /// # Errors
    /// A sentence that says where the first one stands.
    pub fn check(&self, known: &[Self]) -> Result<(), String> {
        let mount = &self.application.mount;
        let is_same = |one: &&Self| one.section == self.section && one.application.mount == *mount;
        let Some(other) = known.iter().find(is_same) else {
            return Ok(());
        };
        let other = &other.application.handlers;
        let source = other.first().map_or("", |handler| &*handler.source);
        let path = if mount.is_empty() { "/" } else { mount };
        Err(format!(
            "the path {path} has an application here already, by {source}: write one line for each path"
        ))
    }
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
        check_path(path)?;
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

/// Refuses a path that no request has as httpd compares them: decoded, without a query, and without `.` and `..`.
///
/// # Errors
/// A sentence that says what to write.
fn check_path(path: &str) -> Result<(), String> {
    if !path.starts_with('/') || path.contains("//") {
        return Err(format!(
            "'{path}' is no path of URLs: write it from its first slash on, as in /shop"
        ));
    }
    if let Some(end) = path.find(['?', '#']) {
        return Err(format!(
            "'{path}' has a query or a fragment, which no path has: write {}",
            &path[..end]
        ));
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(format!(
            "'{path}' has a segment . or .., which httpd resolves in requests: write the path without it"
        ));
    }
    if let Some(code) = percent_code(path) {
        return Err(format!(
            "'{path}' is compared with decoded paths: write the character itself in place of {code}"
        ));
    }
    match path.contains(char::is_control) {
        true => Err(format!(
            "{path:?} has a control character: write a path without it"
        )),
        false => Ok(()),
    }
}

/// The first `%` of a path with the two hexadecimal digits behind it.
fn percent_code(path: &str) -> Option<&str> {
    let codes = path.match_indices('%').map(|(at, _)| path.get(at..at + 3));
    codes
        .flatten()
        .find(|code| code.bytes().skip(1).all(|digit| digit.is_ascii_hexdigit()))
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
        for odd in ["/100%", "/.well-known", "/a...b", "/%zz", "/ä%4"] {
            let line = format!("{odd} wsgi a:b");
            assert_eq!(parse(&line, None).unwrap().mount, odd);
        }
        for (bad, location) in [
            ("wsgi a:b", None),
            ("/x wsgi a:b", Some("/x")),
            ("x wsgi a:b", None),
            ("/x//y wsgi a:b", None),
            ("/x?y wsgi a:b", None),
            ("/x#y wsgi a:b", None),
            ("wsgi a:b", Some("/x#y")),
            ("/x/../y wsgi a:b", None),
            ("/x/. wsgi a:b", None),
            ("/a%20b wsgi a:b", None),
            ("/a\u{7}b wsgi a:b", None),
            ("/x fcgi a:b", None),
        ] {
            let error = parse(bad, location).err().unwrap();
            assert!(error.contains("write "), "{bad}: {error}");
        }
    }

    #[test]
    fn a_path_has_one_application_in_each_section() {
        let mounted = |line: &str, section: usize| MountedAt {
            application: Arc::new(parse(line, None).unwrap()),
            server: 0,
            section,
        };
        let known = [mounted("/shop wsgi a", 1), mounted("/ asgi b", 2)];
        let refused = |line: &str, section| mounted(line, section).check(&known).err();
        let sentence = refused("/shop/ asgi c", 1).unwrap();
        assert!(
            sentence.contains("/shop ") && sentence.contains("test.conf:1"),
            "{sentence}"
        );
        assert!(refused("/ wsgi c", 2).unwrap().contains("the path / "));
        assert_eq!(refused("/shop wsgi a", 2), None);
        assert_eq!(refused("/shops wsgi a", 1), None);
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
