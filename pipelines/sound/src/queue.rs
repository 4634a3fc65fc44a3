//! The way from a source's thread to the audio thread: samples in a bounded ring, and beside it the marks that say which frame was
//! stamped with which time.
//!
//! Frames are numbered from 0 as they are pushed. A mark is published before its samples, so a reader that looks at the samples first
//! finds the mark of every frame that it sees.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Observer, Producer, Split},
};

use crate::{CHANNELS, Health, Outlet, SAMPLE_RATE};

/// Frames that a pipe holds: 4 s, for sources that are ahead of the program.
pub(crate) const CAPACITY_FRAMES: usize = 4 * SAMPLE_RATE as usize;

/// Marks that a pipe holds: enough when blocks are a millisecond or longer.
const CAPACITY_MARKS: usize = 4096;

/// Louder than this (36 dB above full scale) is not sound; it is cut there so that no later sum can overflow.
const LOUDEST: f32 = 64.0;

/// A way for one source's sound; the [`Inlet`] goes to its thread, the [`Outlet`] to the mixer.
pub fn pipe() -> (Inlet, Outlet) {
    let (samples_in, samples_out) = HeapRb::new(CAPACITY_FRAMES * CHANNELS).split();
    let (marks_in, marks_out) = HeapRb::new(CAPACITY_MARKS).split();
    let health = Arc::new(Health::default());
    let inlet = Inlet { samples: samples_in, marks: marks_in, pushed: 0, fresh: false, health: health.clone() };
    let reel = Reel { samples: samples_out, marks: marks_out, front: 0, end: 0 };
    (inlet, Outlet::new(reel, health))
}

/// Where a source pushes its sound.
pub struct Inlet {
    samples: HeapProd<f32>,
    marks: HeapProd<Mark>,
    pushed: u64,
    fresh: bool,
    health: Arc<Health>,
}

/// The time of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// Its number.
    pub(crate) frame: u64,
    /// Its running time.
    pub(crate) time_ns: u64,
    /// Whether what came before says nothing about it.
    pub(crate) fresh: bool,
}

impl Inlet {
    /// Pushes interleaved stereo samples whose first frame has the running time `time_ns`; without one they follow the block before
    /// (or precede the first that has one). Samples that are not finite become silence; half a frame at the end is ignored.
    ///
    /// Gives `false`, and counts it in [`Health`], when the block did not fit and was dropped whole.
    pub fn push(&mut self, time_ns: Option<u64>, samples: &[f32]) -> bool {
        let frames = samples.len() / CHANNELS;
        if frames == 0 {
            return true;
        }
        let fits = self.samples.vacant_len() >= frames * CHANNELS;
        let mark = time_ns.map(|time_ns| Mark { frame: self.pushed, time_ns, fresh: self.fresh });
        let kept = fits && mark.is_none_or(|mark| self.marks.try_push(mark).is_ok());
        if kept {
            self.samples.push_iter(samples[..frames * CHANNELS].iter().map(|&sample| clean(sample)));
            self.pushed += frames as u64;
            self.fresh &= time_ns.is_none();
        } else {
            self.fresh = true;
            self.health.dropped_blocks.fetch_add(1, Relaxed);
        }
        kept
    }

    /// Says that the next block does not continue the one before (a seek, a lost packet, a restart): its timestamp is taken at its
    /// word at once, rather than smoothed. Jumps of more than 80 ms are noticed without it.
    pub fn break_here(&mut self) {
        self.fresh = true;
    }

    /// How the pipe is doing; can be kept and read anywhere.
    pub fn health(&self) -> Arc<Health> {
        self.health.clone()
    }
}

fn clean(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }
}

/// The reader's side: frames by number, from `front` to `end`.
pub(crate) struct Reel {
    samples: HeapCons<f32>,
    marks: HeapCons<Mark>,
    front: u64,
    end: u64,
}

impl Reel {
    /// Number of the oldest frame still there.
    pub(crate) fn front(&self) -> u64 {
        self.front
    }

    /// Number that the next frame to arrive will have, as of the last [`Reel::refresh`].
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Looks for new frames.
    pub(crate) fn refresh(&mut self) {
        self.end = self.front + (self.samples.occupied_len() / CHANNELS) as u64;
    }

