//! How long a source may be silent: pure.

use std::time::Duration;

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
    fn a_slow_camera_is_not_called_frozen_between_its_pictures() {
        let slow = Patience::for_interval(Duration::from_secs(1));
        assert_eq!(slow.lost_after, Duration::from_secs(4));
        assert_eq!(Patience::for_interval(Duration::from_millis(33)).lost_after, Duration::from_secs(1));
    }
}
