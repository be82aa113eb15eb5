//! What all children have counted: for mod_status, and for Prometheus.

use super::{counters, filters};
use crate::engine::prometheus;
use crate::engine::status_report::{NamedApplication, StatusReport, WhatCounts};
use crate::httpd::server::process;
use crate::httpd::server::shared_memory::is_alive;
use crate::httpd::{Request, Server, Status, server};
use crate::requests;

/// What answers, and its versions.
const VERSIONS: [(&str, &str); 2] = [
    ("version", env!("CARGO_PKG_VERSION")),
    ("python", env!("MOD_PYTHON_PYTHON_VERSION")),
];

/// The counts of the configuration that a server belongs to.
pub(super) fn of(server: &Server) -> StatusReport {
    let counted = WhatCounts {
        filters: filters(server),
        applications: applications(),
    };
    let now = process::seconds_since_boot();
    StatusReport::new(counters(server), &counted, now, is_alive)
}

/// The applications of the configuration, each server and path once: of two lines the later one holds.
fn applications() -> Vec<NamedApplication> {
    let mut all: Vec<NamedApplication> = Vec::new();
    let Some(main) = server::main() else {
        return all;
    };
    let known = requests::applications(main.configuration());
    for (number, mounted) in known.iter().enumerate() {
        let mut servers = main.and_following();
        let Some(of_line) = servers.find(|one| one.address().addr().get() == mounted.server) else {
            continue;
        };
        let named = NamedApplication {
            server: of_line.name_and_port(),
            path: match mounted.application.mount.as_str() {
                "" => "/".to_owned(),
                mount => mount.to_owned(),
            },
            target: mounted.application.target.text(),
            number,
        };
        all.retain(|one| (&one.server, &one.path) != (&named.server, &named.path));
        all.push(named);
    }
    all
}

/// Answers a request with `SetHandler python-metrics`.
pub(super) fn answer(r: &Request) -> Status {
    if !matches!(r.method(), Some(b"GET" | b"HEAD")) {
        r.allow_method(c"GET");
        return match r.method() {
            Some(b"OPTIONS") => Status::DECLINED, // httpd answers it, with this method
            _ => Status::METHOD_NOT_ALLOWED,
        };
    }
    r.set_content_type(Some(prometheus::CONTENT_TYPE.as_bytes()));
    let text = prometheus::text(&of(r.server()), &VERSIONS);
    let brigade = r.new_brigade();
    brigade.append_lone_copy(text.as_bytes());
    brigade.append_end();
    // An error means that the peer is gone, or that a filter has dealt with it.
    let _ = r.write(&brigade);
    Status::OK
}
