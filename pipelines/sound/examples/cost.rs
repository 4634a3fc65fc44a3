//! What the mixer costs: microseconds of CPU for each 10 ms block, four strips and a limiter.
//!
//! `cargo run --release -p pulse-sound --example cost`

use std::hint::black_box;

use cpu_time::ThreadTime;
use pulse_sound::{BLOCK_FRAMES, BLOCK_NS, Inlet, MasterSettings, Mixer, SAMPLE_RATE, SILENCE, StripSettings, pipe};

const STRIPS: usize = 4;
const BLOCKS: u64 = 6_000;
const RUNS: usize = 5;

/// A tone whose source's clock is off by `ppm`, pushed 200 ms ahead as a file's is.
struct Tone {
    inlet: Inlet,
    samples: Vec<f32>,
    block_ns: f64,
    next_ns: f64,
}

impl Tone {
    fn new(inlet: Inlet, ppm: f64, amplitude: f32) -> Self {
        let tone = |n: usize| amplitude * (std::f32::consts::TAU * 10.0 * n as f32 / BLOCK_FRAMES as f32).sin();
        let samples = (0..BLOCK_FRAMES).flat_map(|n| [tone(n); 2]).collect();
        Self { inlet, samples, block_ns: BLOCK_NS as f64 / (1.0 + ppm * 1e-6), next_ns: 0.0 }
    }

    fn push_until(&mut self, time_ns: f64) {
        while self.next_ns < time_ns {
            self.inlet.push(Some(self.next_ns as u64), &self.samples);
            self.next_ns += self.block_ns;
        }
    }
}

fn microseconds_a_block(ppm: f64, amplitude: f32) -> f64 {
    let mut mixer = Mixer::new(MasterSettings { gain: 1.0, ceiling: Some(0.891) });
    let settings = StripSettings { gain: 0.9, pan: 0.2, delay_ms: 40 };
    let mut tones = Vec::new();
    for key in 0..STRIPS {
        let (inlet, outlet) = pipe();
        mixer.add(key, outlet, settings);
        tones.push(Tone::new(inlet, ppm, amplitude));
    }
    let mut out = SILENCE;
    let mut spent = 0.0;
    for index in 0..BLOCKS + 1_000 {
        let time_ns = index * BLOCK_NS;
        tones.iter_mut().for_each(|tone| tone.push_until(time_ns as f64 + 2e8));
        let begun = ThreadTime::now();
        mixer.mix(time_ns, &mut out);
        if index >= 1_000 {
            spent += begun.elapsed().as_secs_f64();
        }
        black_box(&out);
    }
    spent * 1e6 / BLOCKS as f64
}

fn main() {
    println!("{STRIPS} strips, {BLOCK_FRAMES} frames at {SAMPLE_RATE} Hz, median of {RUNS} runs of {BLOCKS} blocks:");
    for (what, ppm, amplitude) in [
        ("same clock, limiter idle", 0.0, 0.1),
        ("same clock, limiter at work", 0.0, 0.9),
        ("drifting by 200 ppm, limiter idle", 200.0, 0.1),
        ("drifting by 200 ppm, limiter at work", 200.0, 0.9),
    ] {
        let mut runs: Vec<f64> = (0..RUNS).map(|_| microseconds_a_block(ppm, amplitude)).collect();
        runs.sort_by(f64::total_cmp);
        let median = runs[RUNS / 2];
        println!("{what:38} {median:7.1} µs a block, {:.2} % of a core", median / 100.0);
    }
}
