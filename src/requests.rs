//! The wiring of request phases: where Python stands in httpd's hooks, and which handlers run there.

use crate::engine::application;
use crate::engine::application::Interface;
use crate::engine::application::MountedAt;
use crate::engine::body_readers;
use crate::engine::body_readers::BodyReader;
use crate::engine::call_counters::Work;
use crate::engine::handler_lists::Chosen;
use crate::engine::handlers::Home;
use crate::engine::phase_table::ROWS;
use crate::engine::phases::{HANDLERS, Phase, PhaseHook};
use crate::engine::settings::Settings;
use crate::hook_order::Order;
use crate::httpd::hooks::requests::{Hook, Registration};
use crate::httpd::log::Level;
use crate::httpd::server::config;
use crate::httpd::{Pool, Request, Status};
use crate::locks::{Guard, Lock};
use crate::metrics::Measurement;
use crate::python::request::asgi;
use crate::python::request::end;
use crate::python::request::offers::{at_hand, serve};
use crate::python::request::phase;
use crate::python::request::state::RequestState;

/// The hooks of httpd that serve phases.
const PAIRS: [(PhaseHook, Hook); 11] = [
    (PhaseHook::ProcessConnection, Hook::ProcessConnection),
    (PhaseHook::PostReadRequest, Hook::PostReadRequest),
    (PhaseHook::TranslateName, Hook::TranslateName),
    (PhaseHook::HeaderParser, Hook::HeaderParser),
    (PhaseHook::AccessChecker, Hook::AccessChecker),
    (PhaseHook::CheckUserId, Hook::CheckUserId),
    (PhaseHook::AuthChecker, Hook::AuthChecker),
    (PhaseHook::TypeChecker, Hook::TypeChecker),
    (PhaseHook::Fixups, Hook::Fixups),
    (PhaseHook::Handler, Hook::Handler),
    (PhaseHook::LogTransaction, Hook::LogTransaction),
];

/// Modules that give single paths to files, to other paths, or to other servers: applications get what they leave.
const GIVE_PATHS: [&std::ffi::CStr; 5] = [
    c"mod_rewrite.c",
    c"mod_proxy.c",
    c"mod_jk.c",
    c"mod_alias.c",
    c"mod_userdir.c",
];

/// The applications that all lines of `PythonApplication` of this configuration mount, by their numbers.
pub fn applications(configuration: &Pool) -> Guard<'_, Vec<MountedAt>> {
    let known: &Lock<Vec<MountedAt>> =
        config::generation(configuration, c"mod_python.applications");
    known.lock()
}

/// The module's places in the hooks: those of the table of phases, and seven for the module itself.
pub fn hooks() -> Vec<Registration> {
    let own = |hook, order| Registration {
        hook,
        order,
        after: &[],
        before: &[],
    };
    let mut all = vec![
        Registration {
            hook: Hook::RequestId,
            order: Order::First,
            // Its lines with "early" can take a client's header away.
            after: &[c"mod_headers.c"],
            before: &[],
        },
        own(Hook::MapToStorage, Order::First),
        own(Hook::PostPerdirConfig, Order::First),
        own(Hook::AccessCheckerEx, Order::First),
        own(Hook::FirstFixups, Order::First),
        own(Hook::FirstHandler, Order::ReallyFirst),
        Registration {
            hook: Hook::Mount,
            order: Order::Middle,
            after: &GIVE_PATHS,
            // It gives every path to a file.
            before: &[c"mod_vhost_alias.c"],
        },
    ];
    for (in_table, hook) in PAIRS {
        let row = ROWS.iter().find(|row| row.position.hook == in_table);
        all.extend(row.map(|row| Registration {
            hook,
            order: row.position.order,
            after: row.position.after,
            before: row.position.before,
        }));
    }
    all
}

