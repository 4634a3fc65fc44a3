//! When to try again: pure.

use std::time::Duration;

/// The longest wait for a source: a signal that returns must be seen within 3 s, connecting included.
pub const LONGEST_FOR_SOURCES: Duration = Duration::from_millis(1500);
const SHORTEST: Duration = Duration::from_millis(200);

/// How long to wait before try number `attempt` (from 1): doubling from 200 ms up to `longest`.
pub fn wait_before(attempt: u32, longest: Duration) -> Duration {
    let doubled = SHORTEST.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_short_enough_for_a_source_to_be_back_within_three_seconds() {
        let waits: Vec<u128> = (1..=6).map(|n| wait_before(n, LONGEST_FOR_SOURCES).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1500, 1500, 1500]);
        assert_eq!(wait_before(u32::MAX, LONGEST_FOR_SOURCES), LONGEST_FOR_SOURCES);
    }
}
