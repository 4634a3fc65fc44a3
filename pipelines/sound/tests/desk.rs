//! The strip, the mixer and the meters against plain arithmetic.

mod common;

use common::{block_of, channel, sine};
use pulse_sound::{
    BLOCK_FRAMES, BLOCK_NS, Block, Inlet, LATENCY_NS, MasterSettings, Meter, Mixer, PROGRAM_LATENCY_NS, SAMPLE_RATE,
    SILENCE, Strip, StripSettings, convert::FLOOR_DB, limiter::LOOK_AHEAD_FRAMES, pipe,
};

/// The steepest that any ramp of 20 ms may be: all of full scale in 960 frames.
const RAMP_STEP: f64 = 1.0 / 960.0 * 1.001;

fn through(strip: &mut Strip, blocks: std::ops::Range<usize>, sample: impl Fn(usize) -> f64) -> Vec<Block> {
    blocks
        .map(|index| {
            let mut block = block_of(index * BLOCK_FRAMES, &sample);
            strip.process(&mut block);
            block
        })
        .collect()
}

fn steepest(samples: &[f64]) -> f64 {
    samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max)
}

/// A strip's key, what its source sends, and how it stands.
type Source = (&'static str, fn(usize) -> f64, StripSettings);

/// A mixer with one strip per sample function, fed with 3 s that are ahead of it.
fn mixer_of(sources: &[Source]) -> (Mixer<&'static str>, Vec<Inlet>) {
    let mut mixer = Mixer::new(MasterSettings::default());
    let inlets = sources.iter().map(|(key, sample, settings)| {
        let (mut inlet, outlet) = pipe();
        mixer.add(*key, outlet, *settings);
        common::push_exact(&mut inlet, 300, sample);
        inlet
    });
    let inlets = inlets.collect();
    (mixer, inlets)
}

fn mix(mixer: &mut Mixer<&'static str>, blocks: std::ops::Range<u64>) -> Vec<Block> {
    let mut out = SILENCE;
    blocks
        .map(|index| {
            mixer.mix(index * BLOCK_NS, &mut out);
            out
        })
        .collect()
}

#[test]
fn a_strip_at_unity_changes_nothing() {
    let mut strip = Strip::new(StripSettings::default());
    let tone = |n| 0.7 * sine(1234.0, n);
    for (index, block) in through(&mut strip, 0..10, tone).iter().enumerate() {
        assert_eq!(*block, block_of(index * BLOCK_FRAMES, tone));
    }
}

#[test]
fn every_change_of_gain_is_a_ramp_that_arrives() {
    let mut strip = Strip::new(StripSettings::default());
    let mut heard = Vec::new();
    for (step, gain) in [0.0, 1.0, 0.25, 0.5, 0.0].into_iter().enumerate() {
        strip.set(StripSettings { gain, ..StripSettings::default() });
        // The second change comes in the middle of the first one's ramp.
        let blocks = if step == 0 { 1 } else { 4 };
        heard.extend(channel(&through(&mut strip, 0..blocks, |_| 1.0), 0));
        if step > 0 {
            assert_eq!(heard.last().copied(), Some(f64::from(gain)));
        }
    }
    assert!(steepest(&heard) <= RAMP_STEP, "a step of {}", steepest(&heard));
}

#[test]
fn pan_is_a_balance() {
    for (pan, left, right) in
        [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (0.25, 0.75, 1.0), (-0.5, 1.0, 0.5), (7.0, 0.0, 1.0)]
    {
        let mut strip = Strip::new(StripSettings { pan, ..StripSettings::default() });
        let block = through(&mut strip, 0..1, |_| 0.5)[0];
        assert_eq!(block[..2], [0.5 * left, 0.5 * right], "pan {pan}");
    }
    let mut strip = Strip::new(StripSettings { pan: -1.0, ..StripSettings::default() });
    strip.set(StripSettings { pan: 1.0, ..StripSettings::default() });
    let heard = through(&mut strip, 0..4, |_| 1.0);
    assert!(steepest(&channel(&heard, 0)).max(steepest(&channel(&heard, 1))) <= RAMP_STEP);
    assert_eq!(heard[3][..2], [0.0, 1.0]);
}

#[test]
fn delay_is_exact_to_the_frame() {
    for delay_ms in [1, 7, 10, 333, 1999, 2000, 9999] {
        let mut strip = Strip::new(StripSettings { delay_ms, ..StripSettings::default() });
        let heard = channel(&through(&mut strip, 0..450, |n| (n % 7919) as f64 / 7919.0), 1);
        let frames = 48 * (delay_ms as usize).min(2000);
        assert!(heard[..frames].iter().all(|sample| *sample == 0.0));
        for (n, sample) in heard[frames..].iter().enumerate() {
            assert_eq!(*sample, f64::from((n % 7919) as f32 / 7919.0), "frame {n} at {delay_ms} ms");
        }
    }
}

#[test]
fn a_change_of_delay_is_a_crossfade() {
    let tone = |n| 0.5 * sine(130.0, n);
    let slope = 0.5 * std::f64::consts::TAU * 130.0 / f64::from(SAMPLE_RATE);
    let mut strip = Strip::new(StripSettings::default());
    let mut heard = through(&mut strip, 0..30, tone);
    for (step, delay_ms) in [105, 15, 0, 205].into_iter().enumerate() {
        strip.set(StripSettings { delay_ms, ..StripSettings::default() });
        // The second change comes in the middle of the first one's crossfade.
        let from = heard.len();
        heard.extend(through(&mut strip, from..from + if step == 0 { 1 } else { 10 }, tone));
    }
    let left = channel(&heard, 0);
    assert!(steepest(&left) < slope + RAMP_STEP, "a step of {}", steepest(&left));
    let n = left.len() - 1;
    assert_eq!(left[n], f64::from(tone(n - 205 * 48) as f32));
}

#[test]
fn settings_that_are_nonsense_are_brought_into_range() {
    let mut strip = Strip::new(StripSettings { gain: f32::NAN, pan: f32::NAN, delay_ms: u32::MAX });
    assert_eq!(through(&mut strip, 0..1, |_| 0.5)[0], SILENCE);
    strip.set(StripSettings { gain: f32::INFINITY, pan: f32::NEG_INFINITY, delay_ms: 0 });
    let heard = through(&mut strip, 1..8, |_| 0.01);
    assert!(heard.iter().flatten().all(|sample| sample.is_finite()));
    assert!((heard[6][0] - 1.0).abs() < 1e-6 && heard[6][1] == 0.0);
}

#[test]
fn meters_know_a_sine_and_silence() {
    for (amplitude, peak, rms) in [(1.0, 0.0, -3.0103), (0.1, -20.0, -23.0103)] {
        let mut meter = Meter::new();
        for index in 0..40 {
            // 1 kHz: each 48th sample is a crest.
            meter.take(&block_of(index * BLOCK_FRAMES, |n| amplitude * sine(1000.0, n)));
        }
        let levels = meter.reader().levels();
        for side in 0..2 {
            assert!((levels.peak_db[side] - peak).abs() < 0.01, "{levels:?}");
            assert!((levels.rms_db[side] - rms).abs() < 0.01, "{levels:?}");
            assert!((levels.hold_db[side] - peak).abs() < 0.01, "{levels:?}");
        }
    }
    let levels = Meter::new().reader().levels();
    assert_eq!((levels.peak_db, levels.rms_db, levels.hold_db), ([FLOOR_DB; 2], [FLOOR_DB; 2], [FLOOR_DB; 2]));
}

#[test]
fn channels_are_metered_apart() {
    let mut meter = Meter::new();
    let mut block = SILENCE;
    block[481] = -0.5;
    meter.take(&block);
    let levels = meter.reader().levels();
    assert_eq!(levels.peak_db[0], FLOOR_DB);
    assert!((levels.peak_db[1] + 6.0206).abs() < 0.001);
}

#[test]
fn a_peak_falls_at_twenty_decibels_a_second_and_its_hold_after_a_second_and_a_half() {
    let mut meter = Meter::new();
    let reader = meter.reader();
    meter.take(&[1.0; 960]);
    for tick in 1..=400 {
        meter.take(&SILENCE);
        let levels = reader.levels();
        let fallen = -0.2 * tick as f32;
        let held = if tick <= 150 { 0.0 } else { fallen + 30.0 };
        assert!((levels.peak_db[0] - fallen).abs() < 0.05, "tick {tick}: {levels:?}");
        assert!((levels.hold_db[0] - held).abs() < 0.05, "tick {tick}: {levels:?}");
    }
    assert_eq!(reader.levels().rms_db[0], FLOOR_DB);
}

#[test]
fn the_program_is_the_sum_of_its_strips_at_the_promised_time() {
    let loud = StripSettings { gain: 0.5, ..StripSettings::default() };
    let (mut mixer, _inlets) =
        mixer_of(&[("a", |n| 0.5 * sine(440.0, n), loud), ("b", |n| 0.25 * sine(1000.0, n), StripSettings::default())]);
    let heard = channel(&mix(&mut mixer, 0..100), 0);
    assert_eq!((PROGRAM_LATENCY_NS - LATENCY_NS) as usize * 48, LOOK_AHEAD_FRAMES * 1_000_000);
    let latency = (PROGRAM_LATENCY_NS / 1_000) as usize * 48 / 1_000;
    for (n, sample) in heard.iter().enumerate().skip(latency + BLOCK_FRAMES) {
        let m = n - latency;
        let expected = 0.25 * sine(440.0, m) + 0.25 * sine(1000.0, m);
        assert!((sample - expected).abs() < 1e-5, "frame {n}: {sample}, not {expected}");
    }
}

#[test]
fn a_strip_that_goes_fades_out_and_one_that_comes_fades_in() {
    let (mut mixer, _inlets) = mixer_of(&[("a", |_| 0.5, StripSettings::default())]);
    let mut heard = mix(&mut mixer, 0..50);
    assert!(mixer.remove(&"a"));
    assert!(!mixer.remove(&"a"));
    heard.extend(mix(&mut mixer, 50..60));
    let (mut inlet, outlet) = pipe();
    mixer.add("a", outlet, StripSettings::default());
    common::push_exact(&mut inlet, 200, |_| 0.5);
    heard.extend(mix(&mut mixer, 60..80));
    let left = channel(&heard, 0);
    assert_eq!(left[50 * BLOCK_FRAMES - 1], 0.5);
    assert_eq!(left[60 * BLOCK_FRAMES - 1], 0.0);
    assert_eq!(left.last(), Some(&0.5));
    // The outlet's fade is 5 ms, the strip's 20.
    assert!(steepest(&left) <= 0.5 / 240.0, "a step of {}", steepest(&left));
}

#[test]
fn a_strip_added_twice_is_replaced_without_a_click() {
    let (mut mixer, _inlets) = mixer_of(&[("a", |_| 0.5, StripSettings::default())]);
    let mut heard = mix(&mut mixer, 0..50);
    let (mut inlet, outlet) = pipe();
    common::push_exact(&mut inlet, 200, |_| 0.25);
    mixer.add("a", outlet, StripSettings::default());
    heard.extend(mix(&mut mixer, 50..80));
    let left = channel(&heard[20..], 0);
    assert_eq!(left.last(), Some(&0.25));
    assert!(steepest(&left) <= 0.25 / 240.0 + 0.5 * RAMP_STEP, "a step of {}", steepest(&left));
}

#[test]
fn the_master_ramps_and_an_unknown_strip_is_refused() {
    let (mut mixer, _inlets) = mixer_of(&[("a", |_| 0.5, StripSettings::default())]);
    let mut heard = mix(&mut mixer, 0..50);
    mixer.set_master(MasterSettings { gain: 0.0, ceiling: None });
    heard.extend(mix(&mut mixer, 50..60));
    let left = channel(&heard[20..], 0);
    assert_eq!(left.last(), Some(&0.0));
    assert!(steepest(&left) <= 0.5 * RAMP_STEP);
    assert!(!mixer.set_strip(&"b", StripSettings::default()));
}

#[test]
fn meters_and_stems_are_taken_where_they_say() {
    let quiet = StripSettings { gain: 0.1, delay_ms: 500, ..StripSettings::default() };
    let mut mixer = Mixer::new(MasterSettings { gain: 0.5, ceiling: None });
    let (mut inlet, outlet) = pipe();
    let meters = mixer.add("mic", outlet, quiet);
    common::push_exact(&mut inlet, 300, |n| 0.5 * sine(1000.0, n));
    mix(&mut mixer, 0..120);
    assert!((meters.pre.levels().rms_db[0] - -9.03).abs() < 0.01);
    assert!((meters.post.levels().rms_db[0] - -29.03).abs() < 0.01);
    assert!((mixer.meter().levels().rms_db[0] - -35.05).abs() < 0.01);
    let stems: Vec<_> = mixer.stems().collect();
    let first = (119 * BLOCK_NS - LATENCY_NS) as usize / 1_000 * 48 / 1_000;
    assert_eq!(stems, [(&"mic", &block_of(first, |n| 0.5 * sine(1000.0, n)))]);
}

#[test]
fn a_drifting_sine_keeps_frequency_and_level_through_everything() {
    let mut mixer = Mixer::new(MasterSettings { gain: 1.0, ceiling: Some(0.9) });
    let (inlet, outlet) = pipe();
    let meters = mixer.add("mic", outlet, StripSettings { delay_ms: 100, ..StripSettings::default() });
    let mut microphone = common::Microphone::new(inlet, 400.0, 2.0);
    let mut heard = Vec::new();
    let mut out = SILENCE;
    for index in 0..7_000_u64 {
        microphone.hear_until(index as f64 / 100.0);
        mixer.mix(index * BLOCK_NS, &mut out);
        if index >= 1_000 {
            heard.push(out);
        }
    }
    let left = channel(&heard, 0);
    // Whole periods between the first and the last rising zero crossing, each placed between its two frames.
    let rises: Vec<f64> = (1..left.len())
        .filter(|n| left[n - 1] < 0.0 && left[*n] >= 0.0)
        .map(|n| n as f64 - left[n] / (left[n] - left[n - 1]))
        .collect();
    let hertz = (rises.len() - 1) as f64 * f64::from(SAMPLE_RATE) / (rises.last().unwrap() - rises[0]);
    assert!((hertz / common::TONE_HZ - 1.0).abs() < 20e-6, "{hertz} Hz");
    for levels in [meters.pre.levels(), meters.post.levels(), mixer.meter().levels()] {
        assert!((levels.peak_db[0] + 6.02).abs() < 0.02 && (levels.rms_db[0] + 9.03).abs() < 0.02, "{levels:?}");
    }
}

#[test]
fn both_ends_may_go_to_threads_of_their_own() {
    let (mut inlet, outlet) = pipe();
    let mut mixer = Mixer::new(MasterSettings::default());
    let meters = mixer.add("mic", outlet, StripSettings::default());
    let health = inlet.health();
    let source = std::thread::spawn(move || common::push_exact(&mut inlet, 300, |_| 0.5));
    source.join().unwrap();
    let program = std::thread::spawn(move || mix(&mut mixer, 0..100));
    assert_eq!(program.join().unwrap()[99], [0.5; 960]);
    assert!(health.report().sounding);
    assert!((meters.post.levels().peak_db[1] + 6.02).abs() < 0.01);
}