/// The result of a hook about a request: runs the handlers that it has in this hook.
pub fn request(r: &Request, hook: Hook) -> Status {
    if hook != Hook::LogTransaction && r.is_answered() {
        // Output of a later phase, or of httpd's own handler, would follow the response.
        return Status::DONE;
    }
    match hook {
        // With Satisfy Any, httpd goes on to this hook whatever a PythonAccessHandler has returned.
        Hook::AccessCheckerEx => Status::DECLINED,
        Hook::MapToStorage => stays_without_file(r),
        Hook::PostPerdirConfig => {
            let settings: &Settings = r.settings();
            if settings.is_unusable {
                return Status::INTERNAL_SERVER_ERROR;
            }
            end::arm(r, settings);
            Status::DECLINED
        }
        Hook::FirstFixups => first_fixups(r),
        Hook::FirstHandler => {
            let handler = r.handler().unwrap_or_default();
            ready_body(r, body_readers::of_handler(handler))
        }
        Hook::TranslateName => translate_name(r),
        Hook::Mount => mount(r),
        Hook::TypeChecker => type_checker(r),
        Hook::Handler => match r.handler() {
            Some(name) if name == application::HANDLER => serve(r),
            Some(name) if HANDLERS.contains(&name) && is_mounted_inside(r) => serve(r),
            Some(name) if HANDLERS.contains(&name) => handler(r),
            _ => Status::DECLINED,
        },
        Hook::CheckUserId => check_user_id(r),
        Hook::LogTransaction => {
            give_range_back(r);
            // It may have ended before its sections were known.
            end::arm(r, r.settings());
            run(r, hook);
            // Also after an error the other logs are written.
            Status::DECLINED
        }
        _ => run(r, hook),
    }
}

/// Runs the content handlers. They may set another handler and decline: then another module reads the body.
fn handler(r: &Request) -> Status {
    let has_declined = |state: &RequestState| state.has_declined.get();
    let status = match r.existing_state().is_some_and(has_declined) {
        true => Status::DECLINED,
        false => run(r, Hook::Handler),
    };
    match r.handler() {
        Some(name) if status == Status::DECLINED => ready_body(r, body_readers::of_handler(name)),
        _ => status,
    }
}

/// mod_proxy is about to connect to this URL for a request.
pub fn proxied(r: &Request, url: &[u8]) -> Status {
    match r.is_answered() {
        true => Status::DONE,
        false => ready_body(r, body_readers::of_url(url)),
    }
}

/// Reads a body whose length Python's input filters may change, for a reader that needs the length.
fn ready_body(r: &Request, reader: BodyReader) -> Status {
    let settings: &Settings = r.settings();
    match (reader, settings.input_spool()) {
        (BodyReader::ToTheEnd, _) | (_, None) => Status::DECLINED,
        (_, Some(limit)) => r.give_body_length(limit, reader == BodyReader::Unknown),
    }
}

/// Runs the handlers of a hook's phases, as far as the request has any.
fn run(r: &Request, hook: Hook) -> Status {
    let Some((in_table, _)) = PAIRS.iter().find(|(_, of)| *of == hook) else {
        return Status::DECLINED;
    };
    let settings: &Settings = r.settings();
    let state = r.existing_state::<RequestState>();
    let mut status = Status::DECLINED;
    for phase in Phase::of_hook(*in_table) {
        let mut chosen = match settings.has(*phase) {
            true => settings.handlers(*phase, r.filename()),
            false => None,
        };
        if *phase == Phase::Init {
            chosen = chosen.filter(|chosen| match hook {
                Hook::PostReadRequest => {
                    RequestState::of(r).handlers.set_initial(chosen.list);
                    true
                }
                // A list that ran for the server is not run again.
                _ => !state.is_some_and(|state| state.handlers.is_initial(chosen.list)),
            });
        }
        if chosen.is_none() && !state.is_some_and(|state| state.handlers.has(*phase)) {
            continue;
        }
        let on_loop =
            chosen.filter(|chosen| *phase == Phase::Content && at_hand::is_known(*chosen));
        status = match on_loop {
            Some(chosen) => serve::run(r, chosen, settings),
            None => phase::run(r, *in_table, *phase, chosen, settings),
        };
        if !matches!(status, Status::OK | Status::DECLINED) {
            break;
        }
    }
    status
}

fn translate_name(r: &Request) -> Status {
    if let Some(before) = r.prev() {
        before.show_body_length(r);
        before.give_range_back();
    }
    let status = run(r, Hook::TranslateName);
    let settings: &Settings = r.settings();
    if status == Status::DECLINED && settings.location_shortcut == Some(true) {
        let lists = settings.handlers.as_ref();
        let is_location = |home: &Home| matches!(home, Home::Location(_));
        if lists.is_some_and(|lists| lists.handlers().any(|handler| is_location(&handler.home))) {
            r.set_no_file();
            return Status::OK;
        }
    }
    status
}

