//! The wiring of `PythonHome`: the lines of a configuration are checked before httpd starts, and handed to the children.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::configuration::written_configuration;
use crate::engine::handlers::Home;
use crate::engine::idle_handlers::WrittenDirective;
use crate::engine::interpreter_name::{MAIN, interpreter};
use crate::engine::python_home::{BUILT_WITH, HomeKind, Homes, NamedHome, PythonHome, named_homes};
use crate::engine::settings::Settings;
use crate::httpd::server::child_user::ChildUser;
use crate::httpd::server::{config, config_tree, process};
use crate::httpd::{Pool, Server};
use crate::locks::{Guard, Lock};

/// The homes that all lines of `PythonHome` of this configuration name.
pub fn registry(configuration: &Pool) -> Guard<'_, Vec<Arc<PythonHome>>> {
    let registry: &Lock<Vec<Arc<PythonHome>>> =
        config::generation(configuration, c"mod_python.homes");
    registry.lock()
}

/// Refuses a configuration with a `PythonHome` that children could not use.
///
/// # Errors
/// A sentence that says what is wrong, where, and what to write.
pub fn check(main: &Server) -> Result<(), String> {
    let homes = registry(main.configuration());
    let root = root();
    let prefix = prefix(main, root);
    let user = ChildUser::configured();
    for home in homes.iter() {
        let (kind, needed) = home
            .check(root, &BUILT_WITH)
            .map_err(|sentence| format!("{home}: {sentence}"))?;
        if kind == HomeKind::Prefix && home.folder != prefix {
            return Err(format!(
                "{home}: this is a prefix, and a process has the standard library of one, which is {prefix}: write \
                 the prefix outside of virtual hosts and sections, and a virtual environment here"
            ));
        }
        // mpm-itk's users become known with the connections.
        if !process::has_module(c"mpm_itk.c") {
            check_readable(&needed, &user).map_err(|sentence| format!("{home}: {sentence}"))?;
        }
    }
    check_shared(main)
}

/// The prefix whose standard library the process has.
fn prefix(main: &Server, root: &Path) -> String {
    let home = main.settings::<Settings>().home.as_ref();
    let home = home.filter(|home| home.kind(root) == HomeKind::Prefix);
    home.map_or_else(
        || BUILT_WITH.prefix().to_owned(),
        |home| home.folder.clone(),
    )
}

fn check_readable(needed: &[PathBuf], user: &ChildUser) -> Result<(), String> {
    let paths: Result<Vec<_>, _> = needed
        .iter()
        .map(|path| CString::new(path.as_os_str().as_bytes()))
        .collect();
    let unreadable = user.first_unreadable(&paths.unwrap_or_default());
    match unreadable.and_then(|index| needed.get(index)) {
        Some(path) => Err(format!(
            "{} cannot be read by {}, the user of httpd's children: let that user read it, and enter the folders \
             above it",
            path.display(),
            user.name()
        )),
        None => Ok(()),
    }
}

/// Refuses two homes for one interpreter, as far as the configuration alone shows it.
fn check_shared(main: &Server) -> Result<(), String> {
    let of_main = main.settings::<Settings>().home.as_ref();
    for server in main.and_following() {
        let settings = server.settings::<Settings>();
        let is_other =
            |home: &&Arc<PythonHome>| of_main.is_none_or(|of_main| of_main.folder != home.folder);
        match settings.home.as_ref().filter(is_other) {
            Some(home)
                if settings
                    .interpreter
                    .as_ref()
                    .is_some_and(|rule| rule.fixed() == Some(MAIN)) =>
            {
                return Err(other_home(MAIN, home, "that of the main server"));
            }
            _ => {}
        }
    }
    let lines = resolved_configuration(main);
    let named: Vec<_> = named_homes(&lines)
        .into_iter()
        .filter(|one| one.is_beside)
        .collect();
    for (index, one) in named.iter().enumerate() {
        let mut before = named[..index]
            .iter()
            .filter(|other| other.interpreter == one.interpreter);
        if let Some(other) = before.find(|other| other.folder != one.folder) {
            let home = PythonHome::parse(one.folder, one.source)?;
            let of_other = format!("PythonHome {} at {}", other.folder, other.source);
            return Err(other_home(one.interpreter, &home, &of_other));
        }
    }
    Ok(())
}

fn other_home(interpreter: &str, home: &PythonHome, other: &str) -> String {
    format!(
        "{home}: the interpreter {interpreter} has another home, {other}: write a PythonInterpreter of its own beside \
         this one"
    )
}

/// What the children need to know of the homes.
pub fn homes(main: &Server) -> Homes {
    let all = registry(main.configuration());
    let root = Path::new("/");
    let lines = resolved_configuration(main);
    let (beside, around): (Vec<_>, Vec<_>) = named_homes(&lines)
        .into_iter()
        .partition(|one| one.is_beside);
    let written = |one: NamedHome<'_>| {
        let home = all.iter().find(|home| home.folder == one.folder)?;
        Some((one.interpreter.to_owned(), home.clone()))
    };
    let of_servers = main.and_following().filter_map(|server| {
        let settings = server.settings::<Settings>();
        let name = String::from_utf8_lossy(server.hostname()?);
        let name = interpreter(settings, &name, &Home::None, || None, |_| false);
        Some((name.into_owned(), settings.home.clone()?))
    });
    // What stands beside the name counts, whatever other sections inherit.
    let named = around.into_iter().filter_map(written).chain(of_servers);
    let named = named.chain(beside.into_iter().filter_map(written));
    let mut homes = Homes {
        main: main.settings::<Settings>().home.clone(),
        named: named.collect(),
        has_environment: all
            .iter()
            .any(|home| home.kind(root) == HomeKind::Environment),
    };
    homes.named.remove(MAIN);
    homes
}

/// The configuration as it was written, with the values of variables in the lines about homes.
fn resolved_configuration(main: &Server) -> Vec<WrittenDirective> {
    fn resolve(lines: &mut [WrittenDirective], pool: &Pool) {
        for line in lines {
            let is_about = ["PythonHome", "PythonInterpreter"]
                .iter()
                .any(|name| line.name.eq_ignore_ascii_case(name));
            if is_about && line.arguments.contains("${") {
                line.arguments = config_tree::resolved(pool, &line.arguments);
            }
            resolve(&mut line.inside, pool);
        }
    }
    let mut lines = written_configuration();
    resolve(&mut lines, main.configuration());
    lines
}

/// The folder that is the root for httpd's children.
fn root() -> &'static Path {
    let folder = config_tree::last_argument(b"ChrootDir");
    let folder = folder.and_then(|text| std::str::from_utf8(text).ok());
    Path::new(folder.map_or("/", |folder| folder.trim_matches('"')))
}
