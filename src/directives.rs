//! The directives: one table.

pub mod access;
mod application;
mod arguments;
mod of_connections;
mod of_mod_mime;
mod option;
mod request_id;
mod start;

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use arguments::{Setting, flag, number, one, refused, seconds};
use of_connections::{connection_handler, protocol};
use option::option;

use crate::engine::filters::DeclaredFilter;
use crate::engine::handlers::{HandlerList, Home};
use crate::engine::interpreter_rule::InterpreterRule;
use crate::engine::key_values::size;
use crate::engine::phase_table;
use crate::engine::phase_table::ROWS;
use crate::engine::phases::Phase;
use crate::engine::python_path;
use crate::engine::python_path::WrittenPath;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
use crate::httpd::hooks::filters::{ENTRY_POINTS, is_registered, register};
use crate::httpd::server::config::{
    Command, Context, Directive, Line, OverrideClass, Section, commands,
};
use crate::module::Entry;
use crate::python::filter::registry::{check, registry};

/// In .htaccess, directives that run Python need the class of `AllowOverride` that `SetHandler` needs.
const ANYWHERE: Context = Context::Anywhere(&[OverrideClass::FileInfo]);
/// Directives that decide about users also need the class that `Require` needs.
const ANYWHERE_FOR_USERS: Context =
    Context::Anywhere(&[OverrideClass::FileInfo, OverrideClass::AuthConfig]);

/// The directives of phases, made from the table of phases.
static OF_PHASES: [Directive<Settings>; phase_table::COUNT] = {
    let mut all = [Directive {
        name: c"",
        help: c"",
        context: ANYWHERE,
        read: handlers,
    }; phase_table::COUNT];
    let mut index = 0;
    while index < all.len() {
        let row = &ROWS[index];
        all[index].name = row.directive;
        all[index].help = row.help;
        if row.is_server_only {
            all[index].context = Context::Server;
        }
        if matches!(row.phase, Phase::Authen | Phase::Authz) {
            all[index].context = ANYWHERE_FOR_USERS;
        }
        if matches!(row.phase, Phase::Connection) {
            all[index].read = connection_handler;
        }
        index += 1;
    }
    all
};

