//! Sources whose clocks, timestamps and data misbehave: the sound stays with its timestamps and never clicks.

mod common;

use common::{AMPLITUDE, LATENCY_S, Listener, Run, bend_of_tone};
use pulse_sound::{BLOCK_FRAMES, BLOCK_NS, LATENCY_NS, SAMPLE_RATE, SILENCE, pipe};

/// The promise: sound and timestamps are never further apart.
const LIMIT_S: f64 = 0.005;

/// What a crossfade of 240 frames may add to the tone's own bend: its corners bend by the difference of the two sounds (at most twice
/// the amplitude) over 240, its slope (twice) by that of their slopes (0.13 a frame each). A click would bend it by its height.
fn bend_limit() -> f64 {
    bend_of_tone() + AMPLITUDE * (2.0 + 2.0 * 2.0 * 0.13) / 240.0
}

fn assert_smooth(listener: &Listener) {
    assert!(listener.worst_bend < bend_limit(), "bend {} of {}", listener.worst_bend, bend_limit());
}

fn assert_in_time(listener: &Listener, limit_s: f64) {
    assert!(listener.crossings > 0);
    assert!(listener.worst_error_s < limit_s, "{} ms off", listener.worst_error_s * 1e3);
}

#[test]
fn a_drifting_microphone_settles_within_ten_seconds() {
    for ppm in [-1000.0, -350.0, 0.0, 200.0, 1000.0] {
        let mut run = Run::new(ppm, 3.0);
        run.run(10.0);
        run.listener.reset();
        run.run(50.0);
        assert_in_time(&run.listener, 0.001);
        assert_smooth(&run.listener);
        assert!((run.listener.loudest / AMPLITUDE - 1.0).abs() < 0.001);
        let report = run.outlet.health().report();
        assert_eq!((report.gaps, report.resyncs, report.dropped_blocks), (0, 0, 0));
        assert!((report.drift_ppm + ppm).abs() < 30.0, "{ppm} was taken for {}", report.drift_ppm);
    }
}

#[test]
fn a_source_on_the_same_clock_is_copied_bit_for_bit() {
    let (mut inlet, mut outlet) = pipe();
    let sample = |n: usize| f64::from((n as f32 * 0.37).sin());
    common::push_exact(&mut inlet, 300, sample);
    let start = LATENCY_NS / BLOCK_NS;
    for index in 0..200 {
        let mut block = SILENCE;
        outlet.read((start + index) * BLOCK_NS, &mut block);
        if index > 0 {
            assert_eq!(block, common::block_of(index as usize * BLOCK_FRAMES, sample));
        }
    }
}

#[test]
fn a_thirty_second_gap_is_silent_and_over_within_a_second() {
    let mut run = Run::new(200.0, 3.0);
    run.run(20.0);
    run.listener.reset();
    run.run_unplugged(30.0);
    assert_eq!(run.tick(false), SILENCE);
    run.run(1.0);
    assert_smooth(&run.listener);
    run.listener.reset();
    run.run(10.0);
    assert_in_time(&run.listener, LIMIT_S);
    assert!(run.listener.loudest > 0.99 * AMPLITUDE);
    assert_smooth(&run.listener);
    assert_eq!(run.outlet.health().report().gaps, 1);
}

#[test]
fn whenever_the_data_ends_there_is_enough_to_fade_out_with() {
    for ppm in [0.0, 500.0] {
        for frames in (48_000..48_600).step_by(41) {
            let mut run = Run::new(ppm, 0.0);
            run.run(10.0);
            run.microphone.block = frames;
            run.run(1.02);
            run.run_unplugged(0.5);
            assert!(run.listener.loudest > 0.99 * AMPLITUDE);
            assert_smooth(&run.listener);
        }
    }
}

#[test]
fn blocks_without_a_timestamp_follow_the_one_that_has() {
    let mut run = Run::new(0.0, 0.0);
    run.microphone.stamps = false;
    run.run(0.05);
    run.microphone.stamps = true;
    run.run(0.03);
    run.microphone.stamps = false;
    run.listener.reset();
    run.run(1.0);
    assert_in_time(&run.listener, 0.0001);
    assert!(run.listener.loudest > 0.99 * AMPLITUDE);
}

