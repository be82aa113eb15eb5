//! What a `PythonHome` may name: a virtual environment, or the prefix of an installation, of the version of Python that
//! the module was built with.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::idle_handlers::WrittenDirective;

/// A `PythonHome` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonHome {
    /// The folder, an absolute path.
    pub folder: String,
    /// Where it stands, as `file:line`.
    pub source: Arc<str>,
}

/// What a folder is for Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeKind {
    /// A virtual environment: it has packages, and uses the standard library of an installation.
    Environment,
    /// The prefix of an installation, which has the standard library, too.
    Prefix,
}

/// The Python that the module was built with.
#[derive(Clone, Copy)]
pub struct BuiltWith {
    /// Its version, as in `3.11.2`.
    pub version: &'static str,
    /// Its program.
    pub executable: &'static str,
    /// The folder of its standard library, as in `/usr/lib/python3.11`.
    pub library: &'static str,
}

/// The Python that this module was built with.
pub const BUILT_WITH: BuiltWith = BuiltWith {
    version: env!("MOD_PYTHON_PYTHON_VERSION"),
    executable: env!("MOD_PYTHON_EXECUTABLE"),
    library: env!("MOD_PYTHON_LIBRARY"),
};

impl BuiltWith {
    /// The prefix, as in `/usr`.
    pub fn prefix(&self) -> &'static str {
        let prefix = Path::new(self.library).ancestors().nth(2);
        prefix.and_then(Path::to_str).unwrap_or_default()
    }

    /// The name of the library's folder, as in `python3.11`.
    fn library_name(&self) -> &'static str {
        self.library.rsplit('/').next().unwrap_or_default()
    }

    /// Major and minor version, as in `3.11`.
    pub fn minor(&self) -> &'static str {
        minor(self.version)
    }
}

/// The first two numbers of a version.
fn minor(version: &str) -> &str {
    let mut dots = version.match_indices('.').map(|(index, _)| index);
    dots.nth(1).map_or(version, |end| &version[..end])
}

impl fmt::Display for PythonHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PythonHome {} at {}", self.folder, self.source)
    }
}

impl PythonHome {
    /// Reads the argument of the directive.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(folder: &str, source: &str) -> Result<Self, String> {
        if !folder.starts_with('/') {
            return Err(format!(
                "takes the absolute path of a virtual environment or of a prefix, not '{folder}': write it from the \
                 first slash on, as in /srv/shop/venv"
            ));
        }
        let folder = match folder.trim_end_matches('/') {
            "" => "/",
            folder => folder,
        };
        Ok(Self {
            folder: folder.to_owned(),
            source: source.into(),
        })
    }

    /// Whether two interpreters, or sections, have the same packages by this directive.
    pub fn are_same(one: Option<&Arc<Self>>, other: Option<&Arc<Self>>) -> bool {
        match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one.folder == other.folder,
            _ => false,
        }
    }

    /// What it is, seen from the folder that is the root for httpd's children. What cannot be read counts as a prefix.
    pub fn kind(&self, root: &Path) -> HomeKind {
        match self.inside(root).join("pyvenv.cfg").exists() {
            true => HomeKind::Environment,
            false => HomeKind::Prefix,
        }
    }

    fn inside(&self, root: &Path) -> PathBuf {
        root.join(self.folder.trim_start_matches('/'))
    }

    /// Looks at the folder. Returns what it is, and what the user of httpd's children must be able to read.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead, without the directive's name.
    pub fn check(
        &self,
        root: &Path,
        python: &BuiltWith,
    ) -> Result<(HomeKind, Vec<PathBuf>), String> {
        let folder = self.inside(root);
        let how = format!(
            "make one with {} -m venv {}",
            python.executable, self.folder
        );
        match std::fs::metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let above = Path::new(&self.folder)
                    .ancestors()
                    .nth(2)
                    .and_then(Path::to_str);
                return Err(match folder.ancestors().nth(2).zip(above) {
                    Some((inside, above)) if inside.join("pyvenv.cfg").exists() => {
                        format!("this is a file of an environment: write PythonHome {above}")
                    }
                    _ => format!("this is a file, no virtual environment: {how}"),
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(format!("there is no such folder: {how}"));
            }
            Err(error) => return Err(format!("this folder cannot be looked at: {error}")),
        }
        match std::fs::read_to_string(folder.join("pyvenv.cfg")) {
            Ok(settings) => environment(&folder, &settings, python, &how),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                prefix(&folder, python, &how)
            }
            Err(error) => Err(format!("its pyvenv.cfg cannot be read: {error}")),
        }
    }
}

