//! Whether a client still moves, in a child that stops gracefully: it has the time of handlers from its last byte on, which
//! the kernel counts. A socket that has no room for more says nothing of that: the kernel waits for a third of a send
//! buffer, which is megabytes for some clients.

use std::time::{Duration, Instant};

/// How many looks in a row must find a client unmoved, and how much time is between two of them at least.
const LOOKS: u32 = 4;
const LEAST: Duration = Duration::from_millis(50);

/// How much time is between two looks.
pub fn look_interval(grace: Duration) -> Duration {
    (grace / LOOKS).max(LEAST)
}

/// What was seen of a client.
#[derive(Clone, Copy, Default)]
pub struct Movement {
    moved: Option<u64>,
    /// How many looks in a row have found it unmoved.
    unmoved: u32,
    next: Option<Instant>,
}

impl Movement {
    /// Looks at a client that has taken and sent `moved` bytes. Returns when to look again; `None` if it is stuck. A look
    /// that comes late counts once: a machine that had no time for this process may have had none for the client.
    pub fn look(&mut self, now: Instant, moved: u64, grace: Duration) -> Option<Instant> {
        let interval = look_interval(grace);
        if self.moved.replace(moved) != Some(moved) {
            self.unmoved = 0;
        } else if let Some(next) = self.next.filter(|next| *next > now) {
            return Some(next);
        } else {
            self.unmoved += 1;
        }
        if interval * self.unmoved >= grace {
            return None;
        }
        self.next = Some(now + interval);
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(2);

    /// The looks at a client, each a time in milliseconds and what it has moved: after which of them it is stuck.
    fn stuck_after(looks: &[(u64, u64)], grace: Duration) -> Option<usize> {
        let (begin, mut movement) = (Instant::now(), Movement::default());
        let look = |&(at, moved): &(u64, u64)| {
            let now = begin + Duration::from_millis(at);
            movement.look(now, moved, grace).is_none()
        };
        looks.iter().position(look).map(|at| at + 1)
    }

    #[test]
    fn a_client_that_moves_nothing_has_the_time_of_handlers() {
        let looks = [(0, 7), (500, 7), (1000, 7), (1500, 7), (2000, 7)];
        assert_eq!(stuck_after(&looks[..4], GRACE), None);
        assert_eq!(stuck_after(&looks, GRACE), Some(5));
        assert_eq!(stuck_after(&looks, Duration::ZERO), Some(1));
    }

    #[test]
    fn a_byte_gives_it_that_time_anew() {
        let looks = [(0, 7), (500, 7), (1000, 7), (1500, 7), (1900, 8)];
        let more = [(2400, 8), (2900, 8), (3400, 8), (3900, 8)];
        let all = [&looks[..], &more[..]].concat();
        assert_eq!(stuck_after(&all, GRACE), Some(9));
    }

    #[test]
    fn looks_in_between_and_late_ones_do_not_hasten_it() {
        let between: Vec<_> = (0..20).map(|at| (at * 100, 7)).collect();
        assert_eq!(stuck_after(&between, GRACE), None);
        let late = [(0, 7), (60_000, 7), (120_000, 7), (180_000, 7)];
        assert_eq!(stuck_after(&late, GRACE), None);
    }
}
