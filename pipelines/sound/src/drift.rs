//! From jittered timestamps to a steady line: which frame is due at which time, and how fast the source's clock really runs.
//!
//! A [`Line`] is a Kalman filter of two states, the time of a frame and the drift of the sample clock, fed with the marks of the
//! queue. Its gains start high (the first second settles within the jitter) and fall to a time constant of about [`MEMORY_S`], so
//! that jitter of milliseconds moves the sound by microseconds. A [`Timeline`] begins a new line where the timestamps jump.

use crate::{FRAME_NS, SAMPLE_RATE, queue::Mark};

/// Beyond this many nanoseconds a timestamp is a jump, not jitter, and so is a position that far off.
pub(crate) const JUMP_NS: f64 = 80e6;

/// Seconds that the line remembers once it has settled.
const MEMORY_S: f64 = 20.0;

/// Variance of a timestamp's jitter in s²: 2 ms.
const JITTER: f64 = 4e-6;

/// Variance of a sample clock's drift before anything is known of it: 1000 ppm.
const DRIFT: f64 = 1e-6;

/// Variance that the drift gains in a second. The settled filter's time constant is the fourth root of
/// `JITTER × interval between marks / WANDER`; marks come about every 20 ms.
const WANDER: f64 = JITTER * 0.02 / (MEMORY_S * MEMORY_S * MEMORY_S * MEMORY_S);

/// Weight of the newest timestamp in the running mean of deviations.
const BIAS_WEIGHT: f64 = 0.1;

/// A running mean of deviations beyond this many seconds is a step of the timestamps: the line starts again from the newest.
const BIAS_LIMIT_S: f64 = 8e-3;

/// The most by which the sound is sped up or slowed down.
pub(crate) const MAX_SPEED_CHANGE: f64 = 0.005;

/// Seconds in which an error is brought down to a third.
const SETTLE_S: f64 = 1.0;

/// Lines kept at once; more jumps than this within the queue's seconds drop the oldest.
const MAX_LINES: usize = 8;

/// Frames and times of one stretch of sound without a jump.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// Number of the first frame it speaks of.
    pub(crate) start: u64,
    frame: f64,
    time_ns: f64,
    drift: f64,
    /// Covariance: time × time, time × drift, drift × drift, in seconds.
    spread: [f64; 3],
    bias_s: f64,
}

impl Line {
    fn new(start: u64, mark: Mark, drift: f64) -> Self {
        let spread = [JITTER, 0.0, DRIFT];
        Self { start, frame: mark.frame as f64, time_ns: mark.time_ns as f64, drift, spread, bias_s: 0.0 }
    }

    /// How much longer than nominal a frame lasts, as a fraction.
    pub(crate) fn drift(&self) -> f64 {
        self.drift
    }

    /// The (fractional) frame that is due at a time.
    pub(crate) fn frame_at(&self, time_ns: f64) -> f64 {
        self.frame + (time_ns - self.time_ns) / (FRAME_NS * (1.0 + self.drift))
    }

    fn time_of(&self, frame: f64) -> f64 {
        self.time_ns + (frame - self.frame) * FRAME_NS * (1.0 + self.drift)
    }

    /// Takes a timestamp in; gives `false`, and stays as it was, if it does not belong to this line.
    fn take(&mut self, mark: Mark) -> bool {
        let expected_ns = self.time_of(mark.frame as f64);
        let off_ns = mark.time_ns as f64 - expected_ns;
        if mark.fresh || off_ns.abs() > JUMP_NS {
            return false;
        }
        let off = off_ns / 1e9;
        self.bias_s += BIAS_WEIGHT * (off - self.bias_s);
        if self.bias_s.abs() > BIAS_LIMIT_S {
            *self = Self::new(self.start, mark, self.drift);
            return true;
        }
        let dt = (mark.frame as f64 - self.frame) / f64::from(SAMPLE_RATE);
        let [time, both, drift] = self.spread;
        let time = time + dt * (2.0 * both + dt * (drift + WANDER * dt / 3.0));
        let both = both + dt * (drift + WANDER * dt / 2.0);
        let drift = drift + WANDER * dt;
        let (gain_time, gain_drift) = (time / (time + JITTER), both / (time + JITTER));
        self.frame = mark.frame as f64;
        self.time_ns = expected_ns + gain_time * off_ns;
        self.drift = (self.drift + gain_drift * off).clamp(-MAX_SPEED_CHANGE, MAX_SPEED_CHANGE);
        self.spread = [(1.0 - gain_time) * time, (1.0 - gain_time) * both, drift - gain_drift * both];
        true
    }
}

/// Source frames per program frame for a source with this drift whose sound is `ahead` frames early.
pub(crate) fn speed(drift: f64, ahead: f64) -> f64 {
    let wanted = 1.0 / (1.0 + drift) - ahead / (f64::from(SAMPLE_RATE) * SETTLE_S);
    wanted.clamp(1.0 - MAX_SPEED_CHANGE, 1.0 + MAX_SPEED_CHANGE)
}

/// The lines of everything in the queue, oldest first; each speaks of the frames up to the next one's start.
#[derive(Debug)]
pub(crate) struct Timeline {
    lines: Vec<Line>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::with_capacity(MAX_LINES) }
    }

    /// Takes a timestamp in. The first one also speaks for the frames since `front` that came before it without any.
    pub(crate) fn take(&mut self, mark: Mark, front: u64) {
        let Some(newest) = self.lines.last_mut() else {
            self.lines.push(Line::new(front.min(mark.frame), mark, 0.0));
            return;
        };
        if !newest.take(mark) {
            let line = Line::new(mark.frame, mark, newest.drift);
            if self.lines.len() == MAX_LINES {
                self.lines.remove(0);
            }
            self.lines.push(line);
        }
    }

    /// The lines with the number after their last frame (`end` for the newest), newest first.
    pub(crate) fn newest_first(&self, end: u64) -> impl Iterator<Item = (&Line, u64)> {
        let next_start = move |index: usize| self.lines.get(index + 1).map_or(end, |next| next.start);
        self.lines.iter().enumerate().rev().map(move |(index, line)| (line, next_start(index)))
    }

    /// The oldest line and the number after its last frame.
    pub(crate) fn oldest(&self, end: u64) -> Option<(&Line, u64)> {
        self.newest_first(end).last()
    }

    /// Forgets the lines of which no frame from number `front` on is left; the newest is kept.
    pub(crate) fn forget_before(&mut self, front: u64) {
        while self.lines.len() > 1 && self.lines[1].start <= front {
            self.lines.remove(0);
        }
    }
}