/// Gives a request to the application that is mounted for its path, if no module has given it to a file.
fn mount(r: &Request) -> Status {
    let settings: &Settings = r.settings();
    if settings.applications.is_empty() || r.proxyreq() != 0 {
        return Status::DECLINED;
    }
    let path = r.uri().unwrap_or_default();
    let Some((application, rest)) = settings.applications.find(path) else {
        return Status::DECLINED;
    };
    let state = RequestState::of(r);
    if state.application.set(application.clone()).is_err() {
        return Status::DECLINED;
    }
    r.set_path_info(Some(rest));
    r.set_no_file();
    r.set_handler(Some(application::HANDLER));
    Status::OK
}

/// Whether a request with `SetHandler mod_python` is for an application: the handlers stand outside of its path.
fn is_mounted_inside(r: &Request) -> bool {
    let state = r.existing_state::<RequestState>();
    let Some((state, application)) =
        state.and_then(|state| Some((state, state.application.get()?)))
    else {
        return false;
    };
    let chosen = r.settings::<Settings>().handlers(Phase::Content, None);
    let first = chosen.and_then(|chosen| chosen.list.first());
    let is_deeper = first.is_some_and(|handler| match &handler.home {
        Home::Location(path) => path.len() > application.mount.len(),
        _ => false,
    });
    !is_deeper && !state.handlers.has(Phase::Content)
}

/// Calls the application that was chosen for a request. What needs no Python is done before.
fn serve(r: &Request) -> Status {
    let state = r.existing_state::<RequestState>();
    let Some(application) = state.and_then(|state| state.application.get()) else {
        return Status::DECLINED;
    };
    if application.interface == Interface::Wsgi {
        let ready = ready_body(r, BodyReader::ByLength);
        if ready != Status::DECLINED {
            return ready;
        }
        r.add_application_vars(application.mount.as_bytes());
    }
    r.set_handler(Some(application::HANDLER));
    let chosen = Chosen {
        list: &application.handlers,
        extension: None,
    };
    let (hook, phase, settings) = (PhaseHook::Handler, Phase::Content, r.settings());
    let measurement = Measurement::request(application);
    let status = match application.interface {
        Interface::Wsgi => phase::run(r, hook, phase, Some(chosen), settings),
        Interface::Asgi => asgi::serve::run(r, application),
    };
    measurement.end(&Work::of_response(status.0.max(r.status())));
    status
}

/// Gives a request, and those that were redirected to it, the headers of the client back that were hidden from handlers.
fn give_range_back(r: &Request) {
    let requests = std::iter::successors(Some(r), |r| r.prev());
    requests.for_each(Request::give_range_back);
}

/// Keeps httpd from looking for the file of a request that has none.
fn stays_without_file(r: &Request) -> Status {
    match r.has_no_file() {
        // httpd answers TRACE in this hook.
        true if !r.is_trace() => Status::OK,
        _ => Status::DECLINED,
    }
}

fn check_user_id(r: &Request) -> Status {
    let status = run(r, Hook::CheckUserId);
    if status == Status::UNAUTHORIZED {
        r.note_auth_failure();
    }
    if status == Status::OK && r.user().is_none() {
        let text = "a PythonAuthenHandler returned apache.OK and set no user: set req.user, or \
                    return apache.DECLINED or apache.HTTP_UNAUTHORIZED";
        r.log(Level::Error, text);
        return Status::INTERNAL_SERVER_ERROR;
    }
    status
}

fn type_checker(r: &Request) -> Status {
    let before = r.content_type().map(<[u8]>::to_vec);
    let status = run(r, Hook::TypeChecker);
    if status == Status::DECLINED {
        let after = r.content_type().map(<[u8]>::to_vec);
        if after != before {
            RequestState::of(r).chosen_type.replace(after);
        }
    }
    status
}

fn first_fixups(r: &Request) -> Status {
    // mod_mime has had its say about languages, codings and filters; the type stays ours.
    let chosen = r
        .existing_state::<RequestState>()
        .and_then(|state| state.chosen_type.take());
    if let Some(chosen) = chosen {
        r.set_content_type(Some(&chosen));
    }
    if r.redirected_beyond_limit() {
        return Status::REQUEST_ENTITY_TOO_LARGE;
    }
    Status::DECLINED
}
