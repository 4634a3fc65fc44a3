//! What the sound callbacks compute: samples of any format to and from `f32`, and the program's 48 kHz stereo to what a
//! pair of headphones takes. Runs on real-time threads: nothing here allocates, locks or logs.

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer};

/// Hertz of the program's sound.
pub(super) const PROGRAM_RATE: u32 = 48_000;

/// Brings samples of any format to `f32` in blocks of whole frames that fit `scratch`, and hands each to `each` with the number
/// of frames before it. `channels` is at most `scratch.len()`.
pub(super) fn in_f32<T>(samples: &[T], channels: usize, scratch: &mut [f32], mut each: impl FnMut(&[f32], usize))
where
    T: Copy,
    f32: FromSample<T>,
{
    let whole_frames = scratch.len() / channels * channels;
    for (n, block) in samples.chunks(whole_frames).enumerate() {
        let converted = &mut scratch[..block.len()];
        for (to, from) in converted.iter_mut().zip(block) {
            *to = f32::from_sample_(*from);
        }
        each(converted, n * whole_frames / channels);
    }
}

/// Pushes as many whole stereo frames as there is room for, and returns how many there was none for.
pub(super) fn push_frames(ring: &mut Producer<f32>, stereo: &[f32]) -> usize {
    let frames = stereo.len() / 2;
    let fitting = (ring.slots() / 2).min(frames);
    // A whole chunk at a time, so that the other side never sees half a frame.
    if ring.push_entire_slice(&stereo[..fitting * 2]).is_err() {
        return frames;
    }
    frames - fitting
}

/// Takes the program's stereo from a ring, at the rate and with the channels of an output. Silence where the ring is dry.
pub(super) struct Feed {
    ring: Consumer<f32>,
    channels: usize,
    /// Program frames for each frame of the output.
    step: f64,
    /// From 0 at `before` to 1 at `after`.
    phase: f64,
    before: [f32; 2],
    after: [f32; 2],
}

impl Feed {
    /// For an output of `channels` at `rate` hertz; neither may be 0.
    pub(super) fn new(ring: Consumer<f32>, channels: usize, rate: u32) -> Self {
        let step = f64::from(PROGRAM_RATE) / f64::from(rate);
        // At the program's own rate each frame is taken as it comes.
        Self { ring, channels, step, phase: 1.0, before: [0.0; 2], after: [0.0; 2] }
    }

    /// Fills interleaved frames: the sum halved for one channel, left and right in the first two of several.
    pub(super) fn fill<T: Sample + FromSample<f32>>(&mut self, out: &mut [T]) {
        for frame in out.chunks_mut(self.channels) {
            let [left, right] = self.next();
            match frame {
                [mono] => *mono = T::from_sample_((left + right) * 0.5),
                [first, second, rest @ ..] => {
                    (*first, *second) = (T::from_sample_(left), T::from_sample_(right));
                    rest.fill(T::EQUILIBRIUM);
                }
                [] => {}
            }
        }
    }

