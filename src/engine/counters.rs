//! Counts of filters, handlers and connections, in memory that all children share, and their report for
//! mod_status.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};

use super::phase_table::{COUNT, ROWS};
use super::phases::Phase;
use crate::filter_chain::Direction;

/// How many filters of each direction can be counted.
pub const FILTERS: usize = 256;
/// How many children can count connections; further ones do not.
pub const CHILDREN: usize = 1024;
/// How many calls of one filter or phase can be seen while they run; further ones are counted when they end.
const RUNNING: usize = 64;

/// The counts of one call, or sums of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Calls.
    pub calls: u64,
    /// Bytes of bodies that were read.
    pub bytes_in: u64,
    /// Bytes that were written.
    pub bytes_out: u64,
    /// Bytes that were kept at the end of the call; for several calls, the most.
    pub held: u64,
    /// Time in nanoseconds, without that of other filters, the network and the handler.
    pub nanoseconds: u64,
    /// How many exceptions there were.
    pub errors: u64,
}

/// The sums of one filter, or of the handlers of one phase. A cache line of its own.
#[derive(Default)]
#[repr(align(64))]
pub struct CallCounters {
    calls: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    held: AtomicU64,
    nanoseconds: AtomicU64,
    errors: AtomicU64,
    running: RunningCalls,
}

/// The calls that run now: for each the child's process ID in the high 32 bits and, in the low ones, when it began,
/// in seconds since the machine started. Those of a child that has ended are overwritten.
struct RunningCalls([AtomicU64; RUNNING]);

impl Default for RunningCalls {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}

/// The calls of one filter or phase that run now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InProgress {
    /// How many there are.
    pub calls: u64,
    /// How long the oldest of them has run, in seconds.
    pub oldest: u64,
}

impl RunningCalls {
    /// Notes a call of the child `pid` that begins `now`. Returns its place; `None` if all are taken.
    fn begin(&self, pid: i32, now: u32, is_alive: impl Fn(i32) -> bool) -> Option<&AtomicU64> {
        let call = (pid as u64) << 32 | u64::from(now);
        let take = |place: &&AtomicU64, is_free: &dyn Fn(u64) -> bool| {
            let before = place.load(Ordering::Relaxed);
            is_free(before)
                && (place.compare_exchange(before, call, Ordering::Relaxed, Ordering::Relaxed))
                    .is_ok()
        };
        let free = |place: &&AtomicU64| take(place, &|before| before == 0);
        let left = |place: &&AtomicU64| take(place, &|before| !is_alive((before >> 32) as i32));
        // One of those in use is asked for its child each time: to ask for all takes long.
        let one = self.0.get(now as usize % RUNNING);
        self.0.iter().find(free).or_else(|| one.filter(left))
    }

    /// The calls of living children.
    fn in_progress(&self, now: u32, is_alive: impl Fn(i32) -> bool) -> InProgress {
        let calls = self.0.iter().map(|place| place.load(Ordering::Relaxed));
        let living = calls.filter(|call| *call != 0 && is_alive((call >> 32) as i32));
        living.fold(InProgress::default(), |seen, call| InProgress {
            calls: seen.calls + 1,
            oldest: seen.oldest.max(now.saturating_sub(call as u32).into()),
        })
    }
}

impl CallCounters {
    /// Notes a call of the child `pid` that begins `now`, in seconds since the machine started. Returns a place that
    /// is set to zero when the call ends; `None` if too many run.
    pub fn begin(&self, pid: i32, now: u32, is_alive: impl Fn(i32) -> bool) -> Option<&AtomicU64> {
        self.running.begin(pid, now, is_alive)
    }

    /// Adds a call.
    pub fn add(&self, work: &Work) {
        for (sum, part) in [
            (&self.calls, work.calls),
            (&self.bytes_in, work.bytes_in),
            (&self.bytes_out, work.bytes_out),
            (&self.nanoseconds, work.nanoseconds),
            (&self.errors, work.errors),
        ] {
            if part > 0 {
                sum.fetch_add(part, Ordering::Relaxed);
            }
        }
        if work.held > self.held.load(Ordering::Relaxed) {
            self.held.fetch_max(work.held, Ordering::Relaxed);
        }
    }

