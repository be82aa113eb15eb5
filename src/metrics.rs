//! Counts the calls of filters, applications and handlers, and the connections, of this child.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use crate::engine::application::Application;
use crate::engine::call_counters::{ApplicationCounters, CallCounters, Work};
use crate::engine::counters::{ChildCounters, Counters};
use crate::engine::filters::DeclaredFilter;
use crate::engine::phases::Phase;
use crate::filter_chain::Direction;
use crate::httpd::filter::waited;
use crate::httpd::server::shared_memory::is_alive;
use crate::httpd::server::{fork, process};
use crate::locks::Lock;

/// The counters of this child; unset in httpd's parent.
static HERE: OnceLock<Here> = OnceLock::new();

struct Here {
    counters: &'static Counters,
    /// This child's place among the counters; unset as long as all places are taken.
    child: OnceLock<&'static ChildCounters>,
    /// Held by the thread that asks for a place.
    asking: Lock<()>,
    filters: HashMap<(Direction, String), usize>,
}

/// Starts to count in this child; `filters` are those of the configuration, with their numbers.
pub fn start(counters: &'static Counters, filters: &[(Direction, String, usize)]) {
    let numbered = |(direction, name, number): &(Direction, String, usize)| {
        ((*direction, name.clone()), *number)
    };
    let here = HERE.get_or_init(|| Here {
        counters,
        child: OnceLock::new(),
        asking: Lock::short(()),
        filters: filters.iter().map(numbered).collect(),
    });
    here.child();
}

impl Here {
    /// This child's place. A connection that finds none tries again: children that have ended leave theirs.
    fn child(&self) -> Option<&'static ChildCounters> {
        if let Some(child) = self.child.get() {
            return Some(child);
        }
        // One thread at a time: whoever gets the place sets its counts to zero.
        let _asking = self.asking.lock();
        if self.child.get().is_none() {
            let child = self.counters.child(std::process::id() as i32, is_alive)?;
            let _ = self.child.set(child);
        }
        self.child.get().copied()
    }
}

/// The row of a filter.
pub fn filter(direction: Direction, filter: &DeclaredFilter) -> Option<&'static CallCounters> {
    let here = HERE.get()?;
    let number = filter.number.get().copied().or_else(|| {
        let name = filter.name.to_lowercase();
        here.filters.get(&(direction, name)).copied()
    });
    here.counters.filter(direction, number?)
}

/// The row of a phase's handlers.
pub fn phase(phase: Phase) -> Option<&'static CallCounters> {
    HERE.get().map(|here| here.counters.phase(phase))
}

/// The counts of an application.
fn of_application(application: &Application) -> Option<&'static ApplicationCounters> {
    HERE.get()?.counters.application(*application.number.get()?)
}

/// The row of an application.
pub fn application(application: &Application) -> Option<&'static CallCounters> {
    of_application(application).map(|counters| &counters.requests)
}

/// Counts an exception of a filter or handler, or a failed response of an application.
pub fn failed(row: Option<&'static CallCounters>) {
    if let Some(row) = row {
        row.add(&Work {
            errors: 1,
            ..Work::default()
        });
    }
}

/// A connection that counts as open, or as parked, for as long as this lives. Any thread may drop it.
pub struct Counted(&'static AtomicI64);

impl Counted {
    /// A connection that has a handler.
    pub fn open() -> Option<Self> {
        Self::new(|child| &child.open)
    }

    /// A connection that waits without a thread, be it for its handler, for that of a request, or for a request.
    pub fn parked() -> Option<Self> {
        Self::new(|child| &child.parked)
    }

    fn new(which: impl Fn(&'static ChildCounters) -> &'static AtomicI64) -> Option<Self> {
        let gauge = which(HERE.get()?.child()?);
        gauge.fetch_add(1, Ordering::Relaxed);
        Some(Self(gauge))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call that server-status shows as in progress for as long as this lives.
pub struct Running(&'static AtomicU64);

impl Running {
    /// A call of a row's filter or handlers begins. `None` where it cannot be shown.
    pub fn begin(row: Option<&'static CallCounters>) -> Option<Self> {
        let pid = fork::process_id() as i32;
        row?.begin(pid, process::seconds_since_boot(), is_alive)
            .map(Self)
    }

    /// A request of an application begins.
    fn request(application: &Application) -> Option<Self> {
        let (pid, now) = (fork::process_id() as i32, process::seconds_since_boot());
        let running = &of_application(application)?.running;
        running.begin(pid, now, is_alive).map(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// One call, while it runs. The time that its thread spends in other filters is not counted.
pub struct Measurement {
    row: Option<&'static CallCounters>,
    begin: Instant,
    waited: u64,
    calls: u64,
    _running: Option<Running>,
}

impl Measurement {
    /// A call begins.
    pub fn begin(row: Option<&'static CallCounters>) -> Self {
        Self::new(row, Running::begin(row))
    }

    /// A request of an application begins.
    pub fn request(application: &Application) -> Self {
        Self::new(
            self::application(application),
            Running::request(application),
        )
    }

    fn new(row: Option<&'static CallCounters>, running: Option<Running>) -> Self {
        Self {
            row,
            begin: Instant::now(),
            waited: waited(),
            calls: 1,
            _running: running,
        }
    }

    /// A further part of a call begins: its time is added to that of the row, and it is no call of its own.
    pub fn go_on(row: Option<&'static CallCounters>) -> Self {
        Self {
            row,
            begin: Instant::now(),
            waited: waited(),
            calls: 0,
            _running: None,
        }
    }

    /// The call ends; `work` has its counts of bytes.
    pub fn end(self, work: &Work) {
        let Some(row) = self.row else { return };
        let elapsed = self.begin.elapsed().as_nanos() as u64;
        row.add(&Work {
            calls: self.calls,
            nanoseconds: elapsed.saturating_sub(waited() - self.waited),
            ..*work
        });
    }
}
