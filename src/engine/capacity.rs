//! How many connections a child of the event MPM accepts: all that wait count, whatever for.

/// httpd's own `AsyncRequestWorkerFactor`.
pub const FACTOR: f64 = 2.0;

/// The `AsyncRequestWorkerFactor` with which a child parks `connections` and still has its threads
/// for HTTP.
pub fn factor(connections: usize, threads: usize) -> usize {
    connections.div_ceil(threads.max(1))
}

/// How many connections a child parks before HTTP has less than its threads.
pub fn parked(threads: usize, factor: f64) -> usize {
    // httpd counts in whole connections, and takes no factor below 1.
    (threads as f64 * factor.max(1.0)) as usize
}

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
}
