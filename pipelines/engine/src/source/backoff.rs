//! When to try again: pure.

use std::time::Duration;

/// The longest wait: a signal that returns must be seen within 3 s, connecting included.
const LONGEST: Duration = Duration::from_millis(1500);
const SHORTEST: Duration = Duration::from_millis(200);

/// How long to wait before try number `attempt` (from 1): doubling from 200 ms up to 1.5 s.
pub fn wait_before(attempt: u32) -> Duration {
    let doubled = SHORTEST.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST)
}

/// Decides from how long nothing came whether a source counts as lost, and whether its connection is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Silence after which the slate is shown.
    pub lost_after: Duration,
    /// Silence after which the connection is made anew.
    pub reconnect_after: Duration,
    /// How long the first picture may take.
    pub first_within: Duration,
}

impl Patience {
    /// For a source whose pictures come `interval` apart: a slow one is given four of its own intervals.
    pub fn for_interval(interval: Duration) -> Self {
        let lost_after = Duration::from_secs(1).max(interval * 4);
        Self { lost_after, reconnect_after: lost_after * 2, first_within: Duration::from_secs(8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_short_enough_to_be_back_within_three_seconds() {
        let waits: Vec<u128> = (1..=6).map(|n| wait_before(n).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1500, 1500, 1500]);
        assert_eq!(wait_before(u32::MAX), LONGEST);
    }

    #[test]
    fn a_slow_camera_is_not_called_frozen_between_its_pictures() {
        let slow = Patience::for_interval(Duration::from_secs(1));
        assert_eq!(slow.lost_after, Duration::from_secs(4));
        assert_eq!(Patience::for_interval(Duration::from_millis(33)).lost_after, Duration::from_secs(1));
    }
}