    /// The sums.
    pub fn sums(&self) -> Work {
        let read = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        Work {
            calls: read(&self.calls),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            held: read(&self.held),
            nanoseconds: read(&self.nanoseconds),
            errors: read(&self.errors),
        }
    }
}

/// The counts of one child's connections; they end with the child, however that ends.
#[derive(Default)]
#[repr(align(32))]
pub struct ChildCounters {
    pid: AtomicI32,
    /// How many connections Python serves now.
    pub open: AtomicI64,
    /// How many of them wait without a thread.
    pub parked: AtomicI64,
}

/// All counts. Memory of zeroes is a valid value.
pub struct Counters {
    output: [CallCounters; FILTERS],
    input: [CallCounters; FILTERS],
    phases: [CallCounters; COUNT],
    children: [ChildCounters; CHILDREN],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            output: std::array::from_fn(|_| CallCounters::default()),
            input: std::array::from_fn(|_| CallCounters::default()),
            phases: std::array::from_fn(|_| CallCounters::default()),
            children: std::array::from_fn(|_| ChildCounters::default()),
        }
    }
}

impl Counters {
    /// The row of a filter, by the number of its entry point.
    pub fn filter(&self, direction: Direction, number: usize) -> Option<&CallCounters> {
        match direction {
            Direction::Output => self.output.get(number),
            Direction::Input => self.input.get(number),
        }
    }

    /// The row of a phase's handlers.
    pub fn phase(&self, phase: Phase) -> &CallCounters {
        &self.phases[phase as usize]
    }

