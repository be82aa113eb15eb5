//! All counts as Prometheus reads them: its text format, version 0.0.4.

use std::fmt::Write as _;

use super::status_report::{ReportRow, StatusReport, Subject};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a number of a row is: the end of its name, its type, a sentence, and how it is read.
type Column = (
    &'static str,
    &'static str,
    &'static str,
    fn(&ReportRow) -> String,
);

/// The numbers that all rows have.
const ALL: [Column; 4] = [
    ("errors_total", "counter", "", |row| {
        row.work.errors.to_string()
    }),
    ("seconds_total", "counter", "Time that it took.", |row| {
        seconds(row.work.nanoseconds)
    }),
    ("in_progress", "gauge", "What runs now.", |row| {
        row.running.calls.to_string()
    }),
    (
        "oldest_seconds",
        "gauge",
        "How long the oldest of what runs now has run.",
        |row| row.running.oldest.to_string(),
    ),
];

/// The numbers that filters have beside them.
const OF_FILTERS: [Column; 3] = [
    ("read_bytes_total", "counter", "What it has read.", |row| {
        row.work.bytes_in.to_string()
    }),
    (
        "written_bytes_total",
        "counter",
        "What it has written.",
        |row| row.work.bytes_out.to_string(),
    ),
    (
        "held_bytes",
        "gauge",
        "The most that a call has kept back at its end.",
        |row| row.work.held.to_string(),
    ),
];

/// What one kind of rows is called, and the texts of its first two numbers.
struct Kind {
    name: &'static str,
    calls: (&'static str, &'static str),
    errors: &'static str,
    is_mine: fn(&Subject) -> bool,
    more: &'static [Column],
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "application",
        calls: (
            "requests_total",
            "Requests that the application has answered.",
        ),
        errors: "Responses with a status from 500 on, and responses that an exception has cut.",
        is_mine: |subject| matches!(subject, Subject::Application(_)),
        more: &[],
    },
    Kind {
        name: "filter",
        calls: ("calls_total", "Calls of the filter."),
        errors: "Exceptions of the filter.",
        is_mine: |subject| matches!(subject, Subject::Filter(..)),
        more: &OF_FILTERS,
    },
    Kind {
        name: "handler",
        calls: ("calls_total", "Times that a phase has called its handlers."),
        errors: "Exceptions of handlers.",
        is_mine: |subject| matches!(subject, Subject::Handlers(_)),
        more: &[],
    },
];

/// The text. `versions`: names and versions of what answers.
pub fn text(report: &StatusReport, versions: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let all = &report.connections;
    for (name, help, value) in [
        (
            "info",
            "The versions of what answers.",
            format!("{} 1", labels(versions)),
        ),
        (
            "children",
            "Children of httpd that run Python.",
            format!(" {}", all.children),
        ),
        (
            "connections_open",
            "Connections that have a connection handler.",
            format!(" {}", all.open),
        ),
        (
            "connections_parked",
            "Connections that wait without a thread, for their handler or that of a request.",
            format!(" {}", all.parked),
        ),
    ] {
        head(&mut text, name, "gauge", help);
        let _ = writeln!(text, "mod_python_{name}{value}");
    }
    for kind in &KINDS {
        let rows: Vec<&ReportRow> = report
            .rows
            .iter()
            .filter(|row| (kind.is_mine)(&row.subject))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let calls: Column = (kind.calls.0, "counter", kind.calls.1, |row| {
            row.work.calls.to_string()
        });
        for (end, sort, help, value) in [calls].iter().chain(&ALL).chain(kind.more) {
            let name = format!("{}_{end}", kind.name);
            let help = if help.is_empty() { kind.errors } else { help };
            head(&mut text, &name, sort, help);
            for row in &rows {
                let _ = writeln!(
                    text,
                    "mod_python_{name}{} {}",
                    labels_of(&row.subject),
                    value(row)
                );
            }
        }
    }
    text
}

fn head(text: &mut String, name: &str, sort: &str, help: &str) {
    let _ = writeln!(
        text,
        "# HELP mod_python_{name} {help}\n# TYPE mod_python_{name} {sort}"
    );
}

/// Seconds without rounding.
fn seconds(nanoseconds: u64) -> String {
    format!(
        "{}.{:09}",
        nanoseconds / 1_000_000_000,
        nanoseconds % 1_000_000_000
    )
}

fn labels_of(subject: &Subject) -> String {
    match subject {
        Subject::Filter(direction, name) => {
            labels(&[("directive", direction.directive()), ("filter", name)])
        }
        Subject::Application(one) => labels(&[
            ("server", &one.server),
            ("path", &one.path),
            ("application", &one.target),
        ]),
        Subject::Handlers(directive) => labels(&[("directive", directive)]),
    }
}

/// Labels in braces, with their values escaped.
fn labels(pairs: &[(&str, &str)]) -> String {
    let one = |(name, value): &(&str, &str)| {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    let all: Vec<String> = pairs.iter().map(one).collect();
    format!("{{{}}}", all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::call_counters::Work;
    use crate::engine::counters::Counters;
    use crate::engine::status_report::{NamedApplication, WhatCounts};

    #[test]
    fn labels_are_escaped_and_each_name_has_one_head() {
        let counters = Counters::default();
        let application = |number, path: &str| NamedApplication {
            server: "a\"b\\c\nd".into(),
            path: path.into(),
            target: "shop:app".into(),
            number,
        };
        let counted = WhatCounts {
            filters: Vec::new(),
            applications: vec![application(0, "/"), application(1, "/x")],
        };
        for number in [0, 1] {
            counters.application(number).unwrap().requests.add(&Work {
                calls: 2,
                nanoseconds: 1_500_000_000,
                ..Work::default()
            });
        }
        let report = StatusReport::new(&counters, &counted, 0, |_| true);
        let text = text(&report, &[("version", "4")]);
        assert!(text.contains("mod_python_info{version=\"4\"} 1\n"));
        let line = r#"requests_total{server="a\"b\\c\nd",path="/x",application="shop:app"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("} 1.500000000\n"));
        assert_eq!(
            text.matches("# TYPE mod_python_application_seconds_total counter")
                .count(),
            1
        );
        assert!(!text.contains("mod_python_filter"), "none was called");
    }
}
