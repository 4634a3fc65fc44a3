//! The limiter: nothing above its ceiling, nothing touched below it.

mod common;

use common::{block_of, channel, sine};
use proptest::prelude::*;
use pulse_sound::{BLOCK_FRAMES, Block, Limiter, limiter::LOOK_AHEAD_FRAMES};

fn limited(limiter: &mut Limiter, blocks: &[Block]) -> Vec<Block> {
    blocks
        .iter()
        .map(|block| {
            let mut block = *block;
            limiter.process(&mut block);
            block
        })
        .collect()
}

/// Blocks of runs of equal or random samples, with what must never be in a program.
fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let sample = prop_oneof![
        6 => -1.5_f32..1.5,
        2 => -50.0_f32..50.0,
        1 => any::<f32>(),
        1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::MAX), Just(f32::MIN_POSITIVE)],
    ];
    prop::collection::vec((sample, 1_usize..400), 1..60).prop_map(|runs| {
        let samples: Vec<f32> =
            runs.into_iter().flat_map(|(sample, count)| std::iter::repeat_n(sample, count)).collect();
        let mut blocks: Vec<Block> = samples
            .chunks(2 * BLOCK_FRAMES)
            .map(|chunk| {
                let mut block = pulse_sound::SILENCE;
                block[..chunk.len()].copy_from_slice(chunk);
                block
            })
            .collect();
        blocks.push(pulse_sound::SILENCE);
        blocks
    })
}

proptest! {
    #[test]
    fn nothing_is_above_the_ceiling(blocks in blocks(), ceiling in 0.01_f32..2.0) {
        let mut limiter = Limiter::new(Some(ceiling));
        for block in limited(&mut limiter, &blocks) {
            prop_assert!(block.iter().all(|sample| sample.abs() <= ceiling));
        }
    }

    #[test]
    fn a_new_ceiling_holds_from_the_block_it_was_set_for(blocks in blocks(), first in 0.1_f32..2.0, second in 0.1_f32..2.0) {
        let mut limiter = Limiter::new(Some(first));
        limited(&mut limiter, &blocks);
        limiter.set_ceiling(Some(second));
        let heard: Vec<f32> = limited(&mut limiter, &blocks).concat();
        let (before, after) = heard.split_at(2 * LOOK_AHEAD_FRAMES);
        prop_assert!(before.iter().all(|sample| sample.abs() <= first.max(second)));
        prop_assert!(after.iter().all(|sample| sample.abs() <= second));
    }

    #[test]
    fn below_the_ceiling_it_only_delays(samples in prop::collection::vec(-0.8_f32..=0.8, 2 * 960)) {
        let blocks: Vec<Block> = samples.as_chunks().0.to_vec();
        let heard = limited(&mut Limiter::new(Some(0.8)), &blocks).concat();
        let delay = 2 * LOOK_AHEAD_FRAMES;
        prop_assert_eq!(&heard[delay..], &samples[..samples.len() - delay]);
    }
}

#[test]
fn without_a_ceiling_it_only_delays_by_two_milliseconds() {
    assert_eq!(LOOK_AHEAD_FRAMES, 96);
    let blocks: Vec<Block> = (0..4).map(|index| block_of(index * BLOCK_FRAMES, |n| 20.0 * sine(440.0, n))).collect();
    let heard = limited(&mut Limiter::new(None), &blocks).concat();
    assert_eq!(heard[192..], blocks.concat()[..4 * 960 - 192]);
}

#[test]
fn a_loud_tone_keeps_its_shape() {
    // 12 dB too loud: after the attack the gain stands, but for its slow way up between two crests.
    let blocks: Vec<Block> = (0..60).map(|index| block_of(index * BLOCK_FRAMES, |n| 4.0 * sine(1000.0, n))).collect();
    let heard = channel(&limited(&mut Limiter::new(Some(1.0)), &blocks), 0);
    for (n, sample) in heard.iter().enumerate().skip(4_800) {
        let expected = sine(1000.0, n - LOOK_AHEAD_FRAMES);
        assert!((sample - expected).abs() < 0.01, "frame {n}: {sample}, not {expected}");
    }
}

#[test]
fn the_attack_is_a_ramp_and_the_release_takes_its_time() {
    // A bed at half scale, one peak of 4 in the middle: the gain is what the bed is turned down by.
    let blocks: Vec<Block> =
        (0..200).map(|index| block_of(index * BLOCK_FRAMES, |n| if n == 4_800 { 4.0 } else { 0.5 })).collect();
    let heard = channel(&limited(&mut Limiter::new(Some(1.0)), &blocks), 0);
    let peak = 4_800 + LOOK_AHEAD_FRAMES;
    assert!((heard[peak] - 1.0).abs() < 1e-6);
    let gain = |n: usize| heard[n] / 0.5;
    assert_eq!(gain(peak - LOOK_AHEAD_FRAMES - 1), 1.0);
    let steepest = (peak - 97..peak - 1).map(|n| gain(n) - gain(n + 1)).fold(0.0, f64::max);
    assert!(steepest < 0.75 / 96.0 * 1.01, "a step of {steepest}");
    // 150 ms later a third of the way is left, and within a second and a half none.
    let left = (1.0 - gain(peak + 7_200 + LOOK_AHEAD_FRAMES)) / 0.75;
    assert!((left - (-1.0_f64).exp()).abs() < 0.02, "{left} left");
    assert_eq!(gain(peak + 80_000), 1.0);
}

#[test]
fn both_channels_are_turned_down_alike() {
    let mut block = block_of(0, |_| 0.25);
    block[600] = 2.0;
    let mut limiter = Limiter::new(Some(0.5));
    let heard = limited(&mut limiter, &[block]);
    for frame in heard[0].as_chunks::<2>().0.iter().enumerate().filter(|(n, _)| *n != 300 + LOOK_AHEAD_FRAMES) {
        assert_eq!(frame.1[0], frame.1[1]);
    }
}

#[test]
fn a_lower_ceiling_comes_without_a_step() {
    let mut limiter = Limiter::new(Some(1.0));
    let mut heard = limited(&mut limiter, &[[0.9; 960]; 3]);
    limiter.set_ceiling(Some(0.1));
    heard.extend(limited(&mut limiter, &[[0.9; 960]; 3]));
    let left = &channel(&heard, 0)[LOOK_AHEAD_FRAMES..];
    let steepest = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
    assert!((left[left.len() - 1] - 0.1).abs() < 1e-6);
    assert!(steepest < 0.8 / 97.0 * 1.01, "a step of {steepest}");
}
