//! A strip's delay: up to 2 s, exact to the frame, changed without a click.

use crate::{BLOCK_FRAMES, Block, CHANNELS, SAMPLE_RATE, SILENCE, ramp::RAMP_FRAMES};

/// The longest delay in frames.
const LONGEST: usize = MAX_DELAY_MS as usize * (SAMPLE_RATE as usize / 1000);

/// The longest delay in milliseconds.
pub const MAX_DELAY_MS: u32 = 2000;

/// Frames remembered: the longest delay and the block being worked on, a whole number of blocks.
const MEMORY: usize = LONGEST.next_multiple_of(BLOCK_FRAMES) + BLOCK_FRAMES;

/// A delay line.
pub(crate) struct Delay {
    memory: Box<[f32]>,
    /// Where the next block goes, in frames.
    at: usize,
    /// Frames of delay now, or at the end of the change that is going on.
    frames: usize,
    /// The delay before, and how many frames of the crossfade are left.
    before: (usize, usize),
    wanted: usize,
}

impl Delay {
    pub(crate) fn new(ms: u32) -> Self {
        let frames = frames(ms);
        let memory = vec![0.0; MEMORY * CHANNELS].into_boxed_slice();
        Self { memory, at: 0, frames, before: (frames, 0), wanted: frames }
    }

    /// Crossfades to another delay; while a crossfade is going on, after it.
    pub(crate) fn set(&mut self, ms: u32) {
        self.wanted = frames(ms);
    }

    /// Replaces a block by the one of so long ago.
    pub(crate) fn process(&mut self, block: &mut Block) {
        let start = self.at * CHANNELS;
        self.memory[start..start + block.len()].copy_from_slice(block);
        if self.before.1 == 0 && self.wanted != self.frames {
            self.before = (self.frames, RAMP_FRAMES as usize);
            self.frames = self.wanted;
        }
        self.read(self.frames, block);
        let (before, left) = self.before;
        if left > 0 {
            let mut old = SILENCE;
            self.read(before, &mut old);
            let frames = block.chunks_exact_mut(CHANNELS).zip(old.chunks_exact(CHANNELS));
            for (index, (frame, old)) in frames.enumerate() {
                let weight = left.saturating_sub(index) as f32 / (RAMP_FRAMES + 1) as f32;
                for (sample, old) in frame.iter_mut().zip(old) {
                    *sample += (old - *sample) * weight;
                }
            }
            self.before.1 = left.saturating_sub(BLOCK_FRAMES);
        }
        self.at = (self.at + BLOCK_FRAMES) % MEMORY;
    }

    fn read(&self, delay: usize, out: &mut Block) {
        let from = (self.at + MEMORY - delay) % MEMORY;
        let first = BLOCK_FRAMES.min(MEMORY - from) * CHANNELS;
        let (head, tail) = out.split_at_mut(first);
        head.copy_from_slice(&self.memory[from * CHANNELS..][..first]);
        tail.copy_from_slice(&self.memory[..tail.len()]);
    }
}

fn frames(ms: u32) -> usize {
    ms.min(MAX_DELAY_MS) as usize * (SAMPLE_RATE as usize / 1000)
}