    /// The next mark; call it after [`Reel::refresh`].
    pub(crate) fn take_mark(&mut self) -> Option<Mark> {
        self.marks.try_pop()
    }

    /// Copies frames from number `from` on into `out`; silence where there are none.
    pub(crate) fn copy(&self, from: u64, out: &mut [f32]) {
        let missing = out.len().min(self.front.saturating_sub(from) as usize * CHANNELS);
        let (before, rest) = out.split_at_mut(missing);
        before.fill(0.0);
        let skip = from.saturating_sub(self.front) as usize * CHANNELS;
        let (first, second) = self.samples.as_slices();
        let skip_second = skip.saturating_sub(first.len()).min(second.len());
        let mut done = 0;
        for part in [&first[skip.min(first.len())..], &second[skip_second..]] {
            let count = part.len().min(rest.len() - done);
            rest[done..done + count].copy_from_slice(&part[..count]);
            done += count;
        }
        rest[done..].fill(0.0);
    }

    /// Frees every frame before number `to`.
    pub(crate) fn discard_to(&mut self, to: u64) {
        let frames = to.min(self.end).saturating_sub(self.front);
        self.samples.skip(frames as usize * CHANNELS);
        self.front += frames;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reel_and_inlet(capacity_frames: usize) -> (Inlet, Reel) {
        let (samples_in, samples_out) = HeapRb::new(capacity_frames * CHANNELS).split();
        let (marks_in, marks_out) = HeapRb::new(4).split();
        let health = Arc::new(Health::default());
        let inlet = Inlet { samples: samples_in, marks: marks_in, pushed: 0, fresh: false, health };
        (inlet, Reel { samples: samples_out, marks: marks_out, front: 0, end: 0 })
    }

    /// Frame `n` is `n / 2048, -n / 2048`: exact, and not too loud.
    fn frames(range: std::ops::Range<u64>) -> Vec<f32> {
        range.flat_map(|n| [n as f32 / 2048.0, n as f32 / -2048.0]).collect()
    }

    #[test]
    fn frames_keep_their_numbers_around_the_end_of_the_ring() {
        let (mut inlet, mut reel) = reel_and_inlet(10);
        for first in (0..60).step_by(6) {
            assert!(inlet.push(None, &frames(first..first + 6)));
            reel.refresh();
            assert_eq!((reel.front(), reel.end()), (first.saturating_sub(2), first + 6));
            for from in reel.front()..=reel.end() {
                let mut out = vec![9.0; 20];
                reel.copy(from, &mut out);
                let mut expected = frames(from..first + 6);
                expected.resize(20, 0.0);
                assert_eq!(out, expected, "from {from}");
            }
            reel.discard_to(first + 4);
        }
        let mut out = vec![9.0; 8];
        reel.copy(56, &mut out);
        assert_eq!(out, [vec![0.0; 4], frames(58..60)].concat());
    }

    #[test]
    fn a_full_ring_of_marks_drops_the_block_and_breaks_the_line() {
        let (mut inlet, mut reel) = reel_and_inlet(100);
        for n in 0..6 {
            assert_eq!(inlet.push(Some(n), &[0.5; 2]), n < 4);
        }
        assert_eq!(inlet.health().report().dropped_blocks, 2);
        reel.refresh();
        assert_eq!(reel.end(), 4);
        while let Some(mark) = reel.take_mark() {
            assert!(!mark.fresh);
        }
        assert!(inlet.push(Some(6), &[0.5; 2]));
        let mark = reel.take_mark().unwrap();
        assert_eq!((mark.frame, mark.time_ns, mark.fresh), (4, 6, true));
    }

    #[test]
    fn a_source_on_another_thread_loses_nothing() {
        let (mut inlet, mut reel) = reel_and_inlet(1000);
        let source = std::thread::spawn(move || {
            for first in (0..100_000).step_by(100) {
                while !inlet.push(None, &frames(first..first + 100)) {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < 100_000 {
            reel.refresh();
            let mut out = vec![0.0; (reel.end() - next) as usize * CHANNELS];
            reel.copy(next, &mut out);
            assert_eq!(out, frames(next..reel.end()));
            next = reel.end();
            reel.discard_to(next);
            std::thread::yield_now();
        }
        source.join().unwrap();
    }
}
