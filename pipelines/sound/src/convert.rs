//! Between decibels and linear amplitude.

/// What silence is shown as: nothing measures lower.
pub const FLOOR_DB: f32 = -120.0;

/// Decibels of a linear amplitude; [`FLOOR_DB`] at the least, also for what is not a number.
pub fn to_db(linear: f32) -> f32 {
    // `max` also replaces a NaN.
    (20.0 * linear.abs().log10()).max(FLOOR_DB)
}

/// Linear amplitude of decibels; 0 at [`FLOOR_DB`] and below, and for what is not a number.
pub fn from_db(db: f32) -> f32 {
    if db > FLOOR_DB { 10.0_f32.powf(db / 20.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_pairs() {
        for (db, linear) in [(0.0, 1.0), (-6.0206, 0.5), (20.0, 10.0), (-40.0, 0.01)] {
            assert!((to_db(linear) - db).abs() < 1e-3);
            assert!((from_db(db) / linear - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn silence_and_nonsense_have_a_value() {
        assert_eq!(to_db(0.0), FLOOR_DB);
        assert_eq!(to_db(f32::NAN), FLOOR_DB);
        assert_eq!(from_db(FLOOR_DB), 0.0);
        assert_eq!(from_db(f32::NEG_INFINITY), 0.0);
        assert_eq!(from_db(f32::NAN), 0.0);
    }
}
