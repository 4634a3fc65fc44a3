//! Numbers as they are written: three decimals, always finite. JSON has no NaN and no infinity.

use serde::Serializer;

/// The level that stands for silence, in dBFS: below what 16 bits can tell from nothing.
const SILENCE_DBFS: f64 = -100.0;

/// Three decimals; what is not finite (nothing was measured yet) becomes 0.
pub(crate) fn rounded(value: f64) -> f64 {
    let thousandths = (value * 1000.0).round() / 1000.0;
    if thousandths.is_finite() { thousandths } else { 0.0 }
}

/// Writes a measure, [`rounded`].
pub(crate) fn measure<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*value))
}

/// Writes a level in dBFS, [`rounded`], with everything from [`SILENCE_DBFS`] down (and NaN) as silence.
pub(crate) fn level<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(value.max(SILENCE_DBFS)))
}
