//! Which interpreter runs what.

use std::borrow::Cow;

use super::handlers::Home;
use super::settings::Settings;

/// The name of the interpreter that Python starts with.
pub const MAIN: &str = "main_interpreter";

/// The name of the interpreter for a handler or filter that stands in `home`. `file` is the file of
/// the request, and whether it is a directory, as far as that is known yet.
pub fn interpreter<'a>(
    settings: &'a Settings,
    home: &'a Home,
    file: impl FnOnce() -> Option<(&'a [u8], bool)>,
) -> Cow<'a, str> {
    if let Some(name) = &settings.interpreter {
        return name.as_ref().into();
    }
    if settings.per_directory == Some(true) {
        return file().map_or(MAIN.into(), |(file, is_directory)| {
            let file = String::from_utf8_lossy(file);
            let directory = match is_directory {
                true => file.trim_end_matches('/'),
                false => file.rsplit_once('/').map_or("", |(directory, _)| directory),
            };
            format!("{directory}/").into()
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn name(settings: &Settings, home: &Home, file: Option<(&[u8], bool)>) -> String {
        interpreter(settings, home, || file).into_owned()
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
