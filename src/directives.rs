//! The directives: one table.

use std::ffi::CString;
use std::sync::Arc;

use crate::engine::filters::{Filter, Kind, Way};
use crate::engine::handlers::{HandlerList, Home};
use crate::engine::phases::Phase;
use crate::engine::settings::Settings;
use crate::entry::Entry;
use crate::httpd::config::{Change, Command, Directive, Line, Place, Section, commands};
use crate::httpd::entries::{ENTRY_POINTS, FilterPlace, is_registered, register};
use crate::python::declared::{direction, registry};

type Read = Result<Change<Settings>, String>;

/// Every directive of the module.
pub static DIRECTIVES: [Directive<Settings>; 9] = [
    Directive {
        name: c"PythonHandler",
        help: c"the Python functions that answer requests: module[::function] ... [| .ext ...]",
        place: Place::Anywhere,
        read: |line| handlers(line, Phase::Content),
    },
    Directive {
        name: c"PythonTypeHandler",
        help: c"the Python functions that find media types: module[::function] ... [| .ext ...]",
        place: Place::Anywhere,
        read: |line| handlers(line, Phase::Type),
    },
    Directive {
        name: c"PythonConnectionHandler",
        help: c"the Python function that serves connections: module[::function]",
        place: Place::Server,
        read: connection_handler,
    },
    Directive {
        name: c"PythonOutputFilter",
        help: c"declares a filter for responses: module[::function] NAME [key=value ...]",
        place: Place::Section,
        read: |line| filter(line, Way::Out),
    },
    Directive {
        name: c"PythonInputFilter",
        help: c"declares a filter for request bodies: module[::function] NAME [key=value ...]",
        place: Place::Section,
        read: |line| filter(line, Way::In),
    },
    Directive {
        name: c"PythonPath",
        help: c"a Python expression for sys.path, as in \"sys.path + ['/srv/python']\"",
        place: Place::Anywhere,
        read: |line| {
            let path: Arc<str> =
                one(line, "a Python list, as in \"sys.path + ['/srv/python']\"")?.into();
            Ok(Box::new(move |settings| settings.path = Some(path.clone())))
        },
    },
    Directive {
        name: c"PythonInterpreter",
        help: c"the name of the interpreter in which Python runs here",
        place: Place::Anywhere,
        read: |line| {
            let name: Arc<str> = one(line, "the name of an interpreter, as in shop")?.into();
            Ok(Box::new(move |settings| {
                settings.interpreter = Some(name.clone())
            }))
        },
    },
    Directive {
        name: c"PythonDebug",
        help: c"On shows tracebacks to clients, too",
        place: Place::Anywhere,
        read: |line| {
            let debug = flag(line)?;
            Ok(Box::new(move |settings| settings.debug = Some(debug)))
        },
    },
    Directive {
        name: c"PythonOption",
        help: c"a key and a value for Python code; without value, the key is unset here",
        place: Place::Anywhere,
        read: option,
    },
];

/// The table in httpd's form.
pub static COMMANDS: [Command; DIRECTIVES.len() + 1] = commands(&DIRECTIVES);

/// The one argument of a directive.
fn one(line: &Line<'_>, what: &str) -> Result<String, String> {
    match <[String; 1]>::try_from(line.words()) {
        Ok([word]) if !word.is_empty() => Ok(word),
        _ => Err(format!("takes one argument: write {what}")),
    }
}

fn flag(line: &Line<'_>) -> Result<bool, String> {
    match one(line, "On or Off")?.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("is On or Off, not '{other}'")),
    }
}

fn option(line: &Line<'_>) -> Read {
    let (key, value) = match line.words().as_slice() {
        [key] if !key.is_empty() => (key.clone(), String::new()),
        [key, value] if !key.is_empty() => (key.clone(), value.clone()),
        _ => return Err("takes a key and a value: write PythonOption key value".into()),
    };
    let small = key.to_lowercase();
    Ok(Box::new(move |settings| {
        let entry = (key.clone(), value.clone());
        Arc::make_mut(&mut settings.options).insert(small.clone(), entry);
    }))
}

/// Where the handlers of a section are looked for first.
fn home(line: &Line<'_>) -> Home {
    match line.section() {
        Section::Directory(path) => Home::Directory(path.trim_end_matches('/').into()),
        Section::Server | Section::Location(_) | Section::DirectoryPattern(_) => Home::None,
    }
}

fn handlers(line: &Line<'_>, phase: Phase) -> Read {
    let list = HandlerList::parse(&line.words(), &home(line), &line.source().into())?;
    Ok(Box::new(move |settings| {
        settings.add_handlers(phase, &list)
    }))
}

fn connection_handler(line: &Line<'_>) -> Read {
    let list = HandlerList::parse(&line.words(), &Home::None, &line.source().into())?;
    if list.handlers.len() > 1 || !list.extensions.is_empty() {
        return Err("takes one handler, for every connection: write module::function".into());
    }
    Ok(Box::new(move |settings| {
        settings.add_handlers(Phase::Connection, &list)
    }))
}

fn filter(line: &Line<'_>, way: Way) -> Read {
    let filter = Arc::new(Filter::parse(
        &line.words(),
        &home(line),
        &line.source().into(),
    )?);
    let mut filters = registry(line.configuration());
    let (number, is_new) = filters.number(way, &filter, ENTRY_POINTS)?;
    if is_new {
        let name = CString::new(&*filter.name).map_err(|_| "a NUL in a name")?;
        if is_registered(direction(way), &name) {
            return Err(format!(
                "another module has a filter '{}': write another name for this one",
                filter.name
            ));
        }
        register::<Entry>(direction(way), &filter.name, number, place(filter.kind));
    }
    if filter.kind.is_connections() && line.section() != Section::Server {
        line.warn(&format!(
            "{}: filter {} of kind={} stands in a section, so it is on no connection: write it \
             outside",
            line.name(),
            filter.name,
            filter.kind.name()
        ));
    }
    Ok(Box::new(move |settings| {
        Arc::make_mut(&mut settings.filters).insert((way, number), filter.clone());
    }))
}

/// The place of a kind in httpd's chains.
fn place(kind: Kind) -> FilterPlace {
    match kind {
        Kind::Resource => FilterPlace::Resource,
        Kind::ContentSet => FilterPlace::ContentSet,
        Kind::Protocol => FilterPlace::Protocol,
        Kind::Transcode => FilterPlace::Transcode,
        Kind::Connection => FilterPlace::Connection,
        Kind::Network => FilterPlace::Network,
    }
}
