//! What mod_status shows of filters, applications, handlers and connections.

use std::fmt::Write as _;

use super::call_counters::{CallCounters, InProgress, Work};
use super::counters::{Connections, Counters};
use super::phase_table::ROWS;
use crate::filter_chain::Direction;

/// A mounted application, as a report names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedApplication {
    /// The server that it stands in: its name, and its port if it has one.
    pub server: String,
    /// The path that it is mounted at.
    pub path: String,
    /// The module and the callable.
    pub target: String,
    /// Its number among the counters.
    pub number: usize,
}

/// What a configuration has that is counted.
#[derive(Clone, Debug, Default)]
pub struct WhatCounts {
    /// The filters: direction, name and number.
    pub filters: Vec<(Direction, String, usize)>,
    /// The applications.
    pub applications: Vec<NamedApplication>,
}

/// What a row of a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A filter, by its name.
    Filter(Direction, String),
    /// An application.
    Application(NamedApplication),
    /// The handlers of a phase.
    Handlers(&'static str),
}

/// A row of a report.
#[derive(Clone, Debug)]
pub struct ReportRow {
    /// What it is about.
    pub subject: Subject,
    /// The sums.
    pub work: Work,
    /// What runs now.
    pub running: InProgress,
}

/// All counts at one moment.
pub struct StatusReport {
    /// The filters, applications and phases that were called.
    pub rows: Vec<ReportRow>,
    /// The connections.
    pub connections: Connections,
}

impl StatusReport {
    /// Reads the counts `now`, in seconds since the machine started.
    pub fn new(
        counters: &Counters,
        counted: &WhatCounts,
        now: u32,
        is_alive: impl Fn(i32) -> bool + Copy,
    ) -> Self {
        let read = |subject, row: &CallCounters| ReportRow {
            subject,
            work: row.sums(),
            running: row.in_progress(now, is_alive),
        };
        let filters = counted
            .filters
            .iter()
            .filter_map(|(direction, name, number)| {
                let row = counters.filter(*direction, *number)?;
                Some(read(Subject::Filter(*direction, name.clone()), row))
            });
        let applications = counted.applications.iter().filter_map(|one| {
            let row = counters.application(one.number)?;
            Some(ReportRow {
                subject: Subject::Application(one.clone()),
                work: row.requests.sums(),
                running: row.running.in_progress(now, is_alive),
            })
        });
        let phases = ROWS.iter().map(|row| {
            let subject = Subject::Handlers(row.phase.directive());
            read(subject, counters.phase(row.phase))
        });
        let all = filters.chain(applications).chain(phases);
        Self {
            rows: all
                .filter(|row| row.work.calls + row.running.calls > 0)
                .collect(),
            connections: counters.connections(is_alive),
        }
    }

    /// The lines `Name: value` of `server-status?auto`.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for ReportRow {
            subject,
            work,
            running,
        } in &self.rows
        {
            let (directive, name) = subject.names();
            let is_filter = matches!(subject, Subject::Filter(..));
            let who = match name.is_empty() {
                true => directive.to_owned(),
                false => format!("{directive}[{name}]"),
            };
            let all = [
                ("Calls", work.calls, true),
                ("BytesIn", work.bytes_in, is_filter),
                ("BytesOut", work.bytes_out, is_filter),
                ("HeldMost", work.held, is_filter),
                ("Microseconds", work.nanoseconds / 1000, true),
                ("Errors", work.errors, true),
                ("InProgress", running.calls, true),
                ("OldestSeconds", running.oldest, true),
            ];
            for (what, value, _) in all.iter().filter(|one| one.2) {
                let _ = writeln!(text, "{who}{what}: {value}");
            }
        }
        let Connections { open, parked, .. } = self.connections;
        let _ = writeln!(text, "PythonConnectionsOpen: {open}");
        let _ = writeln!(text, "PythonConnectionsParked: {parked}");
        text
    }

    /// The piece of HTML for the page of server-status.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "<hr />\n<h2>mod_python</h2>\n<table border=\"0\"><tr><th>Directive</th><th>Name</th><th>Calls</th>\
             <th>Bytes in</th><th>Bytes out</th><th>Held at most</th><th>Milliseconds</th><th>Errors</th>\
             <th>In progress</th><th>Oldest, in seconds</th></tr>\n",
        );
        for ReportRow {
            subject,
            work,
            running,
        } in &self.rows
        {
            let (directive, name) = subject.names();
            let name = name
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            let milliseconds = work.nanoseconds / 1_000_000;
            let _ = writeln!(
                text,
                "<tr><td>{directive}</td><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
                 <td>{milliseconds}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                work.calls,
                work.bytes_in,
                work.bytes_out,
                work.held,
                work.errors,
                running.calls,
                running.oldest
            );
        }
        let Connections { open, parked, .. } = self.connections;
        let _ = writeln!(
            text,
            "</table>\n<p>{open} connections with a handler of Python's, {parked} connections parked</p>"
        );
        text
    }
}

impl Subject {
    /// The directive, and the name behind it; handlers have none.
    fn names(&self) -> (&'static str, String) {
        match self {
            Self::Filter(direction, name) => (direction.directive(), name.clone()),
            Self::Application(one) => ("PythonApplication", format!("{}{}", one.server, one.path)),
            Self::Handlers(directive) => (directive, String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_html() {
        let counters = Counters::default();
        let counted = WhatCounts {
            filters: vec![(Direction::Output, "a<b>".to_owned(), 0)],
            applications: vec![NamedApplication {
                server: "shop.example:80".into(),
                path: "/<x>".into(),
                target: "shop:app".into(),
                number: 3,
            }],
        };
        let report = || StatusReport::new(&counters, &counted, 0, |_| true);
        assert!(!report().lines().contains('['), "nothing was called yet");
        let one = Work {
            calls: 1,
            ..Work::default()
        };
        counters.filter(Direction::Output, 0).unwrap().add(&one);
        counters.application(3).unwrap().requests.add(&one);
        let (lines, table) = (report().lines(), report().table());
        assert!(lines.starts_with("PythonOutputFilter[a<b>]Calls: 1\n"));
        assert!(lines.contains("\nPythonApplication[shop.example:80/<x>]Calls: 1\n"));
        assert!(lines.contains("\nPythonConnectionsParked: 0\n"));
        assert!(table.contains("<td>a&lt;b&gt;</td><td>1</td>"));
        assert!(table.contains("<td>shop.example:80/&lt;x&gt;</td><td>1</td>"));
    }
}
