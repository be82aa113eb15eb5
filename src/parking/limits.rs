//! How many connections of this child have a handler, and how many may (`PythonMaxConnections`); and the warnings
//! at start and at run time when the MPM or the descriptors do not suffice.

use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::engine::capacity;
use crate::engine::capacity::Room;
use crate::engine::settings::Settings;
use crate::httpd::connection::parking;
use crate::httpd::log;
use crate::httpd::log::Level;
use crate::httpd::server::{config_tree, process};
use crate::httpd::{Connection, Server};

/// How many connections of this child have a handler now.
static PRESENT: AtomicUsize = AtomicUsize::new(0);
/// How many connections may be parked before the MPM accepts none for HTTP; computed once in a child.
static ROOM: OnceLock<usize> = OnceLock::new();
/// How many descriptors this child may have; asked once.
static DESCRIPTORS: OnceLock<usize> = OnceLock::new();
/// Whether this child has logged that HTTP is about to starve.
static WARNED: AtomicBool = AtomicBool::new(false);

/// One connection that counts, until this is dropped.
pub struct Member(());

impl Drop for Member {
    fn drop(&mut self) {
        PRESENT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a connection; `None` if `PythonMaxConnections` are served already.
pub fn join(c: &Connection, settings: &Settings) -> Option<Member> {
    let count = PRESENT.fetch_add(1, Ordering::Relaxed) + 1;
    let member = Member(());
    match settings.max_connections {
        Some(most) if count > most => {
            let text = format!("closed: {most} connections are served (PythonMaxConnections)");
            c.log(Level::Info, &text);
            return None;
        }
        Some(_) => {}
        None => warn(c.base_server(), count),
    }
    Some(member)
}

/// How many connections may be parked before the MPM accepts none for HTTP.
pub fn parked() -> usize {
    *ROOM.get_or_init(|| capacity::parked(parking::threads_per_child(), factor()))
}

/// Logs once in a child that so many connections have a handler that the MPM is about to accept none for HTTP.
fn warn(server: &Server, count: usize) {
    if !parking::mpm_parks() {
        return;
    }
    let (threads, room) = (parking::threads_per_child(), parked());
    if count > room && !WARNED.swap(true, Ordering::Relaxed) {
        let enough = capacity::factor(count * 2, threads);
        let text = format!(
            "{count} connections with a handler are open in this child: HTTP is about to starve. \
             Set AsyncRequestWorkerFactor to {enough} or more, or PythonMaxConnections to {room}"
        );
        server.log(Level::Warning, &text);
    }
}

/// `AsyncRequestWorkerFactor`. httpd has no function that returns it, so it is read from the configuration.
fn factor() -> f64 {
    let written = config_tree::last_argument(b"AsyncRequestWorkerFactor");
    let text = written.and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.trim().parse().ok())
        .unwrap_or(capacity::FACTOR)
}

/// How many descriptors a connection of this child with this descriptor may take.
pub fn room(descriptor: RawFd) -> Room {
    let number = usize::try_from(descriptor).unwrap_or(0);
    capacity::room(number, *DESCRIPTORS.get_or_init(process::most_descriptors))
}

/// At the start, for the servers whose connections have a handler: whether httpd accepts as many as
/// the configuration wants parked, and has the descriptors for them.
pub fn check<'a>(servers: impl Iterator<Item = &'a Server>) {
    if !parking::mpm_parks() {
        return;
    }
    let threads = parking::threads_per_child();
    let room = capacity::parked(threads, factor());
    let mut wanted = 0;
    for server in servers {
        let most = server.settings::<Settings>().max_connections;
        if let Some(most) = most.filter(|most| *most > room) {
            warn_of_starving(server, "PythonMaxConnections", most, room, threads);
        }
        wanted = wanted.max(most.unwrap_or(room).min(room));
    }
    let needed = capacity::descriptors(wanted);
    // With two descriptors each, no connection must rest.
    process::take_descriptors(needed * 2);
    let most = process::most_descriptors();
    if wanted > 0 && most < needed {
        let text = format!(
            "{wanted} parked connections of a child take {needed} descriptors, and it has {most}: \
             raise ulimit -n (APACHE_ULIMIT_MAX_FILES, LimitNOFILE=) to that, or set \
             PythonMaxConnections"
        );
        log::main(Level::Warning, &text);
    }
}

/// At the start, for the servers whose requests may wait without a thread: whether httpd accepts as many, and makes room
/// for their descriptors.
pub fn check_waiting<'a>(servers: impl Iterator<Item = &'a Server>) {
    if !parking::mpm_parks() {
        return;
    }
    let most = |server: &Server| server.settings::<Settings>().max_waiting_requests;
    // The requests of a child are counted together. Virtual hosts inherit the number: the first of them is named.
    let all = servers.filter_map(|server| Some((server, most(server)?)));
    let Some((server, most)) = all.reduce(|one, other| if other.1 > one.1 { other } else { one })
    else {
        return;
    };
    let threads = parking::threads_per_child();
    let room = capacity::parked(threads, factor());
    if most > room {
        warn_of_starving(server, "PythonMaxWaitingRequests", most, room, threads);
    }
    process::take_descriptors(capacity::descriptors(most.min(room)) * 2);
}

fn warn_of_starving(server: &Server, name: &str, most: usize, room: usize, threads: usize) {
    let enough = capacity::factor(most, threads);
    let text = format!(
        "{name} {most} starves HTTP: with ThreadsPerChild {threads}, set AsyncRequestWorkerFactor to \
         {enough} or more, or {name} to {room}"
    );
    server.log(Level::Warning, &text);
}
