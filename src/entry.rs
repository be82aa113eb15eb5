//! The wiring: for each hook, ask `engine` what to do and tell `python` to do it.

use std::ffi::{CStr, CString};
use std::sync::{Arc, Mutex, PoisonError};

use crate::directives::COMMANDS;
use crate::engine::counters::{self, Counters};
use crate::engine::filters::{Filter as Declared, Registry, Way};
use crate::engine::settings::Settings;
use crate::httpd::config::{self, Command};
use crate::httpd::entries::ENTRY_POINTS;
use crate::httpd::filter::{Direction, Mode};
use crate::httpd::hooks::{self, Module, Record};
use crate::httpd::phases::{Hook, Registration};
use crate::httpd::shared::{Shared, is_alive};
use crate::httpd::{Brigade, Connection, Error, Filter, Pool, Request, Server, Status};
use crate::httpd::{exports, listener, parking, ssi};
use crate::phases;
use crate::protocols;
use crate::python::exports::Exports;
use crate::python::ssi::Elements;
use crate::python::talk::Talk;
use crate::python::{alarm, call, cleanups, crowd, drive, imports, interpreter, meter};

/// Under which the configuration's pool keeps its filters.
pub const FILTERS: &std::ffi::CStr = c"mod_python.filters";

/// Under which it keeps what is counted.
const COUNTERS: &std::ffi::CStr = c"mod_python.counters";

const _: () = assert!(ENTRY_POINTS <= counters::FILTERS);

/// The module.
pub struct Entry;

impl config::Settings for Settings {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn merged(outer: &Self, inner: &Self) -> Self {
        Self::merged(outer, inner)
    }
}

impl Module for Entry {
    const NAME: &'static std::ffi::CStr = c"mod_python.c";
    type Settings = Settings;
    const COMMANDS: &'static [Command] = &COMMANDS;

    fn record() -> &'static Record {
        &crate::python_module
    }

    fn check_config(main: &Server) -> Result<(), String> {
        protocols::check(main)
    }

    fn post_config(configuration: &Pool, main: &Server) {
        // Before the children are forked, which share it.
        let _: &Shared<Counters> = config::generation(configuration, COUNTERS);
        exports::offer::<Exports>();
        hooks::add_version(
            configuration,
            concat!("mod_python/", env!("CARGO_PKG_VERSION")),
        );
        hooks::add_version(
            configuration,
            concat!("Python/", env!("MOD_PYTHON_PYTHON_VERSION")),
        );
        for server in std::iter::successors(Some(main), |server| server.next()) {
            if protocols::connection_handler(server).is_some() {
                crowd::check(server);
                listener::accept_at_once(&server.ports());
            }
        }
    }

    fn child_init(child: &Pool, main: &'static Server) {
        cleanups::run_with_child(child);
        let counters = counters(main);
        let pid = std::process::id() as i32;
        meter::start(counters, counters.child(pid, is_alive), &filters(main));
        let mut servers = std::iter::successors(Some(main), |server| server.next());
        let is_on = |server: &Server| server.settings::<Settings>().optimize == Some(true);
        interpreter::start(main, servers.any(is_on));
        imports::run(main);
        ssi::serve::<Elements>();
    }

    fn child_stopping(graceful: bool) {
        match graceful {
            true => alarm::close(call::grace()),
            false if parking::mpm_parks() => Talk::stop_all(),
            // Those who have a thread are told by its end; this may be a signal handler.
            false => {}
        }
    }

    fn pre_close_connection(c: &Connection) {
        call::closing(c);
    }

    fn hosted(main: &'static Server) -> Result<(), String> {
        interpreter::adopt(main)
    }

    fn process_connection(c: &Connection) -> Status {
        protocols::process(c)
    }

    fn propose_protocols(
        c: &Connection,
        r: Option<&Request>,
        server: &Server,
        offers: &[&[u8]],
    ) -> Vec<CString> {
        protocols::propose(c, r, server, offers)
    }

    fn switch_protocol(
        c: &Connection,
        r: Option<&Request>,
        server: &Server,
        name: &[u8],
    ) -> Status {
        protocols::switch(c, r, server, name)
    }

    fn protocol(c: &Connection) -> Option<&CStr> {
        protocols::name(c)
    }

    fn hooks() -> Vec<Registration> {
        phases::hooks()
    }

    fn request(r: &Request, hook: Hook) -> Status {
        phases::request(r, hook)
    }

    fn status(r: &Request, short: bool) -> String {
        let counters = counters(r.server());
        let connections = counters.connections(is_alive);
        counters.report(&filters(r.server()), connections, short)
    }

    fn output_filter(filter: &Filter, slot: usize, brigade: &Brigade) -> Result<(), Error> {
        match declared(filter, Way::Out, slot) {
            Some((declared, settings)) => drive::output(filter, brigade, declared, settings),
            None => filter.step_out(brigade),
        }
    }

    fn input_filter_starts(filter: &Filter) {
        if let Some(r) = filter.request() {
            r.hide_body_length();
        }
    }

    fn input_filter(
        filter: &Filter,
        slot: usize,
        brigade: &Brigade,
        mode: Mode,
        block: bool,
    ) -> Result<(), Error> {
        match declared(filter, Way::In, slot) {
            Some((declared, settings)) => {
                drive::input(filter, brigade, declared, settings, mode, block)
            }
            None => Err(Error::GENERAL),
        }
    }
}

/// What the children of this configuration count in.
fn counters(server: &Server) -> &Counters {
    config::generation::<Shared<Counters>>(server.configuration(), COUNTERS)
}

/// The filters of the configuration, by way, name and number.
fn filters(server: &Server) -> Vec<(Way, String, usize)> {
    let filters: &Mutex<Registry> = config::generation(server.configuration(), FILTERS);
    let filters = filters.lock().unwrap_or_else(PoisonError::into_inner);
    filters.names()
}

/// What entry point `slot` stands for where the filter's request is; else its first declaration.
fn declared(filter: &Filter, way: Way, slot: usize) -> Option<(Arc<Declared>, &Settings)> {
    let r = filter.request()?;
    let settings = r.settings::<Settings>();
    let here = settings.filters.get(&(way, slot)).cloned();
    let declared = here.or_else(|| {
        let filters: &Mutex<Registry> = config::generation(r.server().configuration(), FILTERS);
        filters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .declared(way, slot)
    })?;
    Some((declared, settings))
}

/// The direction of a filter, in httpd's words.
pub fn direction(way: Way) -> Direction {
    match way {
        Way::In => Direction::Input,
        Way::Out => Direction::Output,
    }
}