/// All other directives.
static OTHERS: [Directive<Settings>; 28] = [
    Directive {
        name: c"PythonProtocol",
        help: c"serves connections whose peers ask for a protocol by name, in TLS or with Upgrade: NAME module[::function]",
        context: Context::Server,
        read: protocol,
    },
    Directive {
        name: c"PythonApplication",
        help: c"an application of WSGI or ASGI for all requests below a path: /path wsgi module:callable, or without the path in <Location>",
        context: Context::Section,
        read: application::application,
    },
    Directive {
        name: c"PythonHandlerModule",
        help: c"modules whose functions serve the phases that they are named after: module ... [| .ext ...]",
        context: ANYWHERE_FOR_USERS,
        read: handler_module,
    },
    Directive {
        name: c"PythonAuthProvider",
        help: c"module[::object] with check_password and get_realm_hash, for AuthBasicProvider python and its like",
        context: ANYWHERE_FOR_USERS,
        read: access::provider,
    },
    Directive {
        name: c"PythonOutputFilter",
        help: c"declares a filter for responses: module[::function] NAME [key=value ...]",
        context: Context::Section,
        read: |line| filter(line, Direction::Output),
    },
    Directive {
        name: c"PythonInputFilter",
        help: c"declares a filter for request bodies: module[::function] NAME [key=value ...]",
        context: Context::Section,
        read: |line| filter(line, Direction::Input),
    },
    Directive {
        name: c"PythonRequestID",
        help: c"headers of clients whose ids name the requests in the logs, as in X-Request-ID; On: ids of httpd's; Off",
        context: Context::Server,
        read: request_id::request_id,
    },
    Directive {
        name: c"PythonInputSpool",
        help: c"how much of a body that an input filter may change is kept for a reader that needs its length, or Off",
        context: ANYWHERE,
        read: |line| {
            let what = "a number of bytes, as in 64M, or Off";
            let word = one(line, what)?;
            let limit = match word.eq_ignore_ascii_case("off") {
                true => 0,
                false => size(&word).filter(|bytes| *bytes > 0).ok_or_else(|| refused(what, &word))?,
            };
            Ok(Box::new(move |settings| settings.input_spool = Some(limit)))
        },
    },
    Directive {
        name: c"PythonImport",
        help: c"imports a module when a child starts, and calls a function of it: module[::function], then perhaps an interpreter, then perhaps the word required",
        context: Context::Server,
        read: start::import,
    },
    Directive {
        name: c"PythonHome",
        help: c"the virtual environment whose packages Python uses here, or the prefix of an installation",
        context: Context::Section,
        read: start::home,
    },
    Directive {
        name: c"PythonPath",
        help: c"a Python expression for sys.path, as in \"sys.path + ['/srv/python']\"",
        context: ANYWHERE,
        read: |line| {
            let expression = one(line, python_path::WANTED)?;
            python_path::check(&expression)?;
            let source = line.source().into();
            let path = Arc::new(WrittenPath { expression, source });
            Ok(Box::new(move |settings| settings.path = Some(path.clone())))
        },
    },
    Directive {
        name: c"PythonInterpreter",
        help: c"the name of the interpreter in which Python runs here; it may have %{SERVER} and %{DIRECTORY} in it",
        context: ANYWHERE,
        read: |line| {
            let text = one(line, "the name of an interpreter, as in shop")?;
            let rule = Arc::new(InterpreterRule::parse(&text)?);
            Ok(Box::new(move |settings| settings.interpreter = Some(rule.clone())))
        },
    },
    Directive {
        name: c"PythonInterpPerDirectory",
        help: c"On gives the files of each directory an interpreter of its own",
        context: ANYWHERE,
        read: |line| flag(line, |settings| &mut settings.per_directory),
    },
    Directive {
        name: c"PythonInterpPerDirective",
        help: c"On gives each section with handlers an interpreter of its own",
        context: ANYWHERE,
        read: |line| flag(line, |settings| &mut settings.per_directive),
    },
    Directive {
        name: c"PythonAutoReload",
        help: c"Off has changed modules wait for a restart; On takes them for the next requests",
        context: ANYWHERE,
        read: |line| flag(line, |settings| &mut settings.auto_reload),
    },
    Directive {
        name: c"PythonGracefulTimeout",
        help: c"seconds that handlers which wait have to finish when httpd stops gracefully",
        context: Context::Server,
        read: |line| {
            let range = Duration::ZERO..=Duration::MAX;
            seconds(line, "seconds, as in 5", range, |settings| &mut settings.graceful_timeout)
        },
    },
    Directive {
        name: c"PythonShutdownTimeout",
        help: c"seconds that Python has at the end of a child for its cleanups, threads and atexit functions",
        context: Context::Server,
        read: |line| {
            let range = Duration::ZERO..=Duration::from_secs(3600);
            seconds(line, "seconds up to 3600, as in 2", range, |settings| &mut settings.shutdown_timeout)
        },
    },
    Directive {
        name: c"PythonMaxConnections",
        help: c"how many connections with a handler each child serves; more are closed at once",
        context: Context::Server,
        read: |line| number(line, "a number of connections, as in 1000", |settings| &mut settings.max_connections),
    },
    Directive {
        name: c"PythonMaxWaitingRequests",
        help: c"how many requests of each child wait without a thread; more are answered 503; 0: each holds its thread",
        context: Context::Server,
        read: |line| number(line, "a number of requests, as in 1000", |settings| &mut settings.max_waiting_requests),
    },
    Directive {
        name: c"PythonMaxInterpreters",
        help: c"how many interpreters each child makes besides main_interpreter; requests for more are answered 503",
        context: Context::Server,
        read: |line| number(line, "a number of interpreters, as in 100", |settings| &mut settings.max_interpreters),
    },
    Directive {
        name: c"PythonSwitchInterval",
        help: c"seconds for which a thread runs Python code while other threads wait to run theirs",
        context: Context::Server,
        read: |line| {
            let range = Duration::from_micros(100)..=Duration::from_secs(1);
            let what = "seconds from 0.0001 to 1, as in 0.001";
            seconds(line, what, range, |settings| &mut settings.switch_interval)
        },
    },
    Directive {
        name: c"PythonDebug",
        help: c"On shows tracebacks to clients, too",
        context: ANYWHERE,
        read: |line| flag(line, |settings| &mut settings.debug),
    },
    Directive {
        name: c"PythonEnablePdb",
        help: c"On calls handlers under pdb, when httpd was started with -DONE_PROCESS",
        context: ANYWHERE,
        read: |line| flag(line, |settings| &mut settings.enable_pdb),
    },
    Directive {
        name: c"PythonOptimize",
        help: c"On starts Python as python -O does",
        context: Context::Server,
        read: |line| flag(line, |settings| &mut settings.optimize),
    },
    Directive {
        name: c"PythonDumpSignal",
        help: c"USR2: at this signal a child writes the stacks of its Python code to the main error log; Off",
        context: Context::Server,
        read: |line| {
            let wanted = match one(line, "USR2 or Off")?.to_ascii_lowercase().as_str() {
                "usr2" | "sigusr2" => true,
                "off" => false,
                other => return Err(format!("{}: httpd uses the other signals", refused("USR2 or Off", other))),
            };
            Ok(Box::new(move |settings| settings.dump_signal = Some(wanted)))
        },
    },
    Directive {
        name: c"PythonOption",
        help: c"a key and a value for Python code; without value, the key is unset here",
        context: ANYWHERE,
        read: option,
    },
    Directive {
        name: c"PythonCache",
        help: c"a cache that all children share: a name, a provider of httpd's such as shmcb:path(bytes), and perhaps ttl=seconds",
        context: Context::Server,
        read: start::cache,
    },
    Directive {
        name: c"PythonHtaccess",
        help: c"Off refuses all of these directives in .htaccess, whatever AllowOverride says",
        context: Context::Server,
        read: |line| flag(line, |settings| &mut settings.htaccess),
    },
];