    /// The entry of the child `pid`: a free one, or that of a child that has ended. `None`: all are in use.
    pub fn child(&self, pid: i32, is_alive: impl Fn(i32) -> bool) -> Option<&ChildCounters> {
        self.children.iter().find(|child| {
            let before = child.pid.load(Ordering::Relaxed);
            let is_free = before == 0 || before == pid || !is_alive(before);
            let ours = is_free
                && (child.pid)
                    .compare_exchange(before, pid, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok();
            if ours {
                child.open.store(0, Ordering::Relaxed);
                child.parked.store(0, Ordering::Relaxed);
            }
            ours
        })
    }

    /// How many connections all living children have open, and how many of them are parked.
    pub fn connections(&self, is_alive: impl Fn(i32) -> bool) -> (i64, i64) {
        let living = self.children.iter().filter(|child| {
            let pid = child.pid.load(Ordering::Relaxed);
            pid != 0 && is_alive(pid)
        });
        living.fold((0, 0), |(open, parked), child| {
            (
                open + child.open.load(Ordering::Relaxed),
                parked + child.parked.load(Ordering::Relaxed),
            )
        })
    }

    /// The text for `server-status` of all filters and phases that were called: lines `Name: value` when
    /// `short`, else a piece of HTML.
    pub fn status_text(
        &self,
        filters: &[(Direction, String, usize)],
        connections: (i64, i64),
        (now, is_alive): (u32, impl Fn(i32) -> bool + Copy),
        short: bool,
    ) -> String {
        let seen = |row: &CallCounters| (row.sums(), row.running.in_progress(now, is_alive));
        let of_filters = filters.iter().filter_map(|(direction, name, number)| {
            Some((
                direction.directive(),
                &**name,
                seen(self.filter(*direction, *number)?),
            ))
        });
        let phases = ROWS
            .iter()
            .map(|row| (row.phase.directive(), "", seen(self.phase(row.phase))));
        let rows = of_filters
            .chain(phases)
            .filter(|row| row.2.0.calls + row.2.1.calls > 0);
        if short {
            status_lines(rows, connections)
        } else {
            status_table(rows, connections)
        }
    }
}

fn status_lines<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str, (Work, InProgress))>,
    (open, parked): (i64, i64),
) -> String {
    let mut text = String::new();
    for (directive, name, (work, running)) in rows {
        let is_filter = !name.is_empty();
        let who = if is_filter {
            format!("{directive}[{name}]")
        } else {
            directive.to_owned()
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
    let _ = writeln!(text, "PythonConnectionsOpen: {open}");
    let _ = writeln!(text, "PythonConnectionsParked: {parked}");
    text
}

fn status_table<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str, (Work, InProgress))>,
    (open, parked): (i64, i64),
) -> String {
    let mut text = String::from(
        "<hr />\n<h2>mod_python</h2>\n<table border=\"0\"><tr><th>Directive</th><th>Filter</th><th>Calls</th>\
         <th>Bytes in</th><th>Bytes out</th><th>Held at most</th><th>Milliseconds</th><th>Errors</th>\
         <th>In progress</th><th>Oldest, in seconds</th></tr>\n",
    );
    for (directive, name, (work, running)) in rows {
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
    let _ = writeln!(
        text,
        "</table>\n<p>{open} connections served by Python, {parked} of them parked</p>"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_the_most() {
        let row = CallCounters::default();
        for held in [5, 9, 2] {
            row.add(&Work {
                calls: 1,
                bytes_in: 10,
                held,
                ..Work::default()
            });
        }
        let sums = row.sums();
        assert_eq!((sums.calls, sums.bytes_in, sums.held), (3, 30, 9));
    }

    #[test]
    fn calls_of_living_children_are_in_progress() {
        let row = CallCounters::default();
        let first = row.begin(1, 100, |_| true).unwrap();
        row.begin(2, 103, |_| true).unwrap();
        let seen = |pid| {
            row.running
                .in_progress(110, move |one| pid == 0 || one == pid)
        };
        assert_eq!(
            seen(0),
            InProgress {
                calls: 2,
                oldest: 10
            }
        );
        assert_eq!(
            seen(2),
            InProgress {
                calls: 1,
                oldest: 7
            }
        );
        first.store(0, Ordering::Relaxed);
        assert_eq!(
            seen(0),
            InProgress {
                calls: 1,
                oldest: 7
            }
        );
        for _ in 1..RUNNING {
            row.begin(2, 110, |_| true).unwrap();
        }
        assert!(row.begin(3, 110, |_| true).is_none());
        assert!((0..3).any(|more| row.begin(3, 110 + more, |pid| pid != 2).is_some()));
    }

    #[test]
    fn dead_children_have_no_connections() {
        let counters = Counters::default();
        for pid in [1, 2] {
            let child = counters.child(pid, |_| true).unwrap();
            child.open.store(i64::from(pid) * 10, Ordering::Relaxed);
        }
        assert_eq!(counters.connections(|_| true), (30, 0));
        assert_eq!(counters.connections(|pid| pid == 2), (20, 0));
        let third = counters.child(3, |pid| pid == 2).unwrap();
        assert!(std::ptr::eq(third, &raw const counters.children[0]));
        assert_eq!(counters.connections(|_| true), (20, 0));
    }

    #[test]
    fn names_are_no_html() {
        let counters = Counters::default();
        let filters = [(Direction::Output, "a<b>".to_owned(), 0)];
        let text = |short| counters.status_text(&filters, (2, 1), (0, |_| true), short);
        assert!(!text(true).contains("a<b>"), "it was not called yet");
        let row = counters.filter(Direction::Output, 0).unwrap();
        row.add(&Work {
            calls: 1,
            ..Work::default()
        });
        assert!(text(true).starts_with("PythonOutputFilter[a<b>]Calls: 1\n"));
        assert!(text(true).contains("\nPythonConnectionsParked: 1\n"));
        assert!(text(false).contains("<td>a&lt;b&gt;</td><td>1</td>"));
    }
}