    fn next(&mut self) -> [f32; 2] {
        while self.phase >= 1.0 {
            self.phase -= 1.0;
            self.before = self.after;
            let mut frame = [0.0; 2];
            if self.ring.pop_entire_slice(&mut frame).is_err() {
                frame = [0.0; 2];
            }
            self.after = frame;
        }
        let at = self.phase as f32;
        self.phase += self.step;
        [0, 1].map(|side| self.before[side] + (self.after[side] - self.before[side]) * at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtrb::RingBuffer;

    use super::*;

    #[test]
    fn each_format_comes_to_the_same_f32() {
        let mut scratch = [0.0; 8];
        let mut got = Vec::new();
        in_f32(&[i16::MIN, 0, 16384, -16384], 1, &mut scratch, |block, _| got.extend_from_slice(block));
        assert_eq!(got, [-1.0, 0.0, 0.5, -0.5]);
        got.clear();
        in_f32(&[0_u8, 128, 192, 64], 2, &mut scratch, |block, _| got.extend_from_slice(block));
        assert_eq!(got, [-1.0, 0.0, 0.5, -0.5]);
    }

    #[test]
    fn a_long_block_comes_in_pieces_of_whole_frames() {
        let samples: Vec<f32> = (0..13_u8).map(f32::from).take(12).collect();
        let mut scratch = [0.0; 8];
        let mut got = Vec::new();
        in_f32(&samples, 3, &mut scratch, |block, before| got.push((block.to_vec(), before)));
        assert_eq!(got, [(samples[..6].to_vec(), 0), (samples[6..].to_vec(), 2)]);
    }

    #[test]
    fn a_full_ring_loses_whole_frames_and_counts_them() {
        let (mut producer, consumer) = RingBuffer::new(5);
        assert_eq!(push_frames(&mut producer, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), 1);
        assert_eq!(push_frames(&mut producer, &[0.7, 0.8]), 1);
        let mut out = [9.0_f32; 8];
        Feed::new(consumer, 2, PROGRAM_RATE).fill(&mut out);
        assert_eq!(out, [0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.0, 0.0]);
    }

    #[test]
    fn mono_is_the_mean_and_surround_has_the_front_only() {
        let feed = |channels| {
            let (mut producer, consumer) = RingBuffer::new(64);
            push_frames(&mut producer, &[0.5, 0.25, 0.5, 0.25]);
            Feed::new(consumer, channels, PROGRAM_RATE)
        };
        let mut out = [0_i16; 2];
        feed(1).fill(&mut out);
        assert_eq!(out, [0, 12288]);
        let mut out = [0.9_f32; 12];
        feed(6).fill(&mut out);
        assert_eq!(out, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn at_44100_hertz_a_tone_keeps_its_pitch_and_shape() {
        let (mut producer, consumer) = RingBuffer::new(2 * 48_000 + 2);
        let tone = |n: u32, rate: f64| (f64::from(n) * 440.0 / rate * std::f64::consts::TAU).sin();
        let stereo: Vec<f32> = (0..48_000).flat_map(|n| [tone(n, 48_000.0) as f32; 2]).collect();
        assert_eq!(push_frames(&mut producer, &stereo), 0);
        let mut out = vec![0.0_f32; 2 * 44_000];
        Feed::new(consumer, 2, 44_100).fill(&mut out);
        // The first frame out is the silence before the first one in: one program frame of delay.
        let delay = 44_100.0 / 48_000.0;
        for n in 10..44_000_u32 {
            let expected = ((f64::from(n) - delay) * 440.0 / 44_100.0 * std::f64::consts::TAU).sin();
            let got = f64::from(out[2 * n as usize]);
            assert!((got - expected).abs() < 0.01, "frame {n}: {got} for {expected}");
        }
    }

    proptest! {
        #[test]
        fn no_frame_is_torn_or_lost_without_being_counted(
            blocks in prop::collection::vec((0..40_usize, 0..40_usize), 1..20), capacity in 1..64_usize,
        ) {
            let (mut producer, consumer) = RingBuffer::new(capacity);
            let mut feed = Feed::new(consumer, 2, PROGRAM_RATE);
            let (mut pushed, mut lost, mut heard) = (0.0_f32, 0, 0);
            for (push, pull) in blocks {
                let block: Vec<f32> = (0..push).flat_map(|_| { pushed += 1.0; [pushed, -pushed] }).collect();
                lost += push_frames(&mut producer, &block);
                let mut out = vec![0.0_f32; pull * 2];
                feed.fill(&mut out);
                for frame in out.chunks(2) {
                    prop_assert_eq!(frame[0], -frame[1]);
                    heard += usize::from(frame[0] != 0.0);
                }
            }
            let mut rest = vec![0.0_f32; (capacity + 2) * 2];
            feed.fill(&mut rest);
            heard += rest.chunks(2).filter(|f| f[0] != 0.0).count();
            prop_assert_eq!(heard + lost, pushed as usize);
        }
    }
}
