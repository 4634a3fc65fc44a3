//! A source with a clock of its own, and ways to judge what comes out at the other end.
//!
//! Every source here hears the same air: at true time `t` (seconds) the left channel is a tone, the right one a slow sine whose zero
//! crossings tell the time. What comes out can so be held against the formula rather than against what went in.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::f64::consts::TAU;

use pulse_sound::{BLOCK_FRAMES, BLOCK_NS, Block, Inlet, LATENCY_NS, Outlet, SAMPLE_RATE, SILENCE};

pub const TONE_HZ: f64 = 997.0;
pub const TIMECODE_HZ: f64 = 5.0;
pub const AMPLITUDE: f64 = 0.5;
pub const LATENCY_S: f64 = LATENCY_NS as f64 / 1e9;

/// Numbers between 0 and 1, the same in every run (Marsaglia's xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A microphone whose sample clock is off by so many parts per million and whose timestamps jitter.
pub struct Microphone {
    pub inlet: Inlet,
    pub block: usize,
    pub jitter_ns: f64,
    /// Added to every timestamp: what a source that errs says.
    pub lie_ns: i64,
    /// Whether it stamps at all.
    pub stamps: bool,
    period_s: f64,
    next_s: f64,
    dice: Dice,
    samples: Vec<f32>,
}

impl Microphone {
    pub fn new(inlet: Inlet, ppm: f64, jitter_ms: f64) -> Self {
        let period_s = 1.0 / (f64::from(SAMPLE_RATE) * (1.0 + ppm * 1e-6));
        let dice = Dice::new(ppm.to_bits());
        let jitter_ns = jitter_ms * 1e6;
        Self {
            inlet,
            block: 1024,
            jitter_ns,
            lie_ns: 0,
            stamps: true,
            period_s,
            next_s: 1.0,
            dice,
            samples: Vec::new(),
        }
    }

    /// Hears on, and pushes every block whose last sample it has heard by `now_s`.
    pub fn hear_until(&mut self, now_s: f64) {
        while self.next_s + self.block as f64 * self.period_s <= now_s {
            air(self.next_s, self.period_s, self.block, &mut self.samples);
            let jitter = (2.0 * self.dice.roll() - 1.0) * self.jitter_ns;
            let stamp = (self.next_s * 1e9 + jitter) as i64 + self.lie_ns;
            self.inlet.push(self.stamps.then_some(stamp.max(0) as u64), &self.samples);
            self.next_s += self.block as f64 * self.period_s;
        }
    }

    /// Is unplugged until `now_s`.
    pub fn sleep_until(&mut self, now_s: f64) {
        self.next_s = now_s;
    }
}

/// What is to be heard from `from_s` on, by rotating a phasor (four hours of `sin` would take most of the test's time).
fn air(from_s: f64, period_s: f64, frames: usize, out: &mut Vec<f32>) {
    out.clear();
    let turn = |hertz: f64| ((TAU * hertz * from_s).sin_cos(), (TAU * hertz * period_s).sin_cos());
    let ((mut s, mut c), (ds, dc)) = turn(TONE_HZ);
    let ((mut s2, mut c2), (ds2, dc2)) = turn(TIMECODE_HZ);
    for _ in 0..frames {
        out.extend([(AMPLITUDE * s) as f32, (AMPLITUDE * s2) as f32]);
        (s, c) = (s * dc + c * ds, c * dc - s * ds);
        (s2, c2) = (s2 * dc2 + c2 * ds2, c2 * dc2 - s2 * ds2);
    }
}

/// Watches what comes out: how far its timecode is off, and how rough its tone is.
#[derive(Default)]
pub struct Listener {
    last: [f64; 3],
    heard: u64,
    /// The largest time error (seconds) of any zero crossing since the last reset.
    pub worst_error_s: f64,
    /// Crossings judged since then.
    pub crossings: u64,
    /// The largest second difference of the tone since then; a click of height `h` shows as about `h`.
    pub worst_bend: f64,
    /// The loudest tone sample since then.
    pub loudest: f64,
}

