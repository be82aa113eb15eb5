//! The name of the interpreter that runs a handler or filter.

use std::borrow::Cow;

use super::handlers::Home;
use super::settings::Settings;

/// The name of the interpreter that Python starts with.
pub const MAIN: &str = "main_interpreter";

/// The name of the interpreter for a handler or filter that stands in `home`. `server` is the name of the virtual server,
/// which names the interpreter where nothing else does. `file` is the file of the request, and whether it is a
/// directory, if that is known yet. Only directories of its path that exist (`is_there`) name an interpreter: the rest
/// of the path is chosen by the client.
pub fn interpreter<'a>(
    settings: &'a Settings,
    server: &'a str,
    home: &'a Home,
    file: impl FnOnce() -> Option<(&'a [u8], bool)>,
    is_there: impl Fn(&str) -> bool,
) -> Cow<'a, str> {
    // httpd gives each server a name, be it written or not.
    let server = if server.is_empty() { MAIN } else { server };
    let directory = || {
        let (file, is_directory) = file()?;
        directory(file, is_directory, is_there)
    };
    if let Some(rule) = &settings.interpreter {
        if let Some(name) = rule.fixed() {
            return name.into();
        }
        let name = rule.name(server, directory);
        return name.map_or(server.into(), Into::into);
    }
    if settings.per_directory == Some(true) {
        return directory().map_or(server.into(), Into::into);
    }
    match home {
        Home::Directory(path) if settings.per_directive == Some(true) => format!("{path}/").into(),
        Home::Location(path) | Home::Pattern { pattern: path, .. }
            if settings.per_directive == Some(true) =>
        {
            path.as_ref().into()
        }
        _ => server.into(),
    }
}

/// Whether the name depends on the directory of the request's file.
pub fn is_by_directory(settings: &Settings) -> bool {
    match &settings.interpreter {
        Some(rule) => rule.names_directory(),
        None => settings.per_directory == Some(true),
    }
}

/// The directory of a file, with a slash at its end; for a file that does not exist, the innermost directory that
/// does. `None`: it is no path of a file, such as `proxy:http://…`.
fn directory(file: &[u8], is_directory: bool, is_there: impl Fn(&str) -> bool) -> Option<String> {
    let file = String::from_utf8_lossy(file);
    let inside = file.strip_prefix('/')?;
    let parents = match is_directory {
        true => inside,
        false => inside.rsplit_once('/').map_or("", |(parents, _)| parents),
    };
    // However often a client repeats a slash, the directory is the same.
    let parts: Vec<&str> = parents
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let whole: String = std::iter::once("/")
        .chain(parts.iter().flat_map(|part| [*part, "/"]))
        .collect();
    let is_plain = !parts.contains(&"..");
    if is_plain && is_there(&whole) {
        return Some(whole);
    }
    // From above: there are as many checks as directories that exist, however long the path is.
    let mut found = "/".to_owned();
    for part in parts.iter().take_while(|part| **part != "..") {
        let before = found.len();
        found.extend([*part, "/"]);
        if !is_there(&found) {
            found.truncate(before);
            break;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::interpreter_rule::InterpreterRule;

    fn name(settings: &Settings, home: &Home, file: Option<(&[u8], bool)>) -> String {
        interpreter(settings, "a.example", home, || file, |_| true).into_owned()
    }

    fn rule(text: &str) -> Option<Arc<InterpreterRule>> {
        Some(Arc::new(InterpreterRule::parse(text).expect("a rule")))
    }

    #[test]
    fn only_directories_that_are_there_name_interpreters() {
        let settings = Settings {
            per_directory: Some(true),
            ..Settings::default()
        };
        let looks = std::cell::Cell::new(0);
        let name = |file: &str| {
            let is_there = |directory: &str| {
                looks.set(looks.get() + 1);
                ["/", "/srv/", "/srv/www/"].contains(&directory)
            };
            let file = Some((file.as_bytes(), false));
            interpreter(&settings, "a.example", &Home::None, || file, is_there).into_owned()
        };
        assert_eq!(name("/srv/www/page"), "/srv/www/");
        assert_eq!(name("/srv//www/.///page"), "/srv/www/");
        assert_eq!(name("/srv/www/made/up/page"), "/srv/www/");
        assert_eq!(name("/srv/www/made/../page"), "/srv/www/");
        assert_eq!(name("/made/up"), "/");
        assert_eq!(name("/page"), "/");
        assert_eq!(name("proxy:http://host/a/b"), "a.example");
        assert_eq!(name("relative/page"), "a.example");
        looks.set(0);
        name(&format!("/srv{}", "/a".repeat(4000)));
        assert_eq!(
            looks.get(),
            3,
            "the whole, the first that is there, and the first that is not"
        );
    }

    #[test]
    fn a_name_goes_before_the_directory_and_that_before_the_directive() {
        let home = Home::Directory("/srv/www".into());
        let page: Option<(&[u8], bool)> = Some((b"/srv/www/a/page.py", false));
        let mut settings = Settings::default();
        assert_eq!(name(&settings, &home, page), "a.example");
        settings.per_directive = Some(true);
        assert_eq!(name(&settings, &home, page), "/srv/www/");
        assert_eq!(name(&settings, &Home::Location("/x".into()), page), "/x");
        assert_eq!(name(&settings, &Home::None, page), "a.example");
        settings.per_directory = Some(true);
        assert_eq!(name(&settings, &home, page), "/srv/www/a/");
        assert_eq!(
            name(&settings, &home, Some((b"/srv/www/a", true))),
            "/srv/www/a/"
        );
        assert_eq!(name(&settings, &home, None), "a.example");
        settings.interpreter = rule("shop");
        assert_eq!(name(&settings, &home, page), "shop");
    }
    #[test]
    fn a_rule_without_a_directory_leaves_the_server() {
        let page: Option<(&[u8], bool)> = Some((b"/srv/www/page.py", false));
        let settings = Settings {
            interpreter: rule("%{SERVER}:%{DIRECTORY}"),
            ..Settings::default()
        };
        let name = |file| name(&settings, &Home::None, file);
        assert_eq!(name(page), "a.example:/srv/www/");
        assert_eq!(name(None), "a.example");
        assert_eq!(name(Some((b"proxy:http://host/", false))), "a.example");
    }

    #[test]
    fn a_server_without_a_name_has_the_main_one() {
        let settings = Settings::default();
        let name = interpreter(&settings, "", &Home::None, || None, |_| true);
        assert_eq!(name, MAIN);
    }
}
