//! Counts of filters, applications, handlers and connections, in memory that all children share.

use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};

use super::call_counters::{ApplicationCounters, CallCounters};
use super::phase_table::COUNT;
use super::phases::Phase;
use crate::filter_chain::Direction;

/// How many filters of each direction can be counted.
pub const FILTERS: usize = 256;
/// How many applications can be counted; further ones are not.
pub const APPLICATIONS: usize = 64;
/// How many children can count connections; further ones do not.
pub const CHILDREN: usize = 1024;

/// The connections that Python serves in all children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// How many children there are.
    pub children: u64,
    /// How many connections are open.
    pub open: i64,
    /// How many of them are parked.
    pub parked: i64,
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
    applications: [ApplicationCounters; APPLICATIONS],
    phases: [CallCounters; COUNT],
    children: [ChildCounters; CHILDREN],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            output: std::array::from_fn(|_| CallCounters::default()),
            input: std::array::from_fn(|_| CallCounters::default()),
            applications: std::array::from_fn(|_| ApplicationCounters::default()),
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

    /// The row of an application, by its number among those of the configuration.
    pub fn application(&self, number: usize) -> Option<&ApplicationCounters> {
        self.applications.get(number)
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

    /// The connections of all living children.
    pub fn connections(&self, is_alive: impl Fn(i32) -> bool) -> Connections {
        let living = self.children.iter().filter(|child| {
            let pid = child.pid.load(Ordering::Relaxed);
            pid != 0 && is_alive(pid)
        });
        living.fold(Connections::default(), |sum, child| Connections {
            children: sum.children + 1,
            open: sum.open + child.open.load(Ordering::Relaxed),
            parked: sum.parked + child.parked.load(Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_children_have_no_connections() {
        let counters = Counters::default();
        for pid in [1, 2] {
            let child = counters.child(pid, |_| true).unwrap();
            child.open.store(i64::from(pid) * 10, Ordering::Relaxed);
        }
        assert_eq!(counters.connections(|_| true).open, 30);
        let of_second = counters.connections(|pid| pid == 2);
        assert_eq!((of_second.children, of_second.open), (1, 20));
        let third = counters.child(3, |pid| pid == 2).unwrap();
        assert!(std::ptr::eq(third, &raw const counters.children[0]));
        assert_eq!(counters.connections(|_| true).open, 20);
    }
}
