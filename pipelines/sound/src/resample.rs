//! Sound at a slightly different speed: rubato's polynomial resampler with its place in the source known to a fraction of a frame.
//!
//! Frames are numbered as in the queue. The resampler holds some frames inside, so what it gives out lies a few frames behind what it
//! was fed; [`Varispeed::position`] is where the *output* stands.

use rubato::{
    Adjustable, Async, FixedAsync, PolynomialDegree, Resampler, Resizable,
    audioadapter_buffers::direct::InterleavedSlice,
};

use crate::{BLOCK_FRAMES, Block, CHANNELS, drift::MAX_SPEED_CHANGE, queue::Reel};

/// Fitted through eight frames.
const DEGREE: PolynomialDegree = PolynomialDegree::Septic;

/// Frames that the polynomial is fitted through.
const POINTS: usize = 8;

/// Frames run through and thrown away at the start, so that the resampler holds real sound from the first frame that counts.
const PRIMING: usize = 8;

/// The most frames past its position that a block takes.
pub(crate) const MOST_NEEDED: usize = BLOCK_FRAMES + 16;

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
        let inner =
            Async::new_poly(1.0, 1.0 + 2.0 * MAX_SPEED_CHANGE, DEGREE, BLOCK_FRAMES, CHANNELS, FixedAsync::Output)
                .expect("the parameters are constants that rubato takes");
        Self { inner, fed: 0, lag: 0.0, feed: Box::new([0.0; MOST_NEEDED * CHANNELS]) }
    }

    /// Goes on as if frame `last` had been given out just now.
    pub(crate) fn start_after(&mut self, reel: &Reel, last: u64) {
        self.inner.reset();
        self.inner.set_chunk_size(PRIMING).expect("priming is shorter than a block");
        // Half the points lie before a position: output begins that far before what is fed, and ends `POINTS` behind it.
        self.fed = last.saturating_sub((PRIMING - POINTS / 2) as u64);
        self.lag = -(POINTS as f64 / 2.0);
        self.run(reel, &mut [0.0; PRIMING * CHANNELS]);
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
