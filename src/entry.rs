//! The wiring: for each hook, ask `engine` what to do and tell `python` to do it.

mod access;
mod child;
mod imports;
mod report;

use std::cell::RefCell;
use std::ffi::{CStr, CString};

use crate::caches;
use crate::configuration;
use crate::connections;
use crate::directives::COMMANDS;
use crate::engine::application::METRICS;
use crate::engine::counters;
use crate::engine::counters::Counters;
use crate::engine::settings::Settings;
use crate::filter_chain::Direction;
use crate::httpd::connection::parked_socket::ParkedSocket;
use crate::httpd::filter::Mode;
use crate::httpd::hooks;
use crate::httpd::hooks::access as providers;
use crate::httpd::hooks::filters::{ENTRY_POINTS, is_ours};
use crate::httpd::hooks::optional_functions;
use crate::httpd::hooks::refusals;
use crate::httpd::hooks::requests::{Hook, Registration};
use crate::httpd::hooks::{Module, Record};
use crate::httpd::server::config;
use crate::httpd::server::config::Command;
use crate::httpd::server::shared_memory::Shared;
use crate::httpd::server::{dump_signal, listener, mutex};
use crate::httpd::{Brigade, Connection, Error, Filter, Pool, Request, Server, Status};
use crate::module::Entry;
use crate::parking::limits;
use crate::python::apache::module::MODULE;
use crate::python::c_api::Exports;
use crate::python::connection::call;
use crate::python::connection::state::ConnectionState;
use crate::python::filter::registry::{declared, registry};
use crate::python::filter::{admission, drive};
use crate::python::request::waiting::WaitingRequest;
use crate::python::runtime::start;
use crate::python_homes;
use crate::request_ids;
use crate::requests;

/// The key under which the configuration's pool keeps the counters.
const COUNTERS: &std::ffi::CStr = c"mod_python.counters";

const _: () = assert!(ENTRY_POINTS <= counters::FILTERS);

impl config::ModuleSettings for Settings {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn merged(outer: &Self, inner: &Self) -> Self {
        Self::merged(outer, inner)
    }

    fn unusable() -> Self {
        Self::unusable()
    }

    fn admits_htaccess(&self) -> Result<(), String> {
        match self.htaccess {
            Some(false) => Err("PythonHtaccess Off refuses Python in .htaccess files".into()),
            _ => Ok(()),
        }
    }
}

/// Whether `PythonDumpSignal` is on.
fn dumps_stacks(main: &Server) -> bool {
    main.and_following()
        .any(|server| server.settings::<Settings>().dump_signal == Some(true))
}

impl Module for Entry {
    const NAME: &'static std::ffi::CStr = c"mod_python.c";
    type Settings = Settings;
    const COMMANDS: &'static [Command] = &COMMANDS;