/// The second difference of the tone itself: its amplitude times the square of its angle per frame.
pub fn bend_of_tone() -> f64 {
    AMPLITUDE * (TAU * TONE_HZ / f64::from(SAMPLE_RATE)).powi(2)
}

impl Listener {
    pub fn reset(&mut self) {
        (self.worst_error_s, self.crossings, self.worst_bend, self.loudest) = (0.0, 0, 0.0, 0.0);
    }

    /// Takes in the block of a program time.
    pub fn take(&mut self, time_s: f64, block: &Block) {
        for (index, frame) in block.as_chunks::<2>().0.iter().enumerate() {
            let (tone, code) = (f64::from(frame[0]), f64::from(frame[1]));
            assert!(tone.is_finite() && code.is_finite());
            let [before, last, last_code] = self.last;
            if self.heard >= 2 {
                self.worst_bend = self.worst_bend.max((tone - 2.0 * last + before).abs());
            }
            self.loudest = self.loudest.max(tone.abs());
            if last_code < 0.0 && code >= 0.0 && code - last_code < 0.01 {
                let part = last_code / (last_code - code);
                let at_s = time_s + (index as f64 - 1.0 + part) / f64::from(SAMPLE_RATE) - LATENCY_S;
                let turns = at_s * TIMECODE_HZ;
                self.worst_error_s = self.worst_error_s.max((turns - turns.round()).abs() / TIMECODE_HZ);
                self.crossings += 1;
            }
            self.last = [last, tone, code];
            self.heard += 1;
        }
    }
}

/// One source through one pipe, by the program's clock.
pub struct Run {
    pub microphone: Microphone,
    pub outlet: Outlet,
    pub listener: Listener,
    pub time_ns: u64,
}

impl Run {
    /// The program begins a second into time, so that sources may err backwards.
    pub fn new(ppm: f64, jitter_ms: f64) -> Self {
        let (inlet, outlet) = pulse_sound::pipe();
        Self {
            microphone: Microphone::new(inlet, ppm, jitter_ms),
            outlet,
            listener: Listener::default(),
            time_ns: 1_000_000_000,
        }
    }

    pub fn now_s(&self) -> f64 {
        self.time_ns as f64 / 1e9
    }

    /// One block of program time, with or without the source.
    pub fn tick(&mut self, plugged: bool) -> Block {
        let now_s = self.now_s();
        if plugged {
            self.microphone.hear_until(now_s);
        } else {
            self.microphone.sleep_until(now_s);
        }
        let mut block = SILENCE;
        self.outlet.read(self.time_ns, &mut block);
        self.listener.take(now_s, &block);
        self.time_ns += BLOCK_NS;
        block
    }

    pub fn run(&mut self, seconds: f64) {
        for _ in 0..(seconds * 100.0).round() as u64 {
            self.tick(true);
        }
    }

    pub fn run_unplugged(&mut self, seconds: f64) {
        for _ in 0..(seconds * 100.0).round() as u64 {
            self.tick(false);
        }
    }
}

/// A stereo block of which both channels are `sample(frame)`, counted from `first`.
pub fn block_of(first: usize, sample: impl Fn(usize) -> f64) -> Block {
    let mut block = SILENCE;
    for (index, frame) in block.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        frame.fill(sample(first + index) as f32);
    }
    block
}

/// A sine of full scale at frame `n`.
pub fn sine(hertz: f64, n: usize) -> f64 {
    (TAU * hertz * n as f64 / f64::from(SAMPLE_RATE)).sin()
}

/// The frames of the channel `channel` of several blocks.
pub fn channel(blocks: &[Block], channel: usize) -> Vec<f64> {
    blocks.iter().flat_map(|block| block.iter().skip(channel).step_by(2)).map(|sample| f64::from(*sample)).collect()
}

/// Feeds a pipe exactly stamped blocks of 480 frames ahead of a reader, so that nothing but the signal matters.
pub fn push_exact(inlet: &mut Inlet, blocks: usize, sample: impl Fn(usize) -> f64) {
    for index in 0..blocks {
        assert!(inlet.push(Some(index as u64 * BLOCK_NS), &block_of(index * BLOCK_FRAMES, &sample)));
    }
}
