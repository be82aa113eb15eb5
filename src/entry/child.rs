//! A child of httpd: its start, and how it stops.

use std::ffi::CStr;

use super::{counters, dumps_stacks, filters, imports};
use crate::caches;
use crate::engine::settings::Settings;
use crate::httpd::connection::{blocking, parking};
use crate::httpd::hooks::ssi;
use crate::httpd::log::Level;
use crate::httpd::server::{fork, late_stop, listener, mutex, process, stop};
use crate::httpd::{Pool, Server, server};
use crate::metrics;
use crate::parking::kept_alive::KeptAlive;
use crate::parking::{shutdown, stuck_clients, timer};
use crate::python::apache::module::MODULE;
use crate::python::child_end;
use crate::python::connection::call;
use crate::python::connection::session::Session;
use crate::python::request::waiting::WaitingRequest;
use crate::python::runtime::{gil_turns, serving_fork, stacks, start};
use crate::python::ssi::Elements;
use crate::python_homes;

/// It forks a process for each connection of a child.
pub(super) const ITK: &CStr = c"mpm_itk.c";

/// The module's work when a child of prefork is told to end.
const DUTIES: stop::Duties = stop::Duties {
    closing: close,
    told: wake_all,
    last: child_end::beside_main_thread,
};

/// A child starts.
pub(super) fn init(child: &Pool, main: &'static Server) {
    child_end::run_with_child(child);
    mutex::child_init(child, main);
    caches::child_init(child, main);
    metrics::start(counters(main), &filters(main));
    let settings = || main.and_following().map(Server::settings::<Settings>);
    let optimize = settings().any(|settings| settings.optimize == Some(true));
    let interval = settings()
        .filter_map(|settings| settings.switch_interval)
        .min();
    let interval = interval.unwrap_or(gil_turns::SWITCH_INTERVAL);
    let homes = python_homes::homes(main);
    process::undisturbed(|| start::start(main, optimize, interval, homes, &MODULE));
    if dumps_stacks(main) {
        stacks::serve(main);
    }
    watch_forks(main);
    imports::run(child, main);
    ssi::serve::<Elements>();
    stop::take_over(child, main, DUTIES);
}

/// The child is about to stop.
pub(super) fn stopping(graceful: bool) {
    match graceful {
        true => {
            close();
            watch_for_late_stop();
        }
        // Children of prefork are at their end then, or leave their loop first (`stop`).
        false if stop::has_threads() => {
            end_soon();
            if parking::mpm_parks() {
                Session::stop_all();
                WaitingRequest::stop_all();
            }
        }
        false => {}
    }
}

/// The child stops gracefully: handlers have their time, and clients that keep their threads, too. Connections that are
/// kept alive end.
fn close() {
    let grace = call::grace();
    timer::close(grace);
    timer::wake::<KeptAlive>();
    // Their clients are looked at from now on.
    timer::wake::<WaitingRequest>();
    stuck_clients::watch(grace);
}

/// A child of an MPM with threads stops at once: the time of its end runs, and plain connection handlers are woken.
fn end_soon() {
    child_end::begin();
    stop::note_told();
    shutdown::call_all();
    blocking::shut_all();
}

/// Wakes all that waits in a child of prefork, so that it sees that the child was told to stop at once.
fn wake_all() {
    timer::wake_all();
    shutdown::call_all();
}

/// A child that stops gracefully may still be told to stop at once.
fn watch_for_late_stop() {
    let answer = || {
        end_soon();
        timer::end_waits();
    };
    if let Err(error) = stop::has_threads()
        .then(|| late_stop::watch(answer))
        .transpose()
    {
        let text =
            format!("no thread waits for SIGTERM while this child stops gracefully: {error}");
        server::log(Level::Warning, &text);
    }
}

/// From now on `fork::is_forked` tells processes that are forked from this child from the child itself.
fn watch_forks(main: &Server) {
    if let Err(error) = fork::watch(listener::ports()) {
        let text =
            format!("processes that Python code forks cannot be told from this child: {error}");
        main.log(Level::Error, &text);
    } else if process::has_module(ITK) {
        fork::serve(fork::Serving {
            before: serving_fork::before,
            parent: serving_fork::parent,
            child: serving_fork::child,
        });
    }
}
