//! The counts of the calls of one filter, application or kind of handler, in memory that all children share.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many calls of one filter or phase can be seen while they run; further ones are counted when they end.
const RUNNING: usize = 64;
/// As `RUNNING`, of one application.
const RUNNING_REQUESTS: usize = 256;

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

impl Work {
    /// What is counted of a request of an application, whose response has this status.
    pub fn of_response(status: i32) -> Self {
        Self {
            errors: u64::from(status >= 500),
            ..Self::default()
        }
    }
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
    running: RunningCalls<RUNNING>,
}

/// The counts of one application.
#[derive(Default)]
pub struct ApplicationCounters {
    /// The sums.
    pub requests: CallCounters,
    /// The requests that run now; there may be more of them than calls of a filter.
    pub running: RunningCalls<RUNNING_REQUESTS>,
}

/// The calls that run now: for each the child's process ID in the high 32 bits and, in the low ones, when it began,
/// in seconds since the machine started. Those of a child that has ended are overwritten.
pub struct RunningCalls<const PLACES: usize>([AtomicU64; PLACES]);

impl<const PLACES: usize> Default for RunningCalls<PLACES> {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

/// The calls of one row that run now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InProgress {
    /// How many there are.
    pub calls: u64,
    /// How long the oldest of them has run, in seconds.
    pub oldest: u64,
}

impl<const PLACES: usize> RunningCalls<PLACES> {
    /// Notes a call of the child `pid` that begins `now`. Returns its place; `None` if all are taken.
    pub fn begin(&self, pid: i32, now: u32, is_alive: impl Fn(i32) -> bool) -> Option<&AtomicU64> {
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
        let one = self.0.get(now as usize % PLACES);
        self.0.iter().find(free).or_else(|| one.filter(left))
    }

    /// The calls of living children.
    pub fn in_progress(&self, now: u32, is_alive: impl Fn(i32) -> bool) -> InProgress {
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

    /// The calls of living children that run `now`, in seconds since the machine started.
    pub fn in_progress(&self, now: u32, is_alive: impl Fn(i32) -> bool) -> InProgress {
        self.running.in_progress(now, is_alive)
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
}