fn environment(
    folder: &Path,
    settings: &str,
    python: &BuiltWith,
    how: &str,
) -> Result<(HomeKind, Vec<PathBuf>), String> {
    let wanted = python.minor();
    if let Some(version) = version(settings).filter(|version| minor(version) != wanted) {
        return Err(format!(
            "this is an environment of Python {version}, and mod_python was built with {}: {how}-{wanted}",
            python.version
        ));
    }
    let packages = folder
        .join("lib")
        .join(python.library_name())
        .join("site-packages");
    if !packages.exists() {
        return Err(format!(
            "this environment has no folder lib/{}/site-packages, so it is of another Python than the one that \
             mod_python was built with ({}): {how}-{wanted}",
            python.library_name(),
            python.version
        ));
    }
    Ok((
        HomeKind::Environment,
        vec![folder.join("pyvenv.cfg"), packages],
    ))
}

fn prefix(
    folder: &Path,
    python: &BuiltWith,
    how: &str,
) -> Result<(HomeKind, Vec<PathBuf>), String> {
    let name = python.library_name();
    let libraries = ["lib", "lib64"].map(|lib| folder.join(lib).join(name));
    let encodings = libraries.map(|library| library.join("encodings/__init__.py"));
    match encodings.into_iter().find(|file| file.exists()) {
        Some(file) => Ok((HomeKind::Prefix, vec![file])),
        None => Err(format!(
            "this is neither a virtual environment (it has no pyvenv.cfg) nor the prefix of a Python {} (it has no \
             lib/{name}): {how}",
            python.minor()
        )),
    }
}

/// What the configuration says about the homes of a child's interpreters.
#[derive(Default)]
pub struct Homes {
    /// That of the main server, and so of main_interpreter.
    pub main: Option<Arc<PythonHome>>,
    /// Those of interpreters that the configuration names, by their names.
    pub named: HashMap<String, Arc<PythonHome>>,
    /// Whether any of them is a virtual environment.
    pub has_environment: bool,
}

impl Homes {
    /// The home of the interpreter of this name, for who has no section: what the configuration has beside the name,
    /// else that of the main server.
    pub fn of(&self, name: &str) -> Option<&Arc<PythonHome>> {
        self.named.get(name).or(self.main.as_ref())
    }
}

/// A section, or a server, that names an interpreter where a `PythonHome` holds.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedHome<'a> {
    /// The name of the interpreter.
    pub interpreter: &'a str,
    /// The folder.
    pub folder: &'a str,
    /// Where the `PythonHome` stands.
    pub source: &'a str,
    /// Whether it stands beside the name, not around it.
    pub is_beside: bool,
}

/// The names of interpreters in a configuration that have a `PythonHome` beside or around them.
pub fn named_homes(configuration: &[WrittenDirective]) -> Vec<NamedHome<'_>> {
    let mut found = Vec::new();
    add_named(configuration, None, &mut found);
    found
}