#[test]
fn a_source_that_never_stamps_is_silent_and_recovers_when_it_does() {
    let mut run = Run::new(0.0, 0.0);
    run.microphone.stamps = false;
    run.run(20.0);
    assert_eq!(run.listener.loudest, 0.0);
    run.microphone.stamps = true;
    run.run(0.5);
    run.listener.reset();
    run.run(2.0);
    assert_in_time(&run.listener, LIMIT_S);
    assert_eq!(run.outlet.health().report().dropped_blocks, 0);
}

#[test]
fn time_that_jumps_is_silence_or_a_fade_and_then_right_again() {
    for lie_ms in [-100_000_000_i64, -10_000, -700, -150, 150, 700, 3_000, 10_000, i64::MAX / 2_000_000] {
        let mut run = Run::new(-100.0, 1.0);
        run.run(10.0);
        run.microphone.lie_ns = lie_ms * 1_000_000;
        run.run(5.0);
        run.microphone.lie_ns = 0;
        run.run(1.0);
        assert_smooth(&run.listener);
        run.listener.reset();
        run.run(5.0);
        assert_in_time(&run.listener, LIMIT_S);
        assert_smooth(&run.listener);
        assert!(run.listener.loudest > 0.99 * AMPLITUDE, "silent after {lie_ms} ms");
    }
}

#[test]
fn a_source_that_starts_over_early_is_crossfaded_at_once() {
    // Ahead of the program, as files are: at the jump the new sound is there already.
    let (mut inlet, mut outlet) = pipe();
    let tone = |n: usize| AMPLITUDE * common::sine(common::TONE_HZ, n);
    common::push_exact(&mut inlet, 100, tone);
    for index in 0..100 {
        let stamp = 500_000_000 + index as u64 * BLOCK_NS;
        inlet.push(Some(stamp), &common::block_of(index * BLOCK_FRAMES + 11, tone));
    }
    let mut listener = Listener::default();
    for index in 8..140 {
        let mut block = SILENCE;
        outlet.read(index * BLOCK_NS, &mut block);
        listener.take(index as f64 / 100.0, &block);
        let quiet = block.iter().all(|sample| sample.abs() < 0.1);
        assert!(!quiet, "silent in block {index}");
    }
    assert_smooth(&listener);
    assert_eq!(outlet.health().report().resyncs, 1);
}

/// How far the timecode is from where timestamps that lie by `lie_ms` put it, at the worst in the last seconds of a run.
fn off_a_lie_s(run: &mut Run, lie_ms: i64, seconds: f64) -> f64 {
    run.listener.reset();
    run.run(seconds);
    assert!(run.listener.crossings > 0);
    (run.listener.worst_error_s - (lie_ms as f64 / 1e3).abs()).abs()
}

#[test]
fn a_small_step_of_the_timestamps_is_slewed_after() {
    for lie_ms in [-15, -10, 10, 15] {
        let mut run = Run::new(0.0, 1.0);
        run.run(10.0);
        run.microphone.lie_ns = lie_ms * 1_000_000;
        run.run(6.0);
        assert_smooth(&run.listener);
        let off_s = off_a_lie_s(&mut run, lie_ms, 10.0);
        assert!(off_s < LIMIT_S, "{off_s} s off after a step of {lie_ms} ms");
        assert_eq!(run.outlet.health().report().resyncs, 0);
    }
}

#[test]
fn a_step_that_slewing_would_take_seconds_for_is_followed_at_once() {
    for lie_ms in [-35, 40, 70] {
        let mut run = Run::new(0.0, 1.0);
        run.run(10.0);
        run.microphone.lie_ns = lie_ms * 1_000_000;
        run.run(1.0);
        assert_smooth(&run.listener);
        let off_s = off_a_lie_s(&mut run, lie_ms, 10.0);
        assert!(off_s < LIMIT_S, "{off_s} s off after a step of {lie_ms} ms");
    }
}

#[test]
fn a_break_is_taken_at_its_word() {
    let mut run = Run::new(0.0, 0.0);
    run.run(5.0);
    run.microphone.lie_ns = -20_000_000;
    run.microphone.inlet.break_here();
    run.run(0.5);
    run.listener.reset();
    run.run(1.0);
    assert!((run.listener.worst_error_s - 0.020).abs() < 0.001, "{}", run.listener.worst_error_s);
}

