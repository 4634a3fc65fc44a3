//! How loud it is: peak, RMS and held peak of each channel, written by the audio thread and read by anyone without a lock.
//!
//! The peak rises at once and falls by 20 dB a second, so a reader at 30 Hz misses none; the RMS is that of the last 300 ms; the held
//! peak stays for 1.5 s and then falls like the peak.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::{BLOCK_FRAMES, Block, CHANNELS, convert::to_db};

/// What a peak falls by in a block: 20 dB a second is 0.2 dB in 10 ms, 10^(-0.2 / 20).
const FALL: f32 = 0.977_237_2;

/// Below this (-120 dBFS) a falling peak is silence.
const INAUDIBLE: f32 = 1e-6;

/// Blocks that a held peak stays: 1.5 s.
const HOLD_BLOCKS: u32 = 150;

/// Blocks that the RMS is taken over: 300 ms.
const RMS_BLOCKS: usize = 30;

/// Samples worked on side by side, so that the compiler vectorises.
const LANES: usize = 8;

/// Levels of left and right in dBFS: 0 is a peak at full scale (a sine of which has an RMS of -3.01); silence is
/// [`FLOOR_DB`](crate::convert::FLOOR_DB).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// Peak, falling by 20 dB a second.
    pub peak_db: [f32; CHANNELS],
    /// Root mean square of the last 300 ms.
    pub rms_db: [f32; CHANNELS],
    /// Highest peak, held for 1.5 s.
    pub hold_db: [f32; CHANNELS],
}

/// Linear values as bits: peak, mean square, hold of each channel.
type Shared = [[AtomicU32; CHANNELS]; 3];

/// The audio thread's side.
pub struct Meter {
    peak: [f32; CHANNELS],
    hold: [f32; CHANNELS],
    hold_left: [u32; CHANNELS],
    squares: [[f32; CHANNELS]; RMS_BLOCKS],
    at: usize,
    shared: Arc<Shared>,
}

/// The reader's side; cheap to clone.
#[derive(Debug, Clone)]
pub struct MeterReader(Arc<Shared>);

impl Meter {
    /// A meter that has heard silence.
    pub fn new() -> Self {
        Self {
            peak: [0.0; CHANNELS],
            hold: [0.0; CHANNELS],
            hold_left: [0; CHANNELS],
            squares: [[0.0; CHANNELS]; RMS_BLOCKS],
            at: 0,
            shared: Arc::default(),
        }
    }

    /// A reader for another thread.
    pub fn reader(&self) -> MeterReader {
        MeterReader(self.shared.clone())
    }

    /// Takes a block in and publishes the levels after it.
    pub fn take(&mut self, block: &Block) {
        let peaks = peaks(block);
        self.squares[self.at] = mean_squares(block);
        self.at = (self.at + 1) % RMS_BLOCKS;
        for channel in 0..CHANNELS {
            let peak = peaks[channel];
            self.peak[channel] = peak.max(fallen(self.peak[channel]));
            if peak >= self.hold[channel] {
                self.hold[channel] = peak;
                self.hold_left[channel] = HOLD_BLOCKS;
            } else if self.hold_left[channel] > 0 {
                self.hold_left[channel] -= 1;
            } else {
                self.hold[channel] = fallen(self.hold[channel]).max(peak);
            }
            let mean = self.squares.iter().map(|square| square[channel]).sum::<f32>() / RMS_BLOCKS as f32;
            let values = [self.peak[channel], mean, self.hold[channel]];
            for (shared, value) in self.shared.iter().zip(values) {
                shared[channel].store(value.to_bits(), Relaxed);
            }
        }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl MeterReader {
    /// The levels after the last block.
    pub fn levels(&self) -> Levels {
        let [peak, mean, hold] =
            [0, 1, 2].map(|kind: usize| self.0[kind].each_ref().map(|value| f32::from_bits(value.load(Relaxed))));
        Levels { peak_db: peak.map(to_db), rms_db: mean.map(|mean| to_db(mean.sqrt())), hold_db: hold.map(to_db) }
    }
}

fn fallen(value: f32) -> f32 {
    let value = value * FALL;
    if value < INAUDIBLE { 0.0 } else { value }
}

/// Highest absolute sample of each channel.
pub(crate) fn peaks(block: &Block) -> [f32; CHANNELS] {
    let highest = across(block, |highest, sample| if sample.abs() > highest { sample.abs() } else { highest });
    fold(highest, f32::max)
}

fn mean_squares(block: &Block) -> [f32; CHANNELS] {
    let sums = across(block, |sum, sample| sum + sample * sample);
    fold(sums, |a, b| a + b).map(|sum| sum / BLOCK_FRAMES as f32)
}

fn across(block: &Block, step: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    for samples in block.as_chunks::<LANES>().0 {
        for (lane, sample) in lanes.iter_mut().zip(samples) {
            *lane = step(*lane, *sample);
        }
    }
    lanes
}

fn fold(lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> [f32; CHANNELS] {
    let mut channels = [0.0; CHANNELS];
    for (index, lane) in lanes.into_iter().enumerate() {
        channels[index % CHANNELS] = join(channels[index % CHANNELS], lane);
    }
    channels
}