/// Directives of other modules whose lines this one reads, too.
static READ_ALONG: [Directive<Settings>; 2] = [
    Directive {
        name: c"AddHandler",
        help: c"(mod_mime's) which extensions lead to Python: the publisher asks",
        context: Context::ReadAlong(OverrideClass::FileInfo),
        read: of_mod_mime::add_handler,
    },
    Directive {
        name: c"RemoveHandler",
        help: c"(mod_mime's) which extensions lead to Python no more: the publisher asks",
        context: Context::ReadAlong(OverrideClass::FileInfo),
        read: of_mod_mime::remove_handler,
    },
];

/// All directives in httpd's form.
pub static COMMANDS: [Command; OF_PHASES.len() + OTHERS.len() + READ_ALONG.len() + 1] =
    commands(&[&OF_PHASES, &OTHERS, &READ_ALONG]);

/// The section that a line stands in.
fn home(line: &Line<'_>) -> Home {
    match line.section() {
        Section::Server => Home::None,
        Section::Directory(path) => Home::Directory(path.trim_end_matches('/').into()),
        Section::DirectoryPattern { pattern, is_regex } => Home::Pattern {
            pattern: pattern.into(),
            is_regex,
        },
        Section::Location(path) | Section::LocationPattern(path) => Home::Location(path.into()),
    }
}

fn list(line: &Line<'_>) -> Result<HandlerList, String> {
    HandlerList::parse(&line.words(), &home(line), &line.source().into())
}

fn handlers(line: &Line<'_>) -> Setting {
    let list = list(line)?;
    let phase = Phase::of_directive(&line.name()).ok_or("is no directive of a phase")?;
    if !phase.knows_file() && !list.extensions.is_empty() {
        return Err(
            "takes no extensions, because httpd does not know the file yet: leave out the bar \
             and the extensions behind it"
                .into(),
        );
    }
    Ok(Box::new(move |settings| {
        settings.add_handlers(phase, &list)
    }))
}

fn handler_module(line: &Line<'_>) -> Setting {
    let list = list(line)?.silent()?;
    Ok(Box::new(move |settings| {
        for row in &ROWS {
            // Connections have handlers by PythonConnectionHandler only.
            let is_for_requests = row.phase != Phase::Connection;
            if is_for_requests && (list.extensions.is_empty() || row.phase.knows_file()) {
                settings.add_handlers(row.phase, &list);
            }
        }
    }))
}

fn filter(line: &Line<'_>, direction: Direction) -> Setting {
    let filter = Arc::new(DeclaredFilter::parse(
        &line.words(),
        &home(line),
        &line.source().into(),
    )?);
    filter.suits(direction)?;
    check(&filter, direction)?;
    let mut filters = registry(line.configuration());
    let (number, is_new) = filters.number(direction, &filter, ENTRY_POINTS)?;
    if is_new {
        let name = CString::new(&*filter.name).map_err(|_| "a NUL in a name")?;
        if is_registered(direction, &name) {
            return Err(format!(
                "another module has a filter '{}': write another name for this one",
                filter.name
            ));
        }
        register::<Entry>(direction, &filter.name, number, filter.kind);
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
        Arc::make_mut(&mut settings.filters).insert((direction, number), filter.clone());
    }))
}
