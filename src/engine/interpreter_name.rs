//! The name of the interpreter that runs a handler or filter.

use std::borrow::Cow;

use super::handlers::Home;
use super::settings::Settings;

/// The name of the interpreter that Python starts with.
pub const MAIN: &str = "main_interpreter";

/// The name of the interpreter for a handler or filter that stands in `home`. `file` is the file of
/// the request, and whether it is a directory, if that is known yet. Only directories of its path that
/// exist (`is_there`) name an interpreter: the rest of the path is chosen by the client.
pub fn interpreter<'a>(
    settings: &'a Settings,
    home: &'a Home,
    file: impl FnOnce() -> Option<(&'a [u8], bool)>,
    is_there: impl Fn(&str) -> bool,
) -> Cow<'a, str> {
    if let Some(name) = &settings.interpreter {
        return name.as_ref().into();
    }
    if settings.per_directory == Some(true) {
        let directory =
            file().and_then(|(file, is_directory)| directory(file, is_directory, is_there));
        return directory.map_or(MAIN.into(), Into::into);
    }
    match home {
        Home::Directory(path) if settings.per_directive == Some(true) => format!("{path}/").into(),
        Home::Location(path) | Home::Pattern { pattern: path, .. }
            if settings.per_directive == Some(true) =>
        {
            path.as_ref().into()
        }
        _ => MAIN.into(),
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
    use super::*;

    fn name(settings: &Settings, home: &Home, file: Option<(&[u8], bool)>) -> String {
        interpreter(settings, home, || file, |_| true).into_owned()
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
            interpreter(&settings, &Home::None, || file, is_there).into_owned()
        };
        assert_eq!(name("/srv/www/page"), "/srv/www/");
        assert_eq!(name("/srv//www/.///page"), "/srv/www/");
        assert_eq!(name("/srv/www/made/up/page"), "/srv/www/");
        assert_eq!(name("/srv/www/made/../page"), "/srv/www/");
        assert_eq!(name("/made/up"), "/");
        assert_eq!(name("/page"), "/");
        assert_eq!(name("proxy:http://host/a/b"), MAIN);
        assert_eq!(name("relative/page"), MAIN);
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
        assert_eq!(name(&settings, &home, page), MAIN);
        settings.per_directive = Some(true);
        assert_eq!(name(&settings, &home, page), "/srv/www/");
        assert_eq!(name(&settings, &Home::Location("/x".into()), page), "/x");
        assert_eq!(name(&settings, &Home::None, page), MAIN);
        settings.per_directory = Some(true);
        assert_eq!(name(&settings, &home, page), "/srv/www/a/");
        assert_eq!(
            name(&settings, &home, Some((b"/srv/www/a", true))),
            "/srv/www/a/"
        );
        assert_eq!(name(&settings, &home, None), MAIN);
        settings.interpreter = Some("shop".into());
        assert_eq!(name(&settings, &home, page), "shop");
    }
}
