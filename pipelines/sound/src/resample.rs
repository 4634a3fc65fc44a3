//! Sound at a slightly different speed: rubato's sinc resampler with its place in the source known to a fraction of a frame.
//!
//! Frames are numbered as in the queue. The resampler holds some frames inside, so what it gives out lies a few frames behind what it
//! was fed; [`Varispeed::position`] is where the *output* stands.

use rubato::{
    Adjustable, Async, FixedAsync, Resampler, Resizable, SincInterpolationParameters, SincInterpolationType,
    WindowFunction, audioadapter_buffers::direct::InterleavedSlice,
};

use crate::{BLOCK_FRAMES, Block, CHANNELS, drift::MAX_SPEED_CHANGE, queue::Reel};

/// Frames that the filter spans. With 128 steps between two frames it is flat to 20 kHz, and what it adds is 95 dB down; the eight
/// points of a septic polynomial take nearly the same time and leave 28 dB at 15 kHz.
const SPAN: usize = 64;

/// Steps between two frames for which the filter is made; in between it is interpolated.
const STEPS: usize = 128;

/// Where the filter ends, as a share of 24 kHz.
const CUTOFF: f32 = 0.98;

/// Frames run through and thrown away at the start, so that the filter holds real sound from the first frame that counts.
const PRIMING: usize = SPAN;

/// How far the frame given out last lies behind the next to be fed when the speed is 1: rubato centres the filter on the first of
/// the two frames in its middle.
const BEHIND: usize = SPAN / 2 + 1;

/// The most frames past its position that a block takes.
pub(crate) const MOST_NEEDED: usize = BLOCK_FRAMES + BEHIND + 8;

/// Frames before its position that it starts with.
pub(crate) const HISTORY: usize = PRIMING + 1 - BEHIND;

/// A resampler whose speed can be changed block by block.
pub(crate) struct Varispeed {
    inner: Async<f32>,
    /// Number of the next frame to be fed.
    fed: u64,
    /// Position of the last frame given out, less `fed`.
    lag: f64,
    feed: Box<[f32; MOST_NEEDED * CHANNELS]>,
}

impl Varispeed {
    pub(crate) fn new() -> Self {
        let filter = SincInterpolationParameters::new(SPAN, WindowFunction::BlackmanHarris2)
            .f_cutoff(CUTOFF)
            .oversampling_factor(STEPS)
            .interpolation(SincInterpolationType::Linear);
        let furthest = 1.0 + 2.0 * MAX_SPEED_CHANGE;
        let inner = Async::new_sinc(1.0, furthest, &filter, BLOCK_FRAMES, CHANNELS, FixedAsync::Output)
            .expect("the parameters are constants that rubato takes");
        Self { inner, fed: 0, lag: 0.0, feed: Box::new([0.0; MOST_NEEDED * CHANNELS]) }
    }

    /// Goes on as if frame `last` had been given out just now.
    pub(crate) fn start_after(&mut self, reel: &Reel, last: u64) {
        self.inner.reset();
        self.inner.set_chunk_size(PRIMING).expect("priming is shorter than a block");
        self.fed = last.saturating_sub(HISTORY as u64);
        self.run(reel, &mut [0.0; PRIMING * CHANNELS]);
        self.lag = -(BEHIND as f64);
        self.inner.set_chunk_size(BLOCK_FRAMES).expect("a block is what it was made for");
    }

    /// Position in the source of the frame given out last.
    pub(crate) fn position(&self) -> f64 {
        self.fed as f64 + self.lag
    }

    /// Makes the next block at a speed of so many source frames per program frame, 1 ± 0.5 %.
    pub(crate) fn read(&mut self, reel: &Reel, speed: f64, out: &mut Block) {
        let speed = speed.clamp(1.0 - MAX_SPEED_CHANGE, 1.0 + MAX_SPEED_CHANGE);
        self.inner.set_resample_ratio_relative(1.0 / speed, false).expect("the speed is within what it was made for");
        self.run(reel, out);
    }

    fn run(&mut self, reel: &Reel, out: &mut [f32]) {
        let (frames_in, frames_out) = (self.inner.input_frames_next(), out.len() / CHANNELS);
        let feed = &mut self.feed[..frames_in * CHANNELS];
        reel.copy(self.fed, feed);
        self.lag += frames_out as f64 / self.inner.resample_ratio() - frames_in as f64;
        self.fed += frames_in as u64;
        let feed = InterleavedSlice::new(&*feed, CHANNELS, frames_in).expect("whole frames");
        let mut out = InterleavedSlice::new_mut(out, CHANNELS, frames_out).expect("whole frames");
        self.inner.process_into_buffer(&feed, &mut out, None).expect("it is fed as many frames as it asked for");
    }
}
