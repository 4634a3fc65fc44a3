//! How a pipe is doing, readable from any thread without a lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Counts and measures of one pipe, shared by both its ends and whoever watches.
#[derive(Debug, Default)]
pub struct Health {
    pub(crate) dropped_blocks: AtomicU64,
    pub(crate) late_frames: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) resyncs: AtomicU64,
    pub(crate) error_ns: AtomicI64,
    pub(crate) drift_ppb: AtomicI64,
    pub(crate) sounding: AtomicBool,
}

/// A [`Health`] at one moment. The counts only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HealthReport {
    /// Blocks that the inlet dropped because 4 s were waiting already.
    pub dropped_blocks: u64,
    /// Frames that were thrown away unheard: they came after their time, or too few of them before it.
    pub late_frames: u64,
    /// Times that the sound stopped for want of data.
    pub gaps: u64,
    /// Times that the sound jumped because its timestamps (or the program's time) did.
    pub resyncs: u64,
    /// How far the sound is ahead of where its timestamps say it should be, in nanoseconds.
    pub error_ns: i64,
    /// How much slower than the program's clock the source's sample clock runs, in parts per million.
    pub drift_ppm: f64,
    /// Whether data is being given out, rather than silence for want of it.
    pub sounding: bool,
}

impl Health {
    /// What stands in it now; fields are read one by one, so they may be a block apart.
    pub fn report(&self) -> HealthReport {
        HealthReport {
            dropped_blocks: self.dropped_blocks.load(Relaxed),
            late_frames: self.late_frames.load(Relaxed),
            gaps: self.gaps.load(Relaxed),
            resyncs: self.resyncs.load(Relaxed),
            error_ns: self.error_ns.load(Relaxed),
            drift_ppm: self.drift_ppb.load(Relaxed) as f64 / 1e3,
            sounding: self.sounding.load(Relaxed),
        }
    }
}