#[test]
fn a_program_that_skips_time_is_followed() {
    let mut run = Run::new(0.0, 1.0);
    run.run(10.0);
    // Little enough to be slewed after for two seconds, were it the source's doing.
    run.time_ns += BLOCK_NS;
    run.run(0.5);
    run.listener.reset();
    run.run(1.0);
    assert_in_time(&run.listener, LIMIT_S);
}

#[test]
fn more_than_fits_is_dropped_whole_and_counted() {
    let (mut inlet, mut outlet) = pipe();
    let second = vec![0.25; 2 * SAMPLE_RATE as usize];
    for n in 0..10 {
        assert_eq!(inlet.push(Some(n * 1_000_000_000), &second), n < 4);
    }
    assert_eq!(inlet.health().report().dropped_blocks, 6);
    let mut block = SILENCE;
    for index in 0..1_000 {
        outlet.read(index * BLOCK_NS, &mut block);
    }
    assert!(inlet.push(Some(10_000_000_000), &second));
    for index in 1_000..1_020 {
        outlet.read(index * BLOCK_NS, &mut block);
    }
    assert_eq!(block, [0.25; 960]);
}

#[test]
fn after_a_drop_the_sound_is_where_its_timestamps_say() {
    // Four seconds wait, 20 ms are dropped: less than a jump, yet not to be smoothed over.
    let (mut inlet, mut outlet) = pipe();
    let short = vec![0.0; 2 * SAMPLE_RATE as usize / 50];
    for n in 0..200_u64 {
        assert!(inlet.push(Some(n * 20_000_000), &short));
    }
    assert!(!inlet.push(Some(4_000_000_000), &short));
    let mut block = SILENCE;
    for index in 0..300 {
        outlet.read(index * BLOCK_NS, &mut block);
    }
    // Stamped 4.02 s; the click is half a second into it.
    let click = |n: usize| if n == 24_000 { 0.8 } else { 0.0 };
    let second: Vec<f32> = (0..SAMPLE_RATE as usize).flat_map(|n| [click(n); 2]).collect();
    assert!(inlet.push(Some(4_020_000_000), &second));
    let mut found = Vec::new();
    for index in 300..480_u64 {
        outlet.read(index * BLOCK_NS, &mut block);
        let clicks = (0..BLOCK_FRAMES).filter(|frame| block[2 * frame] > 0.4);
        found.extend(clicks.map(|frame| index as f64 / 100.0 + frame as f64 / f64::from(SAMPLE_RATE)));
    }
    assert_eq!(found.len(), 1);
    assert!((found[0] - LATENCY_S - 4.52).abs() < 0.001, "{found:?}");
}

#[test]
fn what_is_not_a_number_is_silence() {
    let (mut inlet, mut outlet) = pipe();
    for index in 0..100 {
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX][index % 4];
        let mut block = common::block_of(index * BLOCK_FRAMES, |n| 0.5 * common::sine(440.0, n));
        block[100] = bad;
        inlet.push(Some(index as u64 * BLOCK_NS), &block);
    }
    for index in 8..80_u64 {
        let mut block = SILENCE;
        outlet.read(index * BLOCK_NS, &mut block);
        assert!(block.iter().all(|sample| sample.is_finite()));
        if index > 8 && index % 4 != 3 {
            assert_eq!(block[100], 0.0);
        }
    }
}

#[test]
fn odd_and_empty_blocks_do_no_harm() {
    let (mut inlet, mut outlet) = pipe();
    assert!(inlet.push(Some(0), &[]));
    assert!(inlet.push(None, &[0.5]));
    for n in 0..1_000_u64 {
        assert!(inlet.push(Some(n * 1_000_000), &[0.5; 97]));
    }
    let mut block = SILENCE;
    for index in 0..40 {
        outlet.read(index * BLOCK_NS, &mut block);
    }
    assert!(block.iter().all(|sample| (*sample - 0.5).abs() < 1e-5));
}

