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

/// Two neighbouring samples of the halved source and how much of each: all of `index` at weight 0, all of `next` at 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// The sample before.
    pub index: usize,
    /// The sample after; the same one at the end of the stretch.
    pub next: usize,
    /// 0 to 127.
    pub weight: u8,
}

/// Where the taps of an axis lie, in 128ths of a sample of the halved source.
#[derive(Debug, Clone, Copy)]
pub struct Taps {
    first: f64,
    step: f64,
    low: i64,
    high: i64,
}

const WEIGHT_BITS: u32 = 7;
const WEIGHTS: f64 = (1_u32 << WEIGHT_BITS) as f64;

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

    /// The taps of this axis on the source after `halvings`.
    pub fn taps(&self, halvings: u32) -> Taps {
        let unit = f64::from(1_u32 << halvings);
        let last = self.samples_after(halvings) as i64 - 1;
        // Nothing beyond the stretch is mixed in: what was cropped off must not show at the edge.
        let low = ((self.start / unit + 1e-6).floor() as i64).clamp(0, last);
        let high = (((self.start + self.length) / unit - 1e-6).ceil() as i64 - 1).clamp(low, last);
        let step = self.length / self.size / unit;
        let first = self.start / unit + 0.5 * step - 0.5;
        Taps { first: first * WEIGHTS + 0.5, step: step * WEIGHTS, low, high }
    }

    /// Whether output samples are source samples, only shifted by whole ones.
    pub fn is_copy(&self) -> bool {
        (self.length - self.size).abs() < 1e-3 && (self.start - self.start.round()).abs() < 1e-3
    }
}

impl Taps {
    /// What output sample `at` is made of.
    pub fn tap(&self, at: usize) -> Tap {
        // `first` holds the half that makes the cut to whole steps a rounding.
        let steps = ((self.first + at as f64 * self.step) as i64).clamp(self.low << WEIGHT_BITS, self.high << WEIGHT_BITS);
        let index = steps >> WEIGHT_BITS;
        let weight = (steps - (index << WEIGHT_BITS)) as u8;
        Tap { index: index as usize, next: (index + 1).min(self.high) as usize, weight }
    }
}