fn add_named<'a>(
    lines: &'a [WrittenDirective],
    around: Option<&'a WrittenDirective>,
    found: &mut Vec<NamedHome<'a>>,
) {
    let last = |name| {
        lines
            .iter()
            .rfind(|line| line.name.eq_ignore_ascii_case(name))
    };
    let beside = last("PythonHome");
    let home = beside.or(around);
    let interpreter = last("PythonInterpreter").map(|line| unquoted(&line.arguments));
    let fixed = interpreter.filter(|name| !name.contains('%'));
    if let Some((interpreter, home)) = fixed.zip(home) {
        found.push(NamedHome {
            interpreter,
            folder: unquoted(&home.arguments).trim_end_matches('/'),
            source: &home.source,
            is_beside: beside.is_some(),
        });
    }
    for line in lines {
        add_named(&line.inside, home, found);
    }
}

fn unquoted(argument: &str) -> &str {
    argument.trim().trim_matches(['"', '\''])
}

/// The version that a `pyvenv.cfg` gives: `version` of venv, `version_info` of virtualenv and uv.
fn version(settings: &str) -> Option<&str> {
    settings.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let key = key.trim().to_ascii_lowercase();
        matches!(key.as_str(), "version" | "version_info").then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PYTHON: BuiltWith = BuiltWith {
        version: "3.11.2",
        executable: "/usr/bin/python3",
        library: "/usr/lib/python3.11",
    };

    #[test]
    fn only_absolute_paths_are_taken() {
        let parse = |folder| PythonHome::parse(folder, "test.conf:1").map(|home| home.folder);
        assert_eq!(parse("/srv/venv//").unwrap(), "/srv/venv");
        assert_eq!(parse("/").unwrap(), "/");
        for bad in ["venv", "~/venv", "", "./venv"] {
            assert!(
                parse(bad)
                    .unwrap_err()
                    .contains("write it from the first slash on")
            );
        }
    }

    #[test]
    fn versions_are_those_of_venv_virtualenv_and_uv() {
        let of = |text| version(text).map(minor);
        assert_eq!(of("home = /usr/bin\nversion = 3.11.2\n"), Some("3.11"));
        assert_eq!(
            of("home=/usr/bin\nversion_info=3.9.2.final.0\n"),
            Some("3.9")
        );
        assert_eq!(of("uv = 0.5\nversion_info = 3.12.1\n"), Some("3.12"));
        assert_eq!(of("home = /usr/bin\nversion=3.11\n"), Some("3.11"));
        assert_eq!(of("home = /usr/bin\n"), None);
    }

    fn line(name: &str, arguments: &str, inside: Vec<WrittenDirective>) -> WrittenDirective {
        WrittenDirective {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            source: "test.conf:1".to_owned(),
            inside,
        }
    }

    #[test]
    fn names_have_the_home_beside_or_around_them() {
        let configuration = [
            line("PythonHome", "/main/", vec![]),
            line(
                "<Location",
                "/shop>",
                vec![
                    line("PythonInterpreter", "shop", vec![]),
                    line("PythonHome", "\"/shop venv\"", vec![]),
                ],
            ),
            line(
                "<VirtualHost",
                "*:80>",
                vec![
                    line("PythonInterpreter", "site", vec![]),
                    line(
                        "<Location",
                        "/x>",
                        vec![line("PythonInterpreter", "%{DIRECTORY}", vec![])],
                    ),
                ],
            ),
        ];
        let found = named_homes(&configuration);
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.interpreter, one.folder, one.is_beside))
            .collect();
        assert_eq!(
            found,
            [("shop", "/shop venv", true), ("site", "/main", false)]
        );
        assert_eq!(named_homes(&configuration[1].inside[..1]), []);
    }

    #[test]
    fn the_prefix_and_the_version_come_from_the_build() {
        assert_eq!(PYTHON.prefix(), "/usr");
        assert_eq!(PYTHON.library_name(), "python3.11");
        assert_eq!(PYTHON.minor(), "3.11");
    }

    #[test]
    fn what_is_not_there_says_how_to_make_it() {
        let home = PythonHome::parse("/no/such/place", "test.conf:1").unwrap();
        let sentence = home.check(Path::new("/"), &PYTHON).unwrap_err();
        assert_eq!(
            sentence,
            "there is no such folder: make one with /usr/bin/python3 -m venv /no/such/place"
        );
    }
}
