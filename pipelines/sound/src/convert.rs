//! From linear amplitude to decibels.

/// What silence is shown as: nothing measures lower.
pub const FLOOR_DB: f32 = -120.0;

/// Decibels of a linear amplitude; [`FLOOR_DB`] at the least, also for what is not a number.
pub fn to_db(linear: f32) -> f32 {
    // `max` also replaces a NaN.
    (20.0 * linear.abs().log10()).max(FLOOR_DB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_pairs() {
        for (linear, db) in [(1.0, 0.0), (-0.5, -6.0206), (10.0, 20.0), (0.01, -40.0)] {
            assert!((to_db(linear) - db).abs() < 1e-3);
        }
    }

    #[test]
    fn silence_and_nonsense_have_a_value() {
        assert_eq!(to_db(0.0), FLOOR_DB);
        assert_eq!(to_db(f32::NAN), FLOOR_DB);
    }
}
