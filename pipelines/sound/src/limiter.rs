//! A brickwall limiter for sample peaks that looks ahead.
//!
//! The gain that each frame needs is held for the look-ahead (a sliding minimum), rises back slowly, and is then averaged over the
//! look-ahead: it has reached what a peak needs, in a straight line, by the time the delayed peak comes out. Both channels share it.
//! Below the ceiling the output is the input, bit for bit, [`LOOK_AHEAD_FRAMES`] later; without a ceiling always.

use crate::{BLOCK_FRAMES, Block, CHANNELS, SAMPLE_RATE, meter::peaks};

/// Frames by which the output is later than the input, always: 2 ms.
pub const LOOK_AHEAD_FRAMES: usize = SAMPLE_RATE as usize / 500;

/// Frames that the minimum and the average are taken over: a peak's own and the look-ahead.
const WINDOW: usize = LOOK_AHEAD_FRAMES + 1;

/// Frames worked on at once: what was looked at before, and a block.
const SPAN: usize = LOOK_AHEAD_FRAMES + BLOCK_FRAMES;

/// Seconds in which the gain makes up two thirds of its way back to 1.
const RELEASE_S: f64 = 0.150;

/// Share of that way made in a frame.
const RELEASE: f64 = 1.0 / (RELEASE_S * SAMPLE_RATE as f64);

/// A gain this near to 1 is 1.
const RELEASED: f64 = 1.0 - 1e-4;

/// Ceilings lower than this (-60 dBFS) are raised to it.
const LOWEST_CEILING: f32 = 1e-3;

/// A limiter for a stereo program.
pub struct Limiter {
    /// Infinite for none.
    ceiling: f32,
    /// The ceiling under which the frames still to come out were looked at.
    ceiling_before: f32,
    sound: Box<[f32; SPAN * CHANNELS]>,
    /// The gain that each frame of `sound` needs.
    needed: Box<[f32; SPAN]>,
    /// The gain held and released.
    held: Box<[f64; SPAN]>,
    lowest: Box<[f32; SPAN]>,
    idle: bool,
}

impl Limiter {
    /// A limiter that holds peaks at a linear `ceiling`; without one it only delays.
    pub fn new(ceiling: Option<f32>) -> Self {
        let ceiling = sane(ceiling);
        Self {
            ceiling,
            ceiling_before: ceiling,
            sound: Box::new([0.0; SPAN * CHANNELS]),
            needed: Box::new([1.0; SPAN]),
            held: Box::new([1.0; SPAN]),
            lowest: Box::new([1.0; SPAN]),
            idle: true,
        }
    }

    /// Another ceiling for the blocks that go in from now on: they come out [`LOOK_AHEAD_FRAMES`] later.
    pub fn set_ceiling(&mut self, ceiling: Option<f32>) {
        self.ceiling = sane(ceiling);
    }

    /// Replaces a block by the one of [`LOOK_AHEAD_FRAMES`] ago, limited. Samples that are not finite become silence.
    pub fn process(&mut self, block: &mut Block) {
        const AHEAD: usize = LOOK_AHEAD_FRAMES * CHANNELS;
        self.sound.copy_within(block.len().., 0);
        for (sound, sample) in self.sound[AHEAD..].iter_mut().zip(block.iter()) {
            *sound = if sample.is_finite() { *sample } else { 0.0 };
        }
        let loud = peaks(block).iter().any(|peak| *peak > self.ceiling);
        block.copy_from_slice(&self.sound[..BLOCK_FRAMES * CHANNELS]);
        if loud || !self.idle {
            self.limit(block);
            let (before, after) = block.split_at_mut(AHEAD);
            hold_below(self.ceiling.max(self.ceiling_before), before);
            hold_below(self.ceiling, after);
        }
        self.ceiling_before = self.ceiling;
    }

    fn limit(&mut self, block: &mut Block) {
        self.needed.copy_within(BLOCK_FRAMES.., 0);
        let frames = self.sound.as_chunks::<CHANNELS>().0;
        for (needed, [left, right]) in self.needed.iter_mut().zip(frames).skip(LOOK_AHEAD_FRAMES) {
            let peak = left.abs().max(right.abs());
            *needed = if peak > self.ceiling { self.ceiling / peak } else { 1.0 };
        }
        self.find_lowest();
        self.held.copy_within(BLOCK_FRAMES.., 0);
        let mut held = self.held[LOOK_AHEAD_FRAMES - 1];
        let mut sum: f64 = self.held[..LOOK_AHEAD_FRAMES].iter().sum();
        for (index, frame) in block.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
            let released = held + (1.0 - held) * RELEASE;
            held = f64::from(self.lowest[index]).min(if released > RELEASED { 1.0 } else { released });
            self.held[index + LOOK_AHEAD_FRAMES] = held;
            sum += held;
            let gain = (sum / WINDOW as f64) as f32;
            sum -= self.held[index];
            frame.iter_mut().for_each(|sample| *sample *= gain);
        }
        let settled = |gains: &[f64]| gains.iter().all(|gain| *gain == 1.0);
        self.idle = settled(&self.held[BLOCK_FRAMES..]) && self.needed[BLOCK_FRAMES..].iter().all(|gain| *gain == 1.0);
    }

    /// Sets `lowest[n]` to the least of `needed[n..n + WINDOW]`, by windows that double.
    fn find_lowest(&mut self) {
        self.lowest.copy_from_slice(&*self.needed);
        let mut width = 1;
        while width < WINDOW {
            let step = width.min(WINDOW - width);
            for index in 0..SPAN - step {
                let (here, there) = (self.lowest[index], self.lowest[index + step]);
                self.lowest[index] = if there < here { there } else { here };
            }
            width += step;
        }
    }
}

/// Takes off what rounding leaves above the ceiling.
fn hold_below(ceiling: f32, samples: &mut [f32]) {
    samples.iter_mut().for_each(|sample| *sample = sample.clamp(-ceiling, ceiling));
}

fn sane(ceiling: Option<f32>) -> f32 {
    ceiling.filter(|ceiling| !ceiling.is_nan()).map_or(f32::INFINITY, |ceiling| ceiling.max(LOWEST_CEILING))
}
