//! One direction of a scaling: which source samples each output sample is made of.
//!
//! May import: nothing of this crate.
//!
//! Scaling is in two steps. First the source is halved, by plain means of two, as long as it is at least twice too big
//! ([`Axis::halvings`]); then each output sample is mixed from the two nearest of what is left ([`Taps::tap`]). Samples are
//! areas: sample `i` covers `i..i + 1` and its middle is at `i + 0.5`.

/// How a stretch of source samples is shown on output samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Where the stretch begins, in source samples.
    pub start: f64,
    /// How long it is, in source samples; above 0.
    pub length: f64,
    /// How many output samples show it; above 0, and not always whole (odd sizes have half a chroma sample).
    pub size: f64,
    /// The first output sample that is wanted.
    pub from: usize,
    /// One past the last output sample that is wanted.
    pub to: usize,
    /// How many samples the whole source has; at least 1.
    pub samples: usize,
}

/// Two neighbouring samples of the halved source and how much of each: all of `index` at weight 0, ever more of `next` above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// The sample before.
    pub index: usize,
    /// The sample after; the same one at the end of the stretch.
    pub next: usize,
    /// Of `next`; 0 to just below 2 to the power of the taps' bits.
    pub weight: u8,
}

/// Where the taps of an axis lie, in small steps between the samples of the halved source.
#[derive(Debug, Clone, Copy)]
pub struct Taps {
    bits: u32,
    first: f64,
    step: f64,
    low: i64,
    high: i64,
}

impl Axis {
    /// How often the source is halved.
    pub fn halvings(&self) -> u32 {
        // A hair below 2 counts as 2: a crop given as a fraction is seldom exact.
        let mut ratio = self.length / self.size + 1e-4;
        let mut halvings = 0;
        while ratio >= 2.0 && (self.samples >> halvings) > 1 {
            ratio /= 2.0;
            halvings += 1;
        }
        halvings
    }

    /// How many samples the source has after `halvings`.
    pub fn samples_after(&self, halvings: u32) -> usize {
        self.samples.div_ceil(1 << halvings).max(1)
    }

    /// The taps of this axis on the source after `halvings`, with weights of `bits` (at most 8).
    pub fn taps(&self, halvings: u32, bits: u32) -> Taps {
        let unit = f64::from(1_u32 << halvings);
        let last = self.samples_after(halvings) as i64 - 1;
        // Nothing beyond the stretch is mixed in: what was cropped off must not show at the edge.
        let low = ((self.start / unit + 1e-6).floor() as i64).clamp(0, last);
        let high = (((self.start + self.length) / unit - 1e-6).ceil() as i64 - 1).clamp(low, last);
        let step = self.length / self.size / unit;
        let first = self.start / unit + 0.5 * step - 0.5;
        let weights = f64::from(1_u32 << bits);
        Taps { bits, first: first * weights + 0.5, step: step * weights, low, high }
    }
}

impl Taps {
    /// What output sample `at` is made of.
    pub fn tap(&self, at: usize) -> Tap {
        // `first` holds the half that makes the cut to whole steps a rounding.
        let steps = ((self.first + at as f64 * self.step) as i64).clamp(self.low << self.bits, self.high << self.bits);
        let index = steps >> self.bits;
        let weight = (steps - (index << self.bits)) as u8;
        Tap { index: index as usize, next: (index + 1).min(self.high) as usize, weight }
    }
}