#[test]
fn a_click_comes_out_at_its_timestamp_plus_the_latency() {
    for (ppm, jitter_ms) in [(0.0, 0.0), (300.0, 3.0), (-300.0, 3.0)] {
        let (mut inlet, mut outlet) = pipe();
        let mut dice = common::Dice::new(7);
        let period_ns = 1e9 / (f64::from(SAMPLE_RATE) * (1.0 + ppm * 1e-6));
        let (mut pushed, mut found) = (0_usize, Vec::new());
        for index in 0..3_000_u64 {
            while (pushed + 1024) as f64 * period_ns <= (index * BLOCK_NS) as f64 {
                // A click every 1.5 s of the source's frames.
                let block: Vec<f32> =
                    (pushed..pushed + 1024).flat_map(|n| [if n % 72_000 == 36_000 { 0.8 } else { 0.0 }; 2]).collect();
                let jitter = (2.0 * dice.roll() - 1.0) * jitter_ms * 1e6;
                inlet.push(Some((pushed as f64 * period_ns + jitter).max(0.0) as u64), &block);
                pushed += 1024;
            }
            let mut block = SILENCE;
            outlet.read(index * BLOCK_NS, &mut block);
            let loudest = (0..BLOCK_FRAMES).max_by(|a, b| block[2 * a].total_cmp(&block[2 * b])).unwrap();
            if block[2 * loudest] > 0.3 {
                found.push((index * BLOCK_NS) as f64 + loudest as f64 * 1e9 / f64::from(SAMPLE_RATE));
            }
        }
        assert!(found.len() >= 19, "{} clicks", found.len());
        for (n, at_ns) in found.into_iter().enumerate().skip(5) {
            let stamped_ns = (36_000 + 72_000 * n) as f64 * period_ns;
            assert!((at_ns - stamped_ns - LATENCY_NS as f64).abs() < 1e6, "click {n} at {at_ns}, stamped {stamped_ns}");
        }
    }
}

#[test]
fn sound_may_be_as_late_as_promised_and_no_later() {
    for (late_ms, heard) in [(10, true), (50, true), (70, false), (200, false)] {
        let (mut inlet, mut outlet) = pipe();
        let mut block = SILENCE;
        for tick_ms in (0..2_000).step_by(10) {
            if tick_ms >= late_ms {
                let n = (tick_ms - late_ms) / 10;
                inlet.push(Some(n * BLOCK_NS), &[0.5; 960]);
            }
            outlet.read(tick_ms * 1_000_000, &mut block);
        }
        let report = outlet.health().report();
        assert_eq!(block, [if heard { 0.5 } else { 0.0 }; 960], "{late_ms} ms late");
        assert_eq!((report.sounding, report.gaps), (heard, 0));
        assert!(heard || report.late_frames > 80_000, "{} of 96000 late", report.late_frames);
    }
}

#[test]
fn resampled_tones_are_clean_to_eighteen_kilohertz() {
    for hertz in [997.0, 10_000.0, 18_000.0] {
        let (mut inlet, mut outlet) = pipe();
        let period_s = 1.0 / (f64::from(SAMPLE_RATE) * 1.0003);
        let (mut pushed, mut heard) = (0_usize, Vec::new());
        for index in 0..2_000_u64 {
            while pushed as f64 * period_s <= index as f64 / 100.0 {
                let tone = |n: usize| 0.5 * (std::f64::consts::TAU * hertz * n as f64 * period_s).sin();
                inlet.push(Some((pushed as f64 * period_s * 1e9) as u64), &common::block_of(pushed, tone));
                pushed += BLOCK_FRAMES;
            }
            let mut block = SILENCE;
            outlet.read(index * BLOCK_NS, &mut block);
            if index >= 1_950 {
                heard.push(block);
            }
        }
        // The best sine of this frequency by least squares (half a second is a whole number of periods), and what it leaves.
        let left = common::channel(&heard, 0);
        let angle = |n: usize| std::f64::consts::TAU * hertz * n as f64 / f64::from(SAMPLE_RATE);
        let against = |wave: fn(f64) -> f64| left.iter().enumerate().map(|(n, s)| s * wave(angle(n))).sum::<f64>();
        let half = left.len() as f64 / 2.0;
        let (sine, cosine) = (against(f64::sin) / half, against(f64::cos) / half);
        let rest = |(n, s): (usize, &f64)| (s - sine * angle(n).sin() - cosine * angle(n).cos()).powi(2);
        let rest_db = 10.0 * (left.iter().enumerate().map(rest).sum::<f64>() / half / 0.25).log10();
        let level_db = 20.0 * (sine.hypot(cosine) / 0.5).log10();
        assert!(level_db.abs() < 0.05, "{hertz} Hz came out at {level_db} dB");
        // The speed still settles by parts per billion, which shows in the phase; images and noise of the filter would be far above.
        assert!(rest_db < -60.0, "{hertz} Hz left {rest_db} dB");
    }
}
