//! How many connections a child of the event MPM accepts: waiting ones count, for whatever they wait.

/// httpd's default of `AsyncRequestWorkerFactor`.
pub const FACTOR: f64 = 2.0;

/// The `AsyncRequestWorkerFactor` with which a child parks `connections` and still has its threads
/// for HTTP.
pub fn factor(connections: usize, threads: usize) -> usize {
    connections.div_ceil(threads.max(1))
}

/// How many connections a child can park before HTTP gets less than its threads.
pub fn parked(threads: usize, factor: f64) -> usize {
    // httpd counts in whole connections, and takes no factor below 1.
    (threads as f64 * factor.max(1.0)) as usize
}

/// How many descriptors a child needs to park so many connections: one each, some for all else,
/// and the share that is kept free ([`Room::None`]).
pub fn descriptors(connections: usize) -> usize {
    (connections + ELSE) * SHARE / (SHARE - 1) + 1
}

/// How many descriptors a connection may use, by the number of its own and the limit `most` of the process.
pub fn room(number: usize, most: usize) -> Room {
    if number >= most - most / SHARE {
        Room::None
    } else if number >= most / 2 {
        Room::Scarce
    } else {
        Room::Plenty
    }
}

/// How many descriptors are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// A connection may have two.
    Plenty,
    /// While it is idle, a connection has only one.
    Scarce,
    /// The rest is kept for httpd, which ends a child that has no descriptor for the next connection.
    None,
}

/// How many descriptors a child has open before the first connection.
const ELSE: usize = 128;
/// One of so many parts of the descriptors is kept free.
const SHARE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_that_is_asked_for_is_enough_and_no_more() {
        for (connections, threads) in [(1, 25), (50, 25), (51, 25), (10_000, 16)] {
            let enough = factor(connections, threads);
            assert!(parked(threads, enough as f64) >= connections);
            assert!(enough == 1 || parked(threads, (enough - 1) as f64) < connections);
        }
        assert_eq!(factor(10_000, 16), 625);
        assert_eq!(parked(25, FACTOR), 50);
    }
    #[test]
    fn the_descriptors_that_are_asked_for_are_enough_and_few_are_left_over() {
        for connections in [1, 50, 4096, 10_000, 100_000] {
            let most = descriptors(connections);
            assert_ne!(room(connections + ELSE - 1, most), Room::None);
            assert_eq!(room(connections + ELSE + SHARE, most), Room::None);
            assert_eq!(room(connections / 2, most), Room::Plenty);
        }
    }
}
