//! How many connections of this child have a handler of ours, and how many may.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::engine::capacity;
use crate::engine::settings::Settings;
use crate::httpd::log::{self, Level, place};
use crate::httpd::process::{Node, configuration};
use crate::httpd::{Connection, Server, parking};

/// How many there are.
static PRESENT: AtomicUsize = AtomicUsize::new(0);
/// How many there may be before HTTP starves; for this child's life.
static ROOM: OnceLock<usize> = OnceLock::new();
static WARNED: AtomicBool = AtomicBool::new(false);

/// One of them, until it is dropped.
pub struct Member(());

impl Drop for Member {
    fn drop(&mut self) {
        PRESENT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes a connection in; `None` where there are enough (`PythonMaxConnections`).
pub fn join(c: &Connection, settings: &Settings) -> Option<Member> {
    let count = PRESENT.fetch_add(1, Ordering::Relaxed) + 1;
    let member = Member(());
    match settings.max_connections {
        Some(most) if count > most => {
            let text = format!("closed: {most} connections are served (PythonMaxConnections)");
            log::connection(place!(), c, Level::Info, &text);
            return None;
        }
        Some(_) => {}
        None => warn(c.base_server(), count),
    }
    Some(member)
}

fn warn(server: &Server, count: usize) {
    if !parking::mpm_parks() {
        return;
    }
    let threads = parking::threads_per_child();
    let room = *ROOM.get_or_init(|| capacity::parked(threads, factor()));
    if count > room && !WARNED.swap(true, Ordering::Relaxed) {
        let enough = capacity::factor(count * 2, threads);
        let text = format!(
            "{count} connections with a handler are open in this child: HTTP is about to starve. \
             Set AsyncRequestWorkerFactor to {enough} or more, or PythonMaxConnections to {room}"
        );
        log::server(place!(), Some(server), Level::Warning, &text);
    }
}

/// `AsyncRequestWorkerFactor`, which httpd tells nobody.
fn factor() -> f64 {
    let written = last(&configuration(), b"AsyncRequestWorkerFactor");
    let text = written.and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.trim().parse().ok())
        .unwrap_or(capacity::FACTOR)
}

fn last(nodes: &[Node], name: &[u8]) -> Option<&'static [u8]> {
    let one = |node: &Node| match &node.children {
        Some(children) => last(children, name),
        None => node
            .name
            .eq_ignore_ascii_case(name)
            .then_some(node.arguments),
    };
    nodes.iter().rev().find_map(one)
}

/// At the start: whether httpd accepts as many connections as the configuration wants parked.
pub fn check(server: &Server) {
    let Some(most) = server.settings::<Settings>().max_connections else {
        return;
    };
    if !parking::mpm_parks() {
        return;
    }
    let threads = parking::threads_per_child();
    let room = capacity::parked(threads, factor());
    if most > room {
        let enough = capacity::factor(most, threads);
        let text = format!(
            "PythonMaxConnections {most} starves HTTP: with ThreadsPerChild {threads}, set \
             AsyncRequestWorkerFactor to {enough} or more, or PythonMaxConnections to {room}"
        );
        log::server(place!(), Some(server), Level::Warning, &text);
    }
}