    fn record() -> &'static Record {
        &crate::python_module
    }

    fn register(configuration: &Pool) {
        providers::register::<Self>(configuration);
    }

    fn post_config(configuration: &Pool, main: &Server) {
        providers::look_for_cache();
        refusals::install();
        // Made before the children are forked, which share it.
        let _: &Shared<Counters> = config::generation(configuration, COUNTERS);
        imports::prepare(configuration);
        make_locks(configuration, main);
        optional_functions::offer::<Exports>();
        hooks::add_version(
            configuration,
            concat!("mod_python/", env!("CARGO_PKG_VERSION")),
        );
        hooks::add_version(
            configuration,
            concat!("Python/", env!("MOD_PYTHON_PYTHON_VERSION")),
        );
        if dumps_stacks(main) {
            dump_signal::tolerate();
        }
        let servers = main.and_following();
        for server in servers.filter(|server| connections::connection_handler(server).is_some()) {
            listener::accept_at_once(&server.ports());
        }
    }

    fn configured(configuration: &Pool, main: &Server) -> Result<(), String> {
        let servers = main.and_following();
        limits::check(servers.filter(|server| connections::has_any(server)));
        limits::check_waiting(
            main.and_following()
                .filter(|server| connections::parks_requests(server)),
        );
        configuration::warn(main);
        caches::open(configuration, main)
    }

    fn child_init(child: &Pool, main: &'static Server) {
        child::init(child, main);
    }

    fn child_stopping(graceful: bool) {
        child::stopping(graceful);
    }

    fn parked_socket(c: &Connection) -> Option<&RefCell<Option<ParkedSocket>>> {
        connections::may_serve(c).then(|| &c.state(ConnectionState::default).parked_socket)
    }

    fn pre_close_connection(c: &Connection) {
        if let Some(state) = c.existing_state() {
            WaitingRequest::closing(c, state);
        }
        call::closing(c);
        connection_filters(c, |direction, name| drive::close(c, direction, name));
    }

    fn hosted() -> Result<(), String> {
        start::adopt(&MODULE)
    }

    fn process_connection(c: &Connection) -> Status {
        connections::process(c)
    }

    fn propose_protocols(
        c: &Connection,
        r: Option<&Request>,
        server: &Server,
        offers: &[&[u8]],
    ) -> Vec<CString> {
        connections::propose(c, r, server, offers)
    }

    fn switch_protocol(
        c: &Connection,
        r: Option<&Request>,
        server: &Server,
        name: &[u8],
    ) -> Status {
        connections::switch(c, r, server, name)
    }

    fn protocol(c: &Connection) -> Option<&CStr> {
        connections::name(c)
    }

    fn hooks() -> Vec<Registration> {
        requests::hooks()
    }

    fn request(r: &Request, hook: Hook) -> Status {
        if hook == Hook::Handler && r.handler() == Some(METRICS) {
            return report::answer(r);
        }
        if hook == Hook::RequestId {
            return request_ids::take(r);
        }
        requests::request(r, hook)
    }

    fn log_id(r: &Request) -> Option<&[u8]> {
        request_ids::generated(r)
    }

    fn proxied(r: &Request, url: &[u8]) -> Status {
        requests::proxied(r, url)
    }

    fn status(r: &Request, short: bool) -> String {
        let report = report::of(r.server());
        if short {
            report.lines()
        } else {
            report.table()
        }
    }

    fn output_filter(filter: &Filter, slot: usize, brigade: &Brigade) -> Result<(), Error> {
        match declared(filter, Direction::Output, slot) {
            Some((declared, settings)) => drive::output(filter, brigade, declared, settings),
            None => filter.step_out(brigade),
        }
    }

    fn check_config(configuration: &Pool, main: &Server) -> Result<(), String> {
        let mut servers = main.and_following();
        if servers.any(|server| server.settings::<Settings>().is_unusable) {
            return Err("sections could not be merged: the log above says why".to_owned());
        }
        connections::check(main)?;
        caches::check(configuration)?;
        configuration::check_mod_wsgi()?;
        python_homes::check(main)?;
        let filters = registry(configuration);
        for direction in [Direction::Input, Direction::Output] {
            for (slot, filter) in filters.all(direction) {
                if !is_ours::<Entry>(direction, &filter.name, slot) {
                    let (name, source) = (&filter.name, &filter.handler.source);
                    return Err(format!(
                        "{} at {source}: another module has a filter '{name}': write another name \
                         for this one",
                        direction.directive()
                    ));
                }
            }
        }
        Ok(())
    }

    fn pre_connection(c: &Connection) {
        if !c.is_stream() && !c.is_outgoing() {
            c.add_flush_gate();
            connection_filters(c, |direction, name| c.add_filter(direction, name));
        }
    }

    fn output_filter_starts(filter: &Filter, slot: usize, direct: bool) {
        let Some((declared, _)) = declared(filter, Direction::Output, slot) else {
            return;
        };
        if let Some(r) = filter.request() {
            admission::output_starts(r, &declared, direct);
        }
    }

    fn input_filter_starts(filter: &Filter, slot: usize) {
        if let Some((declared, _)) = declared(filter, Direction::Input, slot) {
            admission::input_starts(filter, &declared);
        }
    }

    fn input_filter(
        filter: &Filter,
        slot: usize,
        brigade: &Brigade,
        mode: Mode,
        block: bool,
    ) -> Result<(), Error> {
        match declared(filter, Direction::Input, slot) {
            Some((declared, settings)) => {
                drive::input(filter, brigade, declared, settings, mode, block)
            }
            None => Err(Error::GENERAL),
        }
    }
}

/// Makes the locks that all children share.
fn make_locks(configuration: &Pool, main: &Server) {
    let number = main.settings::<Settings>().locks();
    mutex::make(configuration, main, number.unwrap_or(mutex::COUNT));
}

/// The counters of this configuration, which all children share.
fn counters(server: &Server) -> &Counters {
    config::generation::<Shared<Counters>>(server.configuration(), COUNTERS)
}

/// The filters of the configuration, by direction, name and number.
fn filters(server: &Server) -> Vec<(Direction, String, usize)> {
    registry(server.configuration()).names()
}

/// Calls `f` for each filter that the server of a connection's address has for connections.
fn connection_filters(c: &Connection, f: impl Fn(Direction, &str)) {
    let filters = &c.base_server().settings::<Settings>().filters;
    for ((direction, _), filter) in filters.iter() {
        if filter.kind.is_connections() {
            f(*direction, &filter.name);
        }
    }
}
